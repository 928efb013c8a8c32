"""What the scripts answer, as values."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from octoworker.sms.record import Record, State, from_ms, iso
from octoworker.sms.shapes import PartRecord
from octoworker.store.epoch import RolledBackError
from octoworker.store.units import instant, span
from octoworker.store.values import (
    Busy,
    Claim,
    ClaimRequest,
    Conflict,
    Done,
    Lease,
    Outdated,
    Received,
    Settled,
    Superseded,
    Wait,
)

PLAIN: Mapping[str, Busy | Outdated | Superseded] = {
    "busy": Busy(),
    "outdated": Outdated(),
    "superseded": Superseded(),
}
"""Answers of a claim that carry nothing."""


def record_of(message_id: str, text: str) -> Record:
    """The record, as a script tells it: one JSON text of field, value, ..."""
    flat = json.loads(text)
    return Record.from_hash(message_id, dict(zip(flat[::2], flat[1::2], strict=True)))


def with_state(part: PartRecord, state: str, reason: str | None, due: str | None, cost: str | None) -> PartRecord:
    """A part as its own record has it."""
    due_at = iso(from_ms(float(due))) if due else None
    return {**part, "state": State(state).value, "reason": reason or "", "due_at": due_at, "cost": cost or None}


def claimed(job: ClaimRequest, reply: Sequence[Any]) -> Claim:
    """What a claim was answered. RolledBackError: nothing may be sent."""
    outcome, *rest = reply
    match outcome:
        case "lease":
            return _lease(rest[0])
        case "wait" | "held":
            return Wait(record_of(job.message_id, rest[0]), held=outcome == "held")
        case "done" | "stopped":
            return Done(record_of(job.message_id, rest[0]), stopped=outcome == "stopped")
        case "rolled_back":
            raise RolledBackError
        case _:
            return PLAIN.get(outcome, Conflict())


def settled(message_id: str, reply: Sequence[Any]) -> Settled:
    """What became of a settle."""
    outcome, found, *alerts = reply
    record = None if outcome == "fenced" or not found else record_of(message_id, found)
    return Settled(record, tuple(alerts), fenced=outcome == "fenced")


def received(reply: Sequence[Any]) -> Received:
    """What came of a receipt."""
    outcome, found, message_id, paused = reply
    return Received(outcome, record_of(message_id, found) if found else None, paused_campaign=bool(paused))


def _lease(text: str) -> Lease:
    answer = json.loads(text)
    known = answer.get
    now, pending, outcomes = answer["now"], known("pending"), known("outcomes")
    return Lease(
        token=answer["token"],
        generation=known("key_generation", 0),
        key_used_before=bool(known("key_used_before")),
        key_doubtful=bool(known("key_doubtful")),
        attempts=answer["attempts"],
        now=instant(now),
        age=span(now - known("first_attempt_at", now)),
        unknown_for=span(now - known("in_doubt_since", now)),
        pending=tuple(json.loads(pending)) if pending else (),
        earlier=_object(outcomes) if outcomes else {},
        earlier_cost=known("cost", ""),
        waited=span(now - answer["eligible_at"]),
        correlation=known("correlation", ""),
        epoch=known("epoch", 0),
    )


def _object(text: str) -> dict[str, Any]:
    value = json.loads(text)
    return value if isinstance(value, dict) else {}
