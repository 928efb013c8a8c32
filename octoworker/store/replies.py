"""What the scripts answer, as values."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from octoworker.sms.record import Record
from octoworker.store.values import Busy, Claim, ClaimRequest, Conflict, Done, Lease, Settled, Wait


def record_of(message_id: str, text: str) -> Record:
    """The record, as a script tells it: one JSON text of field, value, ..."""
    flat = json.loads(text)
    return Record.from_hash(message_id, dict(zip(flat[::2], flat[1::2], strict=True)))


def claimed(job: ClaimRequest, reply: Sequence[Any]) -> Claim:
    """What a claim was told."""
    verdict, *rest = reply
    match verdict:
        case "go":
            return _go(rest[0])
        case "wait" | "held":
            return Wait(record_of(job.message_id, rest[0]), held=verdict == "held")
        case "done" | "stopped":
            return Done(record_of(job.message_id, rest[0]), stopped=verdict == "stopped")
        case "busy":
            return Busy()
        case _:
            return Conflict()


def settled(message_id: str, reply: Sequence[Any]) -> Settled:
    """What became of a settle."""
    verdict, found, *alerts = reply
    record = None if verdict == "fenced" or not found else record_of(message_id, found)
    return Settled(record, tuple(alerts), fenced=verdict == "fenced")


def _go(text: str) -> Lease:
    token, generation, used, doubtful, attempts, now, since, maybe_at, pending, earlier, cost, ready, asked_by = (
        json.loads(text)
    )
    return Lease(
        token=token,
        generation=generation,
        key_used_before=used,
        key_doubtful=doubtful,
        attempts=attempts,
        now=now / 1000,
        age=max(0, now - since) / 1000,
        unknown_for=max(0, now - maybe_at) / 1000,
        pending=tuple(json.loads(pending)) if pending else (),
        earlier=_arguments(earlier) if earlier else {},
        earlier_cost=cost,
        waited=max(0, now - ready) / 1000,
        correlation=asked_by,
    )


def _arguments(payload: str) -> dict[str, Any]:
    value = json.loads(payload)
    return value if isinstance(value, dict) else {}
