"""Posts the due events to the web app's address, from threads of its own: a web app that is slow or dead slows no SMS.

1. One thread asks Redis for events that are due, for as many threads as are free, twice a second.
2. A thread posts each, and writes what became of it. Nothing else waits for it.
3. What was not taken is due again later: ten tries over three days, spread at random, so that a web app that comes back is not flooded.

A worker that dies in between leaves its events to another, which posts them under the same ids.
"""

from __future__ import annotations

import json
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

from octoworker.errors import OctoworkerError, StoreError
from octoworker.store import Store
from octoworker.store.webhooks import CameTo, DueEvent
from octoworker.telemetry import log, metrics, sentry
from octoworker.web.webhook import GONE, Posted, WebApp
from octoworker.worker import event_bodies
from octoworker.worker.event_sender import WANTED_EVERY

LINES = 8
"""Posts at once of one worker."""

EVERY = 0.5
"""Seconds between two questions whether something is due, while nothing is."""

PAUSE = 1.0
"""Seconds after a failure of Redis."""

DELAYS = tuple(
    timedelta(seconds=each) for each in (5, 300, 1800, 7200, 5 * 3600, 10 * 3600, 14 * 3600, 20 * 3600, 24 * 3600)
)
"""From one try to the next, on average; in all 75 hours. As the specification of Standard Webhooks proposes."""


def delay_after(tries: int) -> timedelta:
    """A wait before the next try, after so many: anything up to twice the average, so that they spread."""
    return DELAYS[min(tries, len(DELAYS)) - 1] * random.uniform(0, 2)


class WebhookSender:
    """Posts from `start` to `stop`. Its threads begin after the fork of a worker's children."""

    def __init__(self, store: Store, web_app: WebApp) -> None:
        self._store = store
        self._web_app = web_app
        self._free = LINES
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        self._wanted_at = 0.0
        self._thread = threading.Thread(target=self._run, name="octoworker-webhooks", daemon=True)
        self._lines = ThreadPoolExecutor(LINES, thread_name_prefix="octoworker-webhook")

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Take no more. What is being posted may end by itself; if it does not, another worker posts it again."""
        self._stopping.set()
        with self._changed:
            self._changed.notify_all()
        self._thread.join(timeout=PAUSE + EVERY)
        self._lines.shutdown(wait=False, cancel_futures=True)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._say_that_they_are_wanted()
                if not self._look():
                    self._stopping.wait(EVERY)
            except OctoworkerError as error:
                log.warning("webhooks.failed", kind=type(error).__name__, reason=str(error))
                self._stopping.wait(PAUSE)
            except Exception as error:  # noqa: BLE001 - a thread that dies silently would leave the events to grow
                sentry.bug(error)
                log.warning("webhooks.bug", kind=type(error).__name__, where=log.where(error))
                self._stopping.wait(PAUSE)

    def _look(self) -> int:
        """Give what is due to the lines that are free. How many that were."""
        with self._changed:
            self._changed.wait_for(lambda: self._free or self._stopping.is_set())
            free = self._free
        if self._stopping.is_set():
            return 0
        now, due = self._store.webhooks.take(self._web_app.name, free)
        taken_at = time.monotonic()
        with self._changed:
            self._free -= len(due)
        for each in due:
            self._lines.submit(self._posted, each, now, taken_at)
        return len(due)

    def _posted(self, event: DueEvent, now: datetime, taken_at: float) -> None:
        """By a line: one event, from its body to what became of it."""
        try:
            (body,) = event_bodies.bodies(self._store, [event])
            text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
            at = now + timedelta(seconds=time.monotonic() - taken_at)
            self._settle(event, self._web_app.post(event.event_id, text.encode("utf-8", "replace"), at))
        except StoreError as error:
            # It is due again when its lease is over, under the same id.
            log.warning("webhooks.failed", kind=type(error).__name__, reason=str(error))
        except Exception as error:  # noqa: BLE001 - the line must be free again
            sentry.bug(error)
            log.warning("webhooks.bug", kind=type(error).__name__, where=log.where(error))
        finally:
            with self._changed:
                self._free += 1
                self._changed.notify_all()

    def _settle(self, event: DueEvent, posted: Posted) -> None:
        came_to: CameTo = "sent" if posted.taken else "gone" if posted.status == GONE else "failed"
        found, stopped = self._store.webhooks.settle(
            event.event_id, self._web_app.name, came_to, delay=delay_after(event.tries + 1), rest=posted.rest
        )
        metrics.events("webhook", found, 1)
        if posted.taken:
            log.event("webhook.sent", event_id=event.event_id)
        else:
            facts = {"event_id": event.event_id, "status": posted.status, "kind": posted.fault, "came_to": found}
            log.warning("webhook.failed", tries=event.tries + 1, **{k: v for k, v in facts.items() if v})
        if stopped:
            metrics.alerted("webhooks_stopped")
            log.warning("webhooks.stopped", status=posted.status)

    def _say_that_they_are_wanted(self) -> None:
        now = time.monotonic()
        if not self._wanted_at or now - self._wanted_at > WANTED_EVERY:
            self._store.webhooks.are_wanted()
            self._wanted_at = now
