"""Streams are worked by every worker: one thread takes what Octopush called us with, another the events for the web app.

Each waits in Redis for the next entry, so that nothing is asked while nothing comes. What a worker took and did not finish is
taken over by another after the lease.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from celery import bootsteps
from kombu.exceptions import OperationalError

from octoworker.errors import OctoworkerError
from octoworker.store.streams import Entry, Stream
from octoworker.telemetry import log, sentry
from octoworker.web.webhook import WebApp
from octoworker.worker import runtime
from octoworker.worker.event_sender import EventSender
from octoworker.worker.webhook_sender import LINES, WebhookSender

WAIT = 1.0
"""Seconds that one question waits for an entry. A worker that ends waits no longer for this thread."""

PAUSE = 1.0
"""Seconds after a failure."""

TIDY_EVERY = 600.0
"""Seconds between two looks at consumers that have gone."""


class StreamReader:
    """Takes entries and has them processed, from `start` to `stop`. `lease`: seconds after which it takes over others'.

    `name` is of its thread and its log lines. `process` raises when nothing could be done; the entries come again then.
    """

    def __init__(self, name: str, stream: Stream, process: Callable[[Sequence[Entry]], None], lease: float) -> None:
        self._name, self._stream, self._process = name, stream, process
        self._lease = lease
        self._consumer = f"{socket.gethostname()}:{os.getpid()}:{os.urandom(4).hex()}"
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"octoworker-{name}", daemon=True)
        self._took_over_at = self._tidied_at = 0.0

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(timeout=WAIT + PAUSE)
        if self._thread.is_alive():
            # It may be given entries yet, which would go with its consumer: that is forgotten later, by another worker.
            return
        with contextlib.suppress(OctoworkerError):
            self._stream.leave(self._consumer)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._look()
            except OctoworkerError as error:
                log.warning(f"{self._name}.failed", kind=type(error).__name__, reason=str(error))
                self._stopping.wait(PAUSE)
            except (OperationalError, OSError) as error:
                log.warning(f"{self._name}.failed", kind=type(error).__name__)
                self._stopping.wait(PAUSE)
            except Exception as error:  # noqa: BLE001 - a thread that dies silently would leave the inbox to grow
                sentry.bug(error)
                log.warning(f"{self._name}.bug", kind=type(error).__name__, where=log.where(error))
                self._stopping.wait(PAUSE)

    def _look(self) -> None:
        now = time.monotonic()
        if now - self._took_over_at > self._lease / 2:
            self._took_over_at = now
            self._process(self._stream.take_over(self._consumer))
        if now - self._tidied_at > TIDY_EVERY:
            self._tidied_at = now
            self._stream.forget_idle()
        self._process(self._stream.take(self._consumer, WAIT))


class StreamsStep(bootsteps.StartStopStep):
    """Reads the streams as long as the worker has a pool: its threads begin after the fork of the children."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, worker: Any, **options: Any) -> None:
        super().__init__(worker, **options)
        self._readers: list[StreamReader | WebhookSender] = []

    def start(self, worker: Any) -> None:
        mine = runtime.current()
        store, settings = mine.store, mine.settings
        self._readers = [StreamReader("inbound", store.inbox, runtime.inbound(mine).process, settings.lease)]
        if settings.events.task:
            sender = EventSender(worker.app, store, settings.events.task, settings.events.queue)
            self._readers.append(StreamReader("events", store.outbox, sender.send, settings.lease))
        if settings.events.url:
            web_app = WebApp(settings.events.url, settings.events.secrets, LINES)
            self._readers.append(WebhookSender(store, web_app))
        for each in self._readers:
            each.start()

    def stop(self, worker: Any) -> None:
        del worker
        for each in self._readers:
            with contextlib.suppress(RuntimeError):
                each.stop()

    def terminate(self, worker: Any) -> None:
        """Celery's word for the end under prefork."""
        self.stop(worker)
