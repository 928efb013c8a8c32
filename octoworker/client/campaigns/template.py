"""A text with fields: `Bonjour {prenom}, ...`. Nothing but names in braces: no format, no code, and no other brace."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from octoworker.errors import PayloadError
from octoworker.sms import sizes

_FIELD = re.compile(r"\{([^{}\n]{1,60})\}")


_BETWEEN = re.compile(r"[\s_\-.:'\u2019\"]+")


@lru_cache(maxsize=256)
def plain(name: str) -> str:
    """A column's name as it is compared: no case, no accents, no blanks, dots or dashes around or inside.

    `N° de téléphone` is `no_de_telephone`, `Tel.` is `tel`. "" for a name of which nothing is left.
    """
    import unicodedata  # noqa: PLC0415 - small, but a web app that sends no campaign needs none of it

    bare = unicodedata.normalize("NFKD", name[: sizes.CSV_CELL]).lower().replace("°", "o")
    letters = "".join(sign for sign in bare if not unicodedata.combining(sign))
    return _BETWEEN.sub("_", letters).strip("_")


@dataclass(frozen=True)
class Template:
    """A text with fields. PayloadError for a brace that is no part of one: it would be sent as it stands."""

    text: str

    def __post_init__(self) -> None:
        if len(self.text) > sizes.TEMPLATE:
            raise PayloadError([f"template: use at most {sizes.TEMPLATE} characters."])
        left = _FIELD.sub(lambda found: "." * len(found[0]), self.text)
        at = next((place for place, sign in enumerate(left, 1) if sign in "{}"), None)
        if at is not None:
            raise PayloadError(
                [f"template: the brace at character {at} has no partner; write {{name}}, with the name of a column."]
            )
        if not all(map(plain, _FIELD.findall(self.text))):
            raise PayloadError(["template: a pair of braces holds no name; write {name}, with the name of a column."])

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of its fields, as they are compared, each once."""
        return tuple(dict.fromkeys(plain(name) for name in _FIELD.findall(self.text)))

    def filled(self, row: Mapping[str, str]) -> str:
        """The text for a row whose names are plain. KeyError names a field that the row has not."""
        return _FIELD.sub(lambda found: row[plain(found.group(1))], self.text)
