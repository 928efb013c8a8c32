"""An event as the web app gets it, by task or by webhook: the entry of the outbox, and the caller's reference."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Protocol

from octoworker.sms.record import from_ms, iso
from octoworker.store import Store

NOTHING_KNOWN = dict.fromkeys(
    ("message_id", "state", "reason", "error_code", "recipient_index", "campaign", "sequence")
)
"""Every event has all of these."""


class Written(Protocol):
    """An event as a script wrote it."""

    @property
    def event_id(self) -> str: ...
    @property
    def content(self) -> str: ...


def bodies(store: Store, events: Sequence[Written]) -> list[dict[str, Any]]:
    """Each with the caller's own words about its message, as long as its record is kept. StoreError: Redis is away."""
    contents = [json.loads(each.content) for each in events]
    ids = [each["data"].get("message_id", "") for each in contents]
    references = [_reference(found.payload if found else "") for found in store.taken(ids)]
    return [
        {
            "id": event.event_id,
            "type": each["type"],
            "timestamp": iso(from_ms(each["at"])),
            "data": {**NOTHING_KNOWN, **each["data"], "reference": reference},
        }
        for event, each, reference in zip(events, contents, references, strict=True)
    ]


def _reference(payload: str) -> str | None:
    try:
        found = json.loads(payload or "{}").get("reference")
    except (ValueError, AttributeError):
        return None
    return found if isinstance(found, str) else None
