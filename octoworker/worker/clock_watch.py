"""How far this machine's wall clock is from Redis', reported each minute, and what follows from it.

Nothing that is sent depends on it: Redis' clock decides. A wrong one is a machine that needs a look, so its worker is not
ready; where all workers are wrong alike it is Redis' clock, one operator is alerted, and nobody stops.
"""

from __future__ import annotations

import socket
import time
from datetime import timedelta

from octoworker.store import Store
from octoworker.store.clocks import Comparison
from octoworker.telemetry import log, metrics
from octoworker.worker import share

EVERY = 60.0
"""Seconds between two looks."""

EVERY_WHILE_WRONG = 5.0
"""Seconds, while something is wrong: somebody may be mending it."""

EVERY_STEP = 1.0
"""Seconds between two looks for a jump of Redis' clock."""

NOTICED = timedelta(seconds=1)
"""Of drift; from there on it is an event."""


class Readiness:
    """Whether this worker's clock lets it be ready."""

    good = True


readiness = Readiness()
"""The one of this process: the scheduler's thread finds out, the step that keeps `ready` asks."""


class ClockWatch:
    """Looks when it is time to."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._worker = f"{socket.gethostname()}:{share.mine.worker_pid}"
        self._next = self._next_step = 0.0
        self._said = (Comparison.RIGHT, False)

    def look(self) -> None:
        """StoreError when Redis is out of reach: then nothing is known anew."""
        if time.monotonic() >= self._next_step:
            self._next_step = time.monotonic() + EVERY_STEP
            self._look_for_a_step()
        if time.monotonic() < self._next:
            return
        drift = self._store.clock.measured()
        found, first = self._store.clocks.compare(self._worker, drift)
        self._next = time.monotonic() + (EVERY if found is Comparison.RIGHT else EVERY_WHILE_WRONG)
        readiness.good = found is not Comparison.WRONG
        self._emit(found, drift)
        if first:
            metrics.alerted("redis_clock")
            log.warning(
                "clock.redis",
                drift=round(drift.total_seconds(), 1),
                hint="all workers disagree with Redis' clock: mend that one",
            )

    def _look_for_a_step(self) -> None:
        """Redis' clock decides when things are due: one that jumps, as another server's is another one, shifts them all."""
        stepped = self._store.clock.stepped()
        if abs(stepped) < NOTICED:
            return
        metrics.alerted("redis_clock_step")
        seconds = stepped.total_seconds()
        how = f"{abs(seconds):.1f} s {'later' if seconds < 0 else 'earlier'}"
        log.warning("clock.stepped", step=round(seconds, 1), hint=f"what is due comes up to {how} than it was to")

    def end(self) -> None:
        """The worker ends: its clock is nobody's business any more."""
        self._store.clocks.leave(self._worker)

    def _emit(self, found: Comparison, drift: timedelta) -> None:
        """One event for each change, not for each look."""
        now = (found, abs(drift) > NOTICED)
        if now == self._said:
            return
        self._said = now
        if any((now[1], found is not Comparison.RIGHT)):
            log.warning("clock.drift", drift=round(drift.total_seconds(), 3), compared=found.value)
        else:
            log.event("clock.right", drift=round(drift.total_seconds(), 3))
