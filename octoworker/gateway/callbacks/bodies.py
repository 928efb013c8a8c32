"""The body of a call: a form or JSON. Which of the two is a setting of the account, and the Content-Type is not to be relied on.

So the body itself is looked at: JSON begins with a brace or a bracket, a form with a name.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from octoworker.gateway.callbacks.values import Unreadable

MOST_EVENTS = 500
"""Events of one call: a call of ours has as many recipients."""

MOST_FIELDS = 60
"""Fields of one event: the longest that is documented has eight."""

LONGEST_VALUE = 5_000
"""Characters of one value. What is longer is cut: no text that a handset sends comes near it."""

Event = Mapping[str, str]
"""The fields of one event: every name in small letters, every value as a text."""


def events(body: bytes) -> list[Event] | Unreadable:
    """The events of a call, or why there are none."""
    text = body.decode("utf-8-sig", "replace").strip()
    if not text:
        return Unreadable("the body is empty")
    if text[0] not in "{[":
        return _form(text)
    try:
        document = json.loads(text, parse_int=str, parse_float=str, parse_constant=str)
    # The recursion: of a body that is nothing but brackets.
    except (ValueError, RecursionError):
        return Unreadable("the body is neither JSON nor a form", text)
    return _listed(document, text)


def _form(text: str) -> list[Event] | Unreadable:
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        return Unreadable("the form has too many fields", text)
    # A text without a single `=` is one name without a value.
    found = _fields(pairs)
    return [found] if any(found.values()) else Unreadable("the body is neither JSON nor a form", text)


def _listed(document: Any, text: str) -> list[Event] | Unreadable:
    """One event, a list of them, or an object that has them in a list."""
    many = document if isinstance(document, list) else _grouped(document)
    if not many:
        return Unreadable("the list of events is empty", text)
    if len(many) > MOST_EVENTS:
        return Unreadable("the call has too many events", text)
    if not all(isinstance(each, dict) for each in many):
        return Unreadable("an event is no object", text)
    return [_fields(list(each.items())[:MOST_FIELDS]) for each in many]


def _grouped(document: Mapping[str, Any]) -> list[Any]:
    """Receipts of some channels come in a list called `deliveries`, beside what they have in common."""
    deliveries = document.get("deliveries")
    if not isinstance(deliveries, list):
        return [document]
    common = {name: value for name, value in document.items() if name != "deliveries"}
    return [{**common, **each} if isinstance(each, dict) else each for each in deliveries]


def _fields(pairs: list[tuple[str, Any]]) -> Event:
    return {_whole(name).strip().lower(): _text(value) for name, value in pairs}


def _text(value: Any) -> str:
    """What is no text and no number says nothing: `null`, `true`, an object."""
    return _whole(value[:LONGEST_VALUE]).strip() if isinstance(value, str) else ""


def _whole(text: str) -> str:
    """JSON can name the half of a surrogate pair, which neither UTF-8 nor the JSON of a script can hold."""
    return text if text.isascii() else text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
