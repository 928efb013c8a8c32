"""The web app hears of it: each event of the outbox becomes a call of a Celery task that the web app has, by its name.

The promise ends when the job stands in the web app's queue. A worker that dies between that and the outbox sends it again, with
the same id: at least once, in no promised order.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any

from celery import Celery

from octoworker.sms.record import from_ms, iso
from octoworker.store import Store
from octoworker.store.streams import Entry
from octoworker.telemetry import log

WANTED_EVERY = 60.0
"""Seconds between two words that events are wanted."""

NOTHING_KNOWN = dict.fromkeys(
    ("message_id", "state", "reason", "error_code", "recipient_index", "campaign", "sequence")
)
"""Every event has all of these."""


class EventSender:
    """Sends events to the task `name` in the queue `queue`, on the broker of `app`."""

    def __init__(self, app: Celery, store: Store, name: str, queue: str) -> None:
        self._app = app
        self._store = store
        self._name, self._queue = name, queue
        self._wanted_at = 0.0

    def send(self, entries: Sequence[Entry]) -> None:
        """All of these. OperationalError: the broker is away, and they come again."""
        self._say_that_they_are_wanted()
        if not entries:
            return
        events = self._events(entries)
        with self._app.producer_or_acquire() as producer:
            for event in events:
                self._app.send_task(
                    self._name,
                    args=(event,),
                    queue=self._queue,
                    task_id=event["id"],
                    ignore_result=True,
                    producer=producer,
                )
        self._store.outbox.done(entries)
        log.event("events.sent", count=len(events))

    def _say_that_they_are_wanted(self) -> None:
        now = time.monotonic()
        if not self._wanted_at or now - self._wanted_at > WANTED_EVERY:
            self._store.outbox.is_wanted()
            self._wanted_at = now

    def _events(self, entries: Sequence[Entry]) -> list[dict[str, Any]]:
        """Each with the caller's own words about its message, as long as its record is kept."""
        contents = [json.loads(entry.content) for entry in entries]
        ids = [each["data"].get("message_id", "") for each in contents]
        references = [_reference(found.payload if found else "") for found in self._store.taken(ids)]
        return [
            {
                "id": entry.event_id,
                "type": each["type"],
                "timestamp": iso(from_ms(each["at"])),
                "data": {**NOTHING_KNOWN, **each["data"], "reference": reference},
            }
            for entry, each, reference in zip(entries, contents, references, strict=True)
        ]


def _reference(payload: str) -> str | None:
    try:
        found = json.loads(payload or "{}").get("reference")
    except (ValueError, AttributeError):
        return None
    return found if isinstance(found, str) else None
