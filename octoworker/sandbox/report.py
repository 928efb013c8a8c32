"""What tests may see, as plain JSON documents: the state, the calls, the callbacks and the faults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from octoworker.sandbox.account import Account
from octoworker.sandbox.callbacks.log import Callback
from octoworker.sandbox.calls import Call
from octoworker.sandbox.clock import instant
from octoworker.sandbox.faults import KINDS, REQUIRED, Fault
from octoworker.sandbox.handsets import Message
from octoworker.sandbox.world import World

Document = dict[str, Any]


def state(world: World, accounts: Mapping[str, Account]) -> Document:
    """Everything that counts, from one instant; `accounts` are those whose money it tells, by generation."""
    with world.reading():
        messages = world.handsets.messages
        return {
            **counts(world),
            **money(accounts),
            "twice": world.handsets.twice,
            "handsets": {number: [rung(message) for message in got] for number, got in messages.items()},
            "held": [held(message) for message in world.handsets.held()],
            "blacklists": {api: list(account.blacklist) for api, account in accounts.items()},
        }


def money(accounts: Mapping[str, Account]) -> Document:
    """The credit of the older account, and that of each."""
    credits_left = {api: account.credit() for api, account in accounts.items()}
    return {"credit": credits_left["legacy"], "credits": credits_left}


def handsets(world: World) -> dict[str, list[Document]]:
    """What each handset got, in the order it rang."""
    with world.reading():
        return {number: [rung(message) for message in got] for number, got in world.handsets.messages.items()}


def calls(world: World) -> list[Document]:
    """Every call still remembered, oldest first."""
    with world.reading():
        return [_call(call) for call in world.calls.kept()]


def callbacks(world: World) -> list[Document]:
    """Every callback still remembered, oldest first."""
    with world.reading():
        return [callback(each) for each in world.callbacks.kept]


def counts(world: World) -> Document:
    """How many calls came, were taken for real, and were answered with each code; how many callbacks went badly."""
    log = world.calls
    return {
        "calls": log.arrived,
        "accepted_calls": log.accepted,
        "by_code": dict(sorted(log.by_code.items())),
        "callbacks": world.callbacks.posted,
        "callback_faults": world.callbacks.faults,
        "events": dict(world.callbacks.by_kind),
    }


def fault(scripted: Fault) -> Document:
    """A fault as its author wrote it, with the strikes it has left."""
    head = {"id": scripted.id, "fault": scripted.kind, "times": scripted.times, "call": scripted.call}
    api = {"api": scripted.api} if scripted.api else {}
    return {**head, **api, "recipient": scripted.recipient, **scripted.options}


def kinds() -> Document:
    """What can be scripted: the story of each kind, and its options with their presets, null where one is needed."""
    return {
        name: {
            "story": kind.story,
            "options": {option: None if preset is REQUIRED else preset for option, preset in kind.options.items()},
        }
        for name, kind in KINDS.items()
    }


def callback(each: Callback) -> Document:
    """One POST of ours, and what came back."""
    return {
        "n": each.n,
        "at": instant(each.at),
        "api": each.api,
        "kinds": list(each.kinds),
        "fields": list(each.fields),
        "content_type": each.content_type,
        "status": each.answer.status,
        "seconds": round(each.answer.seconds, 3),
        "size": each.answer.size,
        "fault": each.fault,
    }


def rung(message: Message) -> Document:
    """A message on its handset."""
    return {**_message(message), "at": instant(message.at), "twice": message.twice}


def held(message: Message) -> Document:
    """A message that waits for its hour."""
    return {"recipient": message.recipient, **_message(message), "due_at": instant(message.at)}


def _message(message: Message) -> Document:
    return {
        "text": message.text,
        "shown": message.shown,
        "sender": message.sender,
        "ticket": message.ticket,
        "request_id": message.request_id,
        "segments": message.segments,
        "api": message.api,
    }


def _call(call: Call) -> Document:
    return {**vars(call), "at": instant(call.at), "fields": list(call.fields)}
