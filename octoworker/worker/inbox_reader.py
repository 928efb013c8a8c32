"""The inbox is worked by every worker: one thread takes what Octopush called us with, and has it processed.

It waits in Redis for the next entry, so that nothing is asked while nothing comes. What a worker took and did not finish is
taken over by another after the lease.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from typing import Any

from celery import bootsteps

from octoworker.errors import OctoworkerError
from octoworker.sending.inbound import Inbound
from octoworker.store.inbox import Inbox
from octoworker.telemetry import log, sentry
from octoworker.worker import runtime

WAIT = 1.0
"""Seconds that one question waits for an entry. A worker that ends waits no longer for this thread."""

PAUSE = 1.0
"""Seconds after a failure."""

TIDY_EVERY = 600.0
"""Seconds between two looks at consumers that have gone."""


class InboxReader:
    """Takes entries and has them processed, from `start` to `stop`. `lease`: seconds after which it takes over others'."""

    def __init__(self, inbox: Inbox, inbound: Inbound, lease: float) -> None:
        self._inbox, self._inbound = inbox, inbound
        self._lease = lease
        self._consumer = f"{socket.gethostname()}:{os.getpid()}:{os.urandom(4).hex()}"
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="octoworker-inbox", daemon=True)
        self._took_over_at = self._tidied_at = 0.0

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(timeout=WAIT + PAUSE)
        with contextlib.suppress(OctoworkerError):
            self._inbox.leave(self._consumer)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._look()
            except OctoworkerError as error:
                log.warning("inbound.failed", kind=type(error).__name__, reason=str(error))
                self._stopping.wait(PAUSE)
            except Exception as error:  # noqa: BLE001 - a thread that dies silently would leave the inbox to grow
                sentry.bug(error)
                log.warning("inbound.bug", kind=type(error).__name__, where=log.where(error))
                self._stopping.wait(PAUSE)

    def _look(self) -> None:
        now = time.monotonic()
        if now - self._took_over_at > self._lease / 2:
            self._took_over_at = now
            self._inbound.process(self._inbox.take_over(self._consumer))
        if now - self._tidied_at > TIDY_EVERY:
            self._tidied_at = now
            self._inbox.forget_idle()
        self._inbound.process(self._inbox.take(self._consumer, WAIT))


class InboxStep(bootsteps.StartStopStep):
    """Reads the inbox as long as the worker has a pool: its thread begins after the fork of the children."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, worker: Any, **options: Any) -> None:
        super().__init__(worker, **options)
        self._reader: InboxReader | None = None

    def start(self, worker: Any) -> None:
        del worker
        mine = runtime.current()
        inbound = runtime.inbound(mine)
        self._reader = InboxReader(mine.store.inbox, inbound, mine.settings.lease)
        self._reader.start()

    def stop(self, worker: Any) -> None:
        del worker
        if self._reader is not None:
            with contextlib.suppress(RuntimeError):
                self._reader.stop()

    def terminate(self, worker: Any) -> None:
        """Celery's word for the end under prefork."""
        self.stop(worker)
