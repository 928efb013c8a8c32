"""What a stranger wrote is text, wherever it is shown: on a terminal, in a table for a spreadsheet, on a page, in a log.

The one place that makes it so. Nothing that comes out of here moves a cursor, sets a colour, turns the direction of
writing, begins a line, a tag or a formula. Whoever shows something calls the function of that place.
"""

from __future__ import annotations

import html as _html
import json as _json
import re
from typing import Any

LONGEST = 500
"""Characters of one piece of a stranger's that are shown."""

_UNPRINTED = {10: "⏎", 9: "→"}


def terminal(text: str, *, longest: int | None = LONGEST) -> str:
    """On one line of a terminal, cut. Signs that do something instead of being seen are spelled out."""
    cut = text if longest is None or len(text) <= longest else text[: longest - 1] + "…"
    if cut.isprintable():
        return cut
    return "".join(sign if sign.isprintable() else _UNPRINTED.get(ord(sign), f"\\u{ord(sign):04x}") for sign in cut)


def html(text: str) -> str:
    """On a page, as the content of an element or of a quoted attribute."""
    return _html.escape(terminal(text))


def log(text: str) -> str:
    """In a line of a log that people read. JSON escapes by itself."""
    return terminal(text)


def json(document: Any) -> str:
    """A JSON document that means the same and does nothing to a terminal. One line."""
    return "".join(map(_json_sign, _json.dumps(document, ensure_ascii=False)))


def _json_sign(sign: str) -> str:
    return sign if sign.isprintable() else _json.dumps(sign)[1:-1]


_FORMULA_SIGNS = frozenset("=+-@\t\r\n")
_NUMBER = re.compile(r"[+\-]?[0-9][0-9 .]{0,38}")


def cell(value: object) -> object:
    """In a CSV that a spreadsheet will open: words that it would run as a formula get a ' in front."""
    if not isinstance(value, str):
        return value
    seen = terminal(value, longest=None)
    if seen and value[0] in _FORMULA_SIGNS and not _NUMBER.fullmatch(value):
        return "'" + seen
    return seen
