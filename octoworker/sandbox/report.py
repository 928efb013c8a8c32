"""What tests and people may see, as plain JSON documents: the state, the calls, the faults, and the page's view."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice
from typing import Any

from octoworker.sandbox.account import Account
from octoworker.sandbox.calls import Call
from octoworker.sandbox.faults import KINDS, REQUIRED, Fault
from octoworker.sandbox.handsets import Message

ON_THE_WALL = 60
"""Handsets the page shows: more than anybody looks at, few enough to draw several times a second."""
PINNED = 12
"""Handsets that rang twice and stay in front, however much happens since: one double in thousands must be seen."""
ON_A_HANDSET = 20
"""Messages the page shows of each."""

Document = dict[str, Any]


def state(account: Account) -> Document:
    """Everything that counts, from one instant."""
    with account.reading():
        messages = account.handsets.messages
        return {
            **counts(account),
            "credit": account.credit(),
            "twice": account.handsets.twice,
            "handsets": {number: [_rung(message) for message in got] for number, got in messages.items()},
            "held": [_held(message) for message in account.handsets.held()],
        }


def handsets(account: Account) -> dict[str, list[Document]]:
    """What each handset got, in the order it rang."""
    rung: dict[str, list[Document]] = state(account)["handsets"]
    return rung


def calls(account: Account) -> list[Document]:
    """Every call still remembered, oldest first."""
    with account.reading():
        return [_call(call) for call in account.calls.kept()]


def counts(account: Account) -> Document:
    """How many calls came, were taken for real, and were answered with each code."""
    log = account.calls
    return {"calls": log.arrived, "accepted_calls": log.accepted, "by_code": dict(sorted(log.by_code.items()))}


def fault(scripted: Fault) -> Document:
    """A fault as its author wrote it, with the strikes it has left."""
    head = {"id": scripted.id, "fault": scripted.kind, "times": scripted.times, "call": scripted.call}
    return {**head, "recipient": scripted.recipient, **scripted.options}


def kinds() -> Document:
    """What can be scripted: the story of each kind, and its options with their presets, null where one is needed."""
    return {
        name: {
            "story": kind.story,
            "options": {option: None if preset is REQUIRED else preset for option, preset in kind.options.items()},
        }
        for name, kind in KINDS.items()
    }


def wall(account: Account) -> Document:
    """What the page draws: handsets that rang twice, then those something last happened to, the latest first."""
    with account.reading() as version:
        touched = account.handsets.touched
        numbers = _numbers(account)
        return {
            "version": version,
            **counts(account),
            "credit": account.credit(),
            "twice": account.handsets.twice,
            "rung": account.handsets.rung,
            "handsets": _cards(account, numbers),
            "more": len(touched) - len(numbers),
        }


def _numbers(account: Account) -> list[str]:
    doubled = islice(reversed(account.handsets.doubled), PINNED)
    latest = islice(reversed(account.handsets.touched), ON_THE_WALL)
    return list(dict.fromkeys((*doubled, *latest)))[:ON_THE_WALL]


def _cards(account: Account, numbers: list[str]) -> list[Document]:
    waiting: dict[str, list[Message]] = {number: [] for number in numbers}
    for message in account.handsets.held():
        if message.recipient in waiting:
            waiting[message.recipient].append(message)
    return [_card(number, account.handsets.messages.get(number, []), waiting[number]) for number in numbers]


def _card(number: str, rung: list[Message], waiting: list[Message]) -> Document:
    return {
        "recipient": number,
        "held": [_held(message) for message in waiting[:ON_A_HANDSET]],
        "messages": [_rung(message) for message in reversed(rung[-ON_A_HANDSET:])],
        "more": max(0, len(rung) - ON_A_HANDSET),
    }


def _rung(message: Message) -> Document:
    return {**_message(message), "at": _instant(message.at), "twice": message.twice}


def _held(message: Message) -> Document:
    return {"recipient": message.recipient, **_message(message), "due_at": _instant(message.at)}


def _message(message: Message) -> Document:
    return {
        "text": message.text,
        "shown": message.shown,
        "sender": message.sender,
        "ticket": message.ticket,
        "request_id": message.request_id,
        "segments": message.segments,
    }


def _call(call: Call) -> Document:
    return {**vars(call), "at": _instant(call.at), "fields": list(call.fields)}


def _instant(epoch: float) -> str:
    return datetime.fromtimestamp(epoch, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
