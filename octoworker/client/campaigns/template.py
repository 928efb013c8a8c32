"""A text with fields: `Bonjour {prenom}, ...`. Nothing but names in braces: no format, no code."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_FIELD = re.compile(r"\{([^{}\n]{1,60})\}")


def plain(name: str) -> str:
    """A column's name as it is compared: no case, no accents, no blanks or dashes around or inside."""
    import unicodedata  # noqa: PLC0415 - small, but a web app that sends no campaign needs none of it

    bare = unicodedata.normalize("NFKD", name.strip().lower())
    return re.sub(r"[\s_\-.]+", "_", "".join(sign for sign in bare if not unicodedata.combining(sign)))


@dataclass(frozen=True)
class Template:
    """A text with fields."""

    text: str

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of its fields, as they are compared, each once."""
        return tuple(dict.fromkeys(plain(name) for name in _FIELD.findall(self.text)))

    def filled(self, row: Mapping[str, str]) -> str:
        """The text for a row whose names are plain. KeyError names a field that the row has not."""
        return _FIELD.sub(lambda found: row[plain(found.group(1))], self.text)
