"""The bodies of callbacks, field by field, as each generation writes them.

Sources: the pages on acknowledge-receipt, inbounds and opt-out management; the delivery statuses of the newer reference.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode

from octoworker.sandbox.clock import in_paris
from octoworker.sandbox.handsets import Message
from octoworker.sandbox.settings import Settings

DATE = "%Y-%m-%d %H:%M:%S"
"""Without a zone; Paris."""
SHORT_NUMBER = "36111"
"""The number that replies come in on."""
FORM, JSON = "application/x-www-form-urlencoded", "application/json"

NUMBERS: dict[str, Callable[[str], str]] = {
    "plus": str,
    "bare": lambda number: number.removeprefix("+"),
    "zeros": lambda number: f"00{number.removeprefix('+')}",
    "national": lambda number: f"0{number.removeprefix('+33')}" if number.startswith("+33") else number,
}


@dataclass(frozen=True)
class Letter:
    """One event on its way to an address. `done` is set once it was posted, whatever came of it."""

    kind: str
    api: str
    number: str = field(repr=False)
    url: str = field(repr=False)
    fields: dict[str, object] = field(repr=False)
    payload_type: str
    array: bool
    tries: int = 1
    done: threading.Event = field(default_factory=threading.Event, compare=False, repr=False)


def receipt(settings: Settings, message: Message, word: str, at: float) -> Letter:
    """What became of a message, in the operator's word."""
    fields: dict[str, object] = {
        "message_id": message.ticket,
        "number": _number(settings, message.recipient),
        "status": word,
        "delivery_date": _date(at),
    }
    if message.api == "v1":
        fields |= {"channel": "sms", "list_name": "", "unit_price": float(message.cost), "meta_data": {}}
    return _letter(settings, "receipt", message, fields)


def stop(settings: Settings, message: Message, text: str, at: float) -> Letter:
    """A recipient wants no more."""
    fields = {**_typed(settings, message, text), "stop_date": _date(at)}
    return _letter(settings, "stop", message, fields)


def reply(settings: Settings, message: Message, text: str, at: float) -> Letter:
    """A recipient answered. `message_id` is empty when nothing was sent that could be answered."""
    ticket = message.ticket if message.with_replies else ""
    fields = {**_typed(settings, message, text), "message_id": ticket, settings.reply_date: _date(at)}
    if message.api == "v1":
        fields["sim_card_number"] = SHORT_NUMBER
    return _letter(settings, "reply", message, fields)


def body(letters: Sequence[Letter]) -> tuple[str, bytes]:
    """Content type and body of one POST: a form holds one event, JSON one or a list."""
    first = letters[0]
    if first.payload_type == "html":
        return FORM, urlencode({name: value for name, value in first.fields.items() if value != {}}).encode()
    document = [letter.fields for letter in letters] if first.array else first.fields
    return JSON, json.dumps(document).encode()


def _letter(settings: Settings, kind: str, message: Message, fields: dict[str, object]) -> Letter:
    url = {"receipt": settings.url_deliveries, "stop": settings.url_stops, "reply": settings.url_replies}[kind]
    how = settings.payload_type, settings.callback_array, settings.callback_tries
    return Letter(kind, message.api, message.recipient, url, fields, *how)


def _typed(settings: Settings, message: Message, text: str) -> dict[str, object]:
    return {"message_id": message.ticket, "number": _number(settings, message.recipient), "text": text}


def _number(settings: Settings, number: str) -> str:
    return NUMBERS[settings.callback_numbers](number)


def _date(at: float) -> str:
    return in_paris(at).strftime(DATE)
