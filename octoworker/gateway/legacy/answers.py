"""What an answer says, in our words (section 4 of our notes). Nothing here raises: what cannot be read is a maybe.

1. The error_code decides alone. Without one that can be read, nothing is known.
2. After 000 the call is accepted, whatever the rest looks like: an odd amount becomes None and loses nothing.
3. Every recipient asked for has an outcome; nobody else has one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from typing import Any, Literal

from octoworker.errors import (
    DuplicateKeyError,
    GatewayError,
    MaybeSentError,
    RefusedByOctopushError,
    UnreachableError,
)
from octoworker.gateway.legacy.bodies import tree
from octoworker.gateway.legacy.codes import Code, Kind, lookup, normalise

Format = Literal["json", "xml"]
Entry = Mapping[str, Any]
"""What an answer lists about one recipient."""

ACCEPTED = "000"
DUPLICATE = "120"

NESTING = 3
"""Levels in which the lists of recipients may be wrapped: `successs`, `success`, and PHP's numbered objects."""

PLACES = 6
"""Decimal places kept of an amount. PHP writes 0.055 as 0.055000000000000001 when it is set up badly."""

MAGNITUDE = 12
"""Digits before the point beyond which an amount or a count is no such thing."""

_ABOUT = frozenset({"recipient", "error_code", "country_code", "cost", "sms_needed"})
"""Names by which an entry in the lists of recipients is known."""

SHORTEST_NUMBER = 6
"""Digits that a bare value needs to be a recipient, and not, say, a count of them."""

_CURRENCIES = {"€": "EUR", "&euro;": "EUR"}
"""Octopush writes the sign (4.2)."""


@dataclass(frozen=True)
class Outcome:
    """What became of one recipient. `country` is ISO-2; `cost` in the answer's currency; `segments` billed."""

    recipient: str = field(repr=False)
    """As it was asked for: E.164 with `+`."""
    state: Literal["accepted", "rejected"]
    country: str | None = None
    cost: Decimal | None = None
    segments: int | None = None
    error_code: str | None = None
    """Why it was rejected, when Octopush said so."""


@dataclass(frozen=True)
class Answer:
    """Octopush took the call. Whatever it left out, or wrote in a way nobody can read, is None."""

    ticket: str | None
    cost: Decimal | None
    balance: Decimal | None
    currency: str | None
    """ISO 4217: "EUR" for the sign."""
    sending_date: int | None
    """Unix seconds."""
    segments: int | None
    """Of the whole call."""
    outcomes: tuple[Outcome, ...]
    """One for each recipient asked for, in that order."""
    error_code: str = ACCEPTED


def of_submit(body: bytes, form: Format, asked: Sequence[str]) -> Answer | GatewayError:
    """What `/sms` said about the recipients `asked`."""
    found = _read(body, form)
    code = normalise(found.get("error_code"))
    if code is None:
        return MaybeSentError("Octopush's answer carries no error_code that can be read")
    if code != ACCEPTED:
        return _refusal(lookup(code), found)
    return Answer(
        ticket=_word(found.get("ticket")),
        cost=_amount(found.get("cost")),
        balance=_amount(found.get("balance")),
        currency=_currency(found.get("currency_code")),
        sending_date=_count(found.get("sending_date")),
        segments=_count(found.get("number_of_sendings")),
        outcomes=_outcomes(found, asked),
    )


def of_balance(body: bytes, form: Format) -> dict[str, Decimal] | GatewayError:
    """What `/balance` said: how many SMS of each kind (FR, XXX) are left."""
    found = _read(body, form)
    balance = found.get("balance")
    counts = {kind: _amount(value) for kind, value in balance.items()} if isinstance(balance, dict) else {}
    known = {kind: count for kind, count in counts.items() if count is not None}
    return _no_reading(found) or known or UnreachableError("Octopush's answer carries no balance")


def of_credit(body: bytes, form: Format) -> Decimal | GatewayError:
    """What `/credit` said: euros left."""
    found = _read(body, form)
    credit = _amount(found.get("credit"))
    if refusal := _no_reading(found):
        return refusal
    return UnreachableError("Octopush's answer carries no credit") if credit is None else credit


def _read(body: bytes, form: Format) -> dict[str, Any]:
    try:
        return tree(body, form)
    except Exception:  # noqa: BLE001 - parsers fail in many ways on what is no JSON or XML; all mean "no answer"
        return {}


def _refusal(code: Code, found: Mapping[str, Any]) -> GatewayError:
    reason = f"Octopush answered {code.code}: {code.meaning}"
    if code.code == DUPLICATE:
        return DuplicateKeyError(reason, error_code=code.code)
    if code.kind is Kind.MAYBE or _entries(found, "success"):
        # A refusal that lists somebody as accepted contradicts itself, so it proves nothing.
        return MaybeSentError(reason, error_code=code.code)
    return RefusedByOctopushError(reason, error_code=code.code)


def _no_reading(found: Mapping[str, Any]) -> GatewayError | None:
    """The refusal of a question. These two calls may leave out the error_code when all is well (4.5)."""
    code = normalise(found.get("error_code"))
    if code in (None, ACCEPTED):
        return None
    return RefusedByOctopushError(f"Octopush answered {code}: {lookup(code).meaning}", error_code=code)


def _outcomes(found: Mapping[str, Any], asked: Sequence[str]) -> tuple[Outcome, ...]:
    accepted = _by_recipient(_entries(found, "success"), asked)
    refused = _by_recipient(_entries(found, "failure"), asked)
    digits = [_digits(number) for number in asked]
    return tuple(_outcome(it, accepted.get(of), refused.get(of)) for it, of in zip(asked, digits, strict=True))


def _outcome(number: str, accepted: Entry | None, refused: Entry | None) -> Outcome:
    """A recipient in neither list counts as accepted: Octopush took and charged the call it was in.

    In both lists, too: sending again to somebody who was charged for would be the greater wrong.
    """
    entry = accepted or refused or {}
    rejected = refused is not None and accepted is None
    return Outcome(
        number,
        "rejected" if rejected else "accepted",
        country=_country(entry.get("country_code")),
        cost=None if rejected else _amount(entry.get("cost")),
        segments=None if rejected else _count(entry.get("sms_needed")),
        error_code=normalise(entry.get("error_code")) if rejected else None,
    )


def _by_recipient(entries: Sequence[Entry], asked: Sequence[str]) -> dict[str, Entry]:
    """Entries by the digits of their number. In a call for one, all are about that one, however they write it."""
    alone = _digits(asked[0]) if len(asked) == 1 else None
    return {alone or _digits(entry.get("recipient")): entry for entry in entries}


def _entries(found: Mapping[str, Any], kind: Literal["success", "failure"]) -> list[Entry]:
    """The list of one kind. Octopush's own spelling of the first is `successs`."""
    names = {"success": ("successs", "success"), "failure": ("failures", "failure")}[kind]
    return [entry for name in names for entry in _flat(found.get(name), NESTING)]


def _flat(value: Any, depth: int) -> Iterator[Entry]:
    """Entries out of whatever holds them: an object, a list, both wrapped once more, bare numbers, or nothing (4.3, 4.4)."""
    if isinstance(value, dict) and any(value.get(name) for name in _ABOUT):
        yield value
    elif isinstance(value, (dict, list)) and depth:
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _flat(inner, depth - 1)
    elif len(_digits(value)) >= SHORTEST_NUMBER:
        yield {"recipient": value}


def _digits(number: Any) -> str:
    """A number as its digits alone: JSON has it without `+`, the form had it with `+` or `00`, XML has `+` (4.3)."""
    if isinstance(number, Decimal):
        number = _count(number)
    if isinstance(number, bool) or not isinstance(number, (int, str)):
        return ""
    text = str(number).removeprefix("+")
    return (text if text.isascii() and text.isdigit() else _OTHERS.sub("", text)).removeprefix("00")


_OTHERS = re.compile(r"[^0-9]+")


def _amount(value: Any) -> Decimal | None:
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


def _count(value: Any) -> int | None:
    """A whole number from 0 up, out of a number or its text."""
    amount = _amount(value)
    return int(amount) if amount is not None and amount >= 0 and amount == int(amount) else None


def _word(value: Any) -> str | None:
    """A short printable word, as a ticket is."""
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        return None
    word = str(value).strip()
    return word if 0 < len(word) <= 64 and word.isascii() and word.isprintable() else None


def _country(value: Any) -> str | None:
    if isinstance(value, str) and len(value) == 2 and value.isascii() and value.isalpha():
        return value.upper()
    word = (_word(value) or "").upper()
    return word if len(word) == 2 and word.isalpha() else None


def _currency(value: Any) -> str | None:
    word = value.strip() if isinstance(value, str) else ""
    code = _CURRENCIES.get(word, word.upper())
    return code if len(code) == 3 and code.isascii() and code.isalpha() else None
