"""Sends the events of the outbox to the web app: each becomes a call of a Celery task of the web app, by its name.

The promise ends when the job stands in the web app's queue. A worker that dies between that and the outbox sends it again, with
the same id: at least once, in no promised order.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from celery import Celery

from octoworker.store import Store
from octoworker.store.streams import Entry
from octoworker.telemetry import log, metrics
from octoworker.worker import event_bodies

WANTED_EVERY = 60.0
"""Seconds between two words that events are wanted."""


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
        events = event_bodies.bodies(self._store, entries)
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
        metrics.events("task", "sent", len(events))
        log.event("events.sent", count=len(events))

    def _say_that_they_are_wanted(self) -> None:
        now = time.monotonic()
        if not self._wanted_at or now - self._wanted_at > WANTED_EVERY:
            self._store.outbox.is_wanted()
            self._wanted_at = now
