"""What an answer says, in our words (sources: docs/octopush.md). Nothing here raises: what cannot be read is a maybe.

1. The error_code decides alone. Without one that can be read, nothing is known.
2. After 000 the call is accepted, whatever the rest looks like: an odd amount becomes None and loses nothing.
3. Every recipient asked for has a result; nobody else has one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Literal

from octoworker.errors import (
    DuplicateKeyError,
    GatewayError,
    Kind,
    MaybeSentError,
    RefusedByProviderError,
    UnreachableError,
)
from octoworker.gateway.codes import normalise
from octoworker.gateway.legacy.bodies import tree
from octoworker.gateway.legacy.codes import lookup
from octoworker.gateway.readings import amount, count, word
from octoworker.gateway.values import Answer, Code, Credit, RecipientResult

Format = Literal["json", "xml"]
Entry = Mapping[str, Any]
"""What an answer lists about one recipient."""

ACCEPTED = "000"
DUPLICATE = "120"

NESTING = 3
"""Levels in which the lists of recipients may be wrapped: `successs`, `success`, and PHP's numbered objects."""

_ABOUT = frozenset({"recipient", "error_code", "country_code", "cost", "sms_needed"})
"""Names by which an entry in the lists of recipients is known."""

SHORTEST_NUMBER = 6
"""Digits that a bare value needs to be a recipient, and not, say, a count of them."""

_CURRENCIES = {"€": "EUR", "&euro;": "EUR"}
"""Octopush writes the sign."""

CREDIT_CURRENCY = "EUR"
"""`/credit` answers in the account's currency without naming it; Octopush's accounts are in euros."""


def of_submit(body: bytes, form: Format, asked: Sequence[str]) -> Answer | GatewayError:
    """What `/sms` said about the recipients `asked`."""
    found = _read(body, form)
    code = normalise(found.get("error_code"))
    if code is None:
        return MaybeSentError("Octopush's answer carries no error_code that can be read")
    if code != ACCEPTED:
        return _refusal(lookup(code), found)
    return Answer(
        ticket=word(found.get("ticket")),
        cost=amount(found.get("cost")),
        balance=amount(found.get("balance")),
        currency=_currency(found.get("currency_code")),
        send_at=_instant(found.get("sending_date")),
        segments=count(found.get("number_of_sendings")),
        results=_results(found, asked),
        code=code,
    )


def of_balance(body: bytes, form: Format) -> dict[str, Decimal] | GatewayError:
    """What `/balance` said: how many SMS of each kind (FR, XXX) are left."""
    found = _read(body, form)
    balance = found.get("balance")
    counts = {kind: amount(value) for kind, value in balance.items()} if isinstance(balance, dict) else {}
    known = {kind: count for kind, count in counts.items() if count is not None}
    return _no_reading(found) or known or UnreachableError("Octopush's answer carries no balance")


def of_credit(body: bytes, form: Format) -> Credit | GatewayError:
    """What `/credit` said: money left."""
    found = _read(body, form)
    credit = amount(found.get("credit"))
    if refusal := _no_reading(found):
        return refusal
    if credit is None:
        return UnreachableError("Octopush's answer carries no credit")
    return Credit(credit, CREDIT_CURRENCY)


def _read(body: bytes, form: Format) -> dict[str, Any]:
    try:
        return tree(body, form)
    except Exception:  # noqa: BLE001 - parsers fail in many ways on what is no JSON or XML; all mean "no answer"
        return {}


def _refusal(code: Code, found: Mapping[str, Any]) -> GatewayError:
    reason = f"Octopush answered {code.code}: {code.meaning}"
    if code.code == DUPLICATE:
        return DuplicateKeyError(reason, code=code.code)
    if code.kind is Kind.MAYBE or _entries(found, "success"):
        # A refusal that lists somebody as accepted contradicts itself, so it proves nothing.
        return MaybeSentError(reason, code=code.code)
    return _refused(code, reason)


def _refused(code: Code, reason: str) -> RefusedByProviderError:
    return RefusedByProviderError(
        reason,
        kind=code.kind,
        code=code.code,
        stops_account=code.stops_account,
        mended_by_credit=code.mended_by_credit,
    )


def _no_reading(found: Mapping[str, Any]) -> GatewayError | None:
    """The refusal of a question. These two calls may leave out the error_code when all is well."""
    code = normalise(found.get("error_code"))
    if code in (None, ACCEPTED):
        return None
    return _refused(lookup(code), f"Octopush answered {code}: {lookup(code).meaning}")


def _results(found: Mapping[str, Any], asked: Sequence[str]) -> tuple[RecipientResult, ...]:
    digits = [_digits(number) for number in asked]
    accepted = _by_recipient(_entries(found, "success"), digits)
    refused = _by_recipient(_entries(found, "failure"), digits)
    return tuple(_result(it, accepted.get(of), refused.get(of)) for it, of in zip(asked, digits, strict=True))


def _result(number: str, accepted: Entry | None, refused: Entry | None) -> RecipientResult:
    """A recipient in neither list counts as accepted: Octopush took and charged the call it was in.

    In both lists, too: sending again to somebody who was charged for would be the greater wrong.
    """
    if refused is not None and accepted is None:
        return _rejected(number, refused)
    entry = accepted or {}
    return RecipientResult(
        number,
        "accepted",
        country=_country(entry.get("country_code")),
        cost=amount(entry.get("cost")),
        segments=count(entry.get("sms_needed")),
    )


def _rejected(number: str, entry: Entry) -> RecipientResult:
    code = normalise(entry.get("error_code"))
    known = lookup(code or "")
    return RecipientResult(
        number,
        "rejected",
        country=_country(entry.get("country_code")),
        code=code,
        kind=known.kind,
        reason=known.meaning,
    )


def _by_recipient(entries: Sequence[Entry], asked: Sequence[str]) -> dict[str, Entry]:
    """Entries by the digits of their number, of which these are asked for. In a call for one, all are about that one, however they
    write it."""
    alone = asked[0] if len(asked) == 1 else None
    return {alone or _digits(entry.get("recipient")): entry for entry in entries}


_LISTS = {"success": ("successs", "success"), "failure": ("failures", "failure")}
"""Names of the list of each kind. Octopush's own spelling of the first is `successs`."""


def _entries(found: Mapping[str, Any], kind: Literal["success", "failure"]) -> list[Entry]:
    return [entry for name in _LISTS[kind] if (listed := found.get(name)) for entry in _flat(listed, NESTING)]


def _flat(value: Any, depth: int) -> Iterator[Entry]:
    """Entries out of whatever holds them: an object, a list, both wrapped once more, bare numbers, or nothing."""
    if isinstance(value, dict) and any(map(value.get, _ABOUT)):
        yield value
    elif isinstance(value, (dict, list)) and depth:
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _flat(inner, depth - 1)
    elif len(_digits(value)) >= SHORTEST_NUMBER:
        yield {"recipient": value}


def _digits(number: Any) -> str:
    """A number as its digits alone: JSON has it without `+`, the form had it with `+` or `00`, XML has `+`."""
    if isinstance(number, Decimal):
        number = count(number)
    if isinstance(number, bool) or not isinstance(number, (int, str)):
        return ""
    text = str(number).removeprefix("+")
    return (text if text.isascii() and text.isdigit() else _OTHERS.sub("", text)).removeprefix("00")


_OTHERS = re.compile(r"[^0-9]+")


def _instant(value: Any) -> datetime | None:
    """An aware instant out of Unix seconds; None for what lies in no calendar."""
    seconds = count(value)
    try:
        return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _country(value: Any) -> str | None:
    if isinstance(value, str) and len(value) == 2 and value.isascii() and value.isalpha():
        return value.upper()
    code = (word(value) or "").upper()
    return code if len(code) == 2 and code.isalpha() else None


def _currency(value: Any) -> str | None:
    word = value.strip() if isinstance(value, str) else ""
    code = _CURRENCIES.get(word, word.upper())
    return code if len(code) == 3 and code.isascii() and code.isalpha() else None
