"""The worker's part of `health`: a thread keeps the two files fresh."""

from __future__ import annotations

import atexit
import threading
import time
from typing import Any

from celery import bootsteps

from octoworker.telemetry import log
from octoworker.worker import clock_watch, health, share

PATIENCE = 300.0
"""Seconds that one look of the scheduler may take. A Redis that takes connections and answers none holds it for minutes: each of
redis-py's tries makes several connections, and waits for each."""

GAP = 5.0
"""Seconds between two answers of Redis above which it did not answer all the time."""


class MainThread:
    """When Celery's main thread turned last. Without a connection it has nothing to turn for, and only tries again."""

    def __init__(self) -> None:
        self._turned_at: float | None = None

    def turned(self) -> None:
        self._turned_at = time.monotonic()

    def rests(self) -> None:
        self._turned_at = None

    def silence(self) -> float:
        """Seconds for which it should have turned; 0 while it has no connection."""
        turned_at = self._turned_at
        return 0.0 if turned_at is None else max(0.0, time.monotonic() - turned_at - 2 * health.BEAT)


main_thread = MainThread()
"""The one of this process: one step of its worker knows how it is, another must tell."""


class Heartbeat:
    """`alive`: the scheduler turns, and so does the main thread. A worker that waits for an unresponsive Redis still counts as alive.

    A thread of its own keeps the file, for a look of the scheduler can take long. Of the main thread it can judge only while
    Redis answers the scheduler: until then Celery may be waiting for it, too. The file goes when the process does: the clock
    is stopped before the pool, and a call that is still to be recorded may be in there.
    """

    def __init__(self, *, with_main_thread: bool) -> None:
        self._file = health.HeartbeatFile(share.mine.file(health.ALIVE))
        self._with_main_thread = with_main_thread
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="octoworker-alive", daemon=True)
        self._turned_at = self._answered_at = self._answering_since = time.monotonic()
        self._every = 0.0
        self._ended = False

    def start(self) -> None:
        self._thread.start()
        atexit.register(self._go)

    def beat(self) -> None:
        """The scheduler turned."""
        self._turned_at = time.monotonic()

    def answered(self) -> None:
        """Redis answered the scheduler."""
        now = time.monotonic()
        if now - self._answered_at > self._every + GAP:
            self._answering_since = now
        self._answered_at = now

    def wait(self, stopping: threading.Event, seconds: float) -> bool:
        """Wait for the scheduler's next look, and turn in the meantime, however long it is. True: it is stopping."""
        self._every = seconds
        ends_at = time.monotonic() + seconds
        while (rest := ends_at - time.monotonic()) > 0:
            self.beat()
            if stopping.wait(min(rest, health.BEAT)):
                return True
        return stopping.is_set()

    def end(self) -> None:
        """The scheduler has ended, because the worker does: neither of the two has to turn any more."""
        self._ended = True

    def _go(self) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout=health.BEAT)
        self._file.end()

    def _run(self) -> None:
        self._file.beat()
        while not self._stopping.wait(health.BEAT):
            self._file.beat(self._silence())

    def _silence(self) -> float:
        """Seconds for which one of the two has not turned, and should have."""
        if self._ended:
            return 0.0
        now, span = time.monotonic(), self._every + GAP
        clock = max(0.0, now - self._turned_at - PATIENCE)
        # A scheduler that looks seldom learns too late that it is Redis that hangs, and not the main thread.
        if not self._with_main_thread or span >= health.STALE or now - self._answered_at > span:
            return clock
        return max(clock, min(main_thread.silence(), now - self._answering_since))


class Consuming(bootsteps.StartStopStep):
    """`ready` lives as long as this worker takes jobs: from the last step of a connection to its loss, or the shutdown. Not
    while the clock of its machine is wrong, though it takes jobs then, too."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def __init__(self, consumer: Any, **options: Any) -> None:
        super().__init__(consumer, **options)
        self._file_of_readiness = health.HeartbeatFile(share.mine.file(health.READY))
        self._timer: Any = None

    def start(self, consumer: Any) -> None:
        if self._file_of_readiness.of_another():
            log.warning("health.shared", hint=health.SHARED)
        self._turn(consumer)
        self._timer = consumer.timer.call_repeatedly(health.BEAT, self._turn, (consumer,))

    def stop(self, consumer: Any) -> None:
        del consumer
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        main_thread.rests()
        self._file_of_readiness.end()

    def _turn(self, consumer: Any) -> None:
        main_thread.turned()
        if clock_watch.readiness.good and not consumer.controller.ending.asked:
            self._file_of_readiness.beat()
        else:
            self._file_of_readiness.end()

    def shutdown(self, consumer: Any) -> None:
        self.stop(consumer)

    def terminate(self, consumer: Any) -> None:
        self.stop(consumer)
