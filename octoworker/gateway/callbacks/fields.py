"""The fields of one event. Each generation, and each client that was published, has names of its own for them.

What kind of event it is its own fields say: a date has another name in each kind, and a receipt has a status. The address
that was called only helps when they say nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from octoworker.gateway.callbacks import words
from octoworker.gateway.callbacks.bodies import Event
from octoworker.gateway.callbacks.values import Callback, Kind, Unreadable

NUMBER = ("number", "phone_number", "recipient")
TICKET = ("message_id", "sms_ticket", "ticket", "ticket_number")
STATUS = ("status", "delivery_status")
TEXT = ("text", "message")
CALLED = ("sim_card_number", "virtual_number")

DATES: Mapping[Kind, tuple[str, ...]] = {
    "stop": ("stop_date",),
    "reply": ("reception_date", "answer_date"),
    "receipt": ("delivery_date",),
}
"""The date that each kind has, and no other."""

LONGEST_TICKET = 64
"""Characters of a ticket: thirty are the most that were seen."""

LONGEST_DATE = 40

_NUMBER = re.compile(r"\+?[0-9]{4,20}")
_BETWEEN = re.compile(r"[\s.()/\-\u2010-\u2013]+")
_TICKET = re.compile(r"[0-9A-Za-z_\-]+")


def callback(event: Event, path_kind: Kind | None) -> Callback | Unreadable:
    """What the event says, or why nobody can tell."""
    kind = _kind(event, path_kind)
    problem = _channel(event) or (None if kind else "it is no receipt, no reply and no STOP")
    number, ticket, word = _number(_first(event, NUMBER)), _ticket(event), words.spelled(_first(event, STATUS))
    if problem is None and not number:
        problem = "it has no number"
    if problem is None and kind == "receipt" and not word:
        problem = "the receipt has no status"
    if problem is not None or kind is None:
        return Unreadable(problem or "", json.dumps(dict(event), ensure_ascii=False))
    return Callback(
        kind,
        number,
        ticket,
        at=_first(event, DATES[kind])[:LONGEST_DATE],
        word=word if kind == "receipt" else "",
        text="" if kind == "receipt" else _first(event, TEXT),
        called=_number(_first(event, CALLED)) if kind == "reply" else "",
    )


def _kind(event: Event, path_kind: Kind | None) -> Kind | None:
    for kind, names in DATES.items():
        if _first(event, names):
            return kind
    return "receipt" if _first(event, STATUS) else path_kind


def _channel(event: Event) -> str | None:
    """Voice, e-mail and others use the same addresses, and are not ours."""
    channel = event.get("channel", "").lower()
    return None if channel in ("", "sms") else "it is about another channel"


def _first(event: Event, names: tuple[str, ...]) -> str:
    return next((event[name] for name in names if event.get(name)), "")


def _number(written: str) -> str:
    """The number without what stands between its digits; "" when it is none. A form may have made a blank of the `+`."""
    bare = _BETWEEN.sub("", written[:40])
    return bare if _NUMBER.fullmatch(bare) else ""


def _ticket(event: Event) -> str:
    """ "" when there is none, or one that no call of ours can have been given."""
    ticket = _first(event, TICKET)
    return ticket if len(ticket) <= LONGEST_TICKET and _TICKET.fullmatch(ticket) else ""
