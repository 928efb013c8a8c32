"""Single values out of an answer, whatever they look like: what cannot be read is None. Nothing here raises but `json_object`."""

from __future__ import annotations

import codecs
import json
from decimal import Decimal
from functools import lru_cache
from typing import Any

PLACES = 6
"""Decimal places kept of an amount. PHP writes 0.055 as 0.055000000000000001 when it is set up badly."""

MAGNITUDE = 12
"""Digits before the point beyond which an amount or a count is no such thing."""


class UnreadableError(Exception):
    """The body is no answer."""


def trimmed(body: bytes) -> bytes:
    """Without blanks and marks around it: Octopush's own clients trim the body, too."""
    return body.strip().removeprefix(codecs.BOM_UTF8).strip()


_DECODER = json.JSONDecoder(parse_float=Decimal, parse_constant=lambda _: None)
"""Made once: `json.loads` makes one anew for each body."""


def parsed(body: bytes) -> Any:
    """JSON whose amounts keep their digits as decimals; NaN and Infinity, which JSON does not have, become null."""
    return _DECODER.decode(body.decode(json.detect_encoding(body), "surrogatepass"))


def json_object(body: bytes) -> dict[str, Any] | None:
    """The object that a body is, or None for anything else."""
    try:
        found = parsed(trimmed(body))
    except Exception:  # noqa: BLE001 - a parser fails in many ways on what is no JSON; all mean "no answer"
        return None
    return found if isinstance(found, dict) else None


def amount(value: Any) -> Decimal | None:
    """A decimal out of a number or its text, plain and of sane size; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, str, Decimal)):
        return None
    return _decimal(value)


@lru_cache(maxsize=1024, typed=True)
def _decimal(value: int | str | Decimal) -> Decimal | None:
    """Remembered, for an answer about 500 recipients names the same few prices 500 times."""
    try:
        amount = Decimal(value)
    except ArithmeticError:
        return None
    if not amount.is_finite() or amount.adjusted() >= MAGNITUDE:
        return None
    return Decimal(f"{round(amount, PLACES) if amount.as_tuple().exponent < -PLACES else amount:f}")  # type: ignore[operator]


def count(value: Any) -> int | None:
    """A whole number from 0 up, out of a number or its text."""
    if type(value) is int:  # nearly always
        return value if 0 <= value < 10**MAGNITUDE else None
    whole = amount(value)
    return int(whole) if whole is not None and whole >= 0 and whole == int(whole) else None


def word(value: Any) -> str | None:
    """A short printable word, as a ticket is."""
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        return None
    word = str(value).strip()
    return word if 0 < len(word) <= 64 and word.isascii() and word.isprintable() else None
