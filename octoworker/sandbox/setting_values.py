"""How the value of each setting is read from JSON: a table of readers, each of which raises when a value does not fit."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from decimal import Decimal

from octoworker.sandbox.callbacks.mishaps import MISHAPS

ONE_FOR_ALL = "callback_url"
"""A name that stands for three: Octopush takes one address for every kind."""


def _euros(value: object) -> Decimal:
    amount = Decimal(str(value))
    if not amount.is_finite():
        raise ArithmeticError
    return amount


def _seconds(value: object) -> float:
    return float(str(value))


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _whole(value: object) -> int:
    return int(str(value))


def _one_of(known: Collection[str]) -> Callable[[object], str]:
    def read(value: object) -> str:
        if value not in known:
            raise ValueError
        return str(value)

    return read


def _codes(value: object) -> tuple[str, ...]:
    if not isinstance(value, list | tuple):
        raise TypeError
    return tuple(map(str, value))


def _shares(value: object) -> dict[str, float]:
    if not isinstance(value, Mapping):
        raise TypeError
    if value.keys() - MISHAPS.keys():
        raise ValueError
    return {str(name): float(share) for name, share in value.items()}


def _words(value: object) -> dict[str, tuple[str, ...]]:
    if not isinstance(value, Mapping):
        raise TypeError
    return {str(number): _codes(words) for number, words in value.items()}


READERS: dict[str, Callable[[object], object]] = {
    "credit": _euros,
    "latency": _seconds,
    "waived": _codes,
    "key_window": _seconds,
    "duplicate_code": _text,
    "consume_on_refusal": _flag,
    "consume_on_simulation": _flag,
    "credit_first": _flag,
    "key_first": _flag,
    "calls_at_once": _whole,
    "beyond_calls_at_once": _one_of(("refuse", "queue")),
    "success_status": _whole,
    "refusal_status": _whole,
    "longest_low_cost": _whole,
    "low_cost_sender": _flag,
    "many_recipients": _one_of(("refuse", "cut")),
    "simulated_receipts": _flag,
    "charge_blacklisted": _flag,
    "bad_numbers": _one_of(("drop", "refuse")),
    "stop_code": _text,
    "stop_five_x": _flag,
    "default_type": _one_of(("sms_premium", "sms_low_cost")),
    "default_sender": _text,
    "simulated_ticket": _flag,
    "refund_on_cancel": _flag,
    "cancels_a_month": _whole,
    "cancel_again": _one_of(("refuse", "accept")),
    "parameters_nested": _flag,
    "parameters_names": _one_of(("new", "old")),
    "url_deliveries": _text,
    "url_stops": _text,
    "url_replies": _text,
    "url_visits": _text,
    "email_replies": _text,
    "payload_type": _one_of(("json", "html")),
    "callback_numbers": _one_of(("plus", "bare", "zeros", "national")),
    "callback_array": _flag,
    "reply_date": _one_of(("reception_date", "answer_date")),
    "receipts": _shares,
    "receipt_words": _words,
    "stop_is_reply_too": _flag,
    "callback_tries": _whole,
    "undelivered_word": _text,
    "receipt_delay": _seconds,
    "late_seconds": _seconds,
}


def read(changes: Mapping[str, object]) -> dict[str, object]:
    """The changes, converted. ValueError names the first unknown one, or the one that does not fit."""
    if ONE_FOR_ALL in changes:
        url = changes[ONE_FOR_ALL]
        others = {name: value for name, value in changes.items() if name != ONE_FOR_ALL}
        changes = {"url_deliveries": url, "url_stops": url, "url_replies": url} | others
    if unknown := sorted(changes.keys() - READERS.keys()):
        raise ValueError(f"There is no setting called {unknown[0]}.")
    return {name: _converted(name, value) for name, value in changes.items()}


def _converted(name: str, value: object) -> object:
    try:
        return READERS[name](value)
    except (ArithmeticError, TypeError, ValueError) as error:
        raise ValueError(f"The value of {name} does not fit.") from error
