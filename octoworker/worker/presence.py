"""Each worker says every few seconds that it is there, so that page, `stats`, `doctor` and metrics know who works.

It is said by a thread of its own, as long as the main thread turns: a worker whose main thread hangs takes no jobs. What fails
here is left to the next time.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Any

from celery import bootsteps

from octoworker.errors import StoreError
from octoworker.sms import lanes
from octoworker.store import Store
from octoworker.store.presence import EVERY, Presence
from octoworker.version import __version__
from octoworker.worker import health, heartbeat, runtime, share


class Here:
    """One worker's presence, from `start` to `stop`."""

    def __init__(self, store: Store, presence: Presence) -> None:
        self._store = store
        self._presence = presence
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="octoworker-presence", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """It takes no more jobs, and says so."""
        self._stopping.set()
        self._thread.join(timeout=EVERY)

    def _run(self) -> None:
        while True:
            if heartbeat.main_thread.silence() < health.STALE:
                with contextlib.suppress(StoreError):
                    self._store.workers.is_here(self._presence)
            if self._stopping.wait(EVERY):
                break
        with contextlib.suppress(StoreError):
            self._store.workers.is_gone(self._presence)


class PresenceStep(bootsteps.StartStopStep):
    """Present from when the pool is there until the worker takes no more jobs. It begins after the fork, as every thread."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, worker: Any, **options: Any) -> None:
        super().__init__(worker, **options)
        self._here: Here | None = None

    def start(self, worker: Any) -> None:
        self._here = Here(runtime.current().store, presence(worker))
        self._here.start()

    def stop(self, worker: Any) -> None:
        del worker
        if self._here is not None:
            self._here.stop()

    def terminate(self, worker: Any) -> None:
        """Celery's word for the end under prefork."""
        self.stop(worker)


def presence(worker: Any) -> Presence:
    """What this worker says of itself. Its processes say the same, so that it is one worker."""
    queues = worker.app.amqp.queues.consume_from
    return Presence(
        host=socket.gethostname(),
        pid=share.mine.worker_pid,
        lanes=tuple(lane for lane, queue in lanes.QUEUES.items() if queue in queues),
        pool=worker.pool_cls.__module__.rpartition(".")[2],
        version=__version__,
    )
