"""Everything the accounts share: the clock, the handsets, the log of calls and callbacks, and what is still to happen.

One lock guards all of it, so that a call is taken whole or not at all, and one condition wakes whoever waits for a
change. What is due happens by this clock: each look at the world first does it, and a bell does it when nobody looks.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count

from octoworker.sandbox.agenda import Act, Agenda
from octoworker.sandbox.callbacks.log import CallbackLog
from octoworker.sandbox.calls import Calls
from octoworker.sandbox.clock import Clock
from octoworker.sandbox.handsets import Handsets


class World:
    """Every method is safe to call from any thread."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.tickets = count(1)
        """Numbers of tickets, never used twice, not even after a reset."""
        lock = threading.RLock()
        self._changed = threading.Condition(lock)
        self._sooner = threading.Condition(lock)
        """Wakes the bell alone: something is due before what it waits for."""
        self._open = True
        self._version = 0
        self.clear()

    def clear(self) -> None:
        """No calls, no handsets, nothing to come. The clock goes on and the tickets count on."""
        self.calls = Calls()
        self.handsets = Handsets()
        self.callbacks = CallbackLog()
        self._agenda = Agenda()

    def later(self, at: float, act: Act) -> None:
        """Do this at that instant, with the lock held. The caller holds it too."""
        earliest = self._agenda.next_at
        self._agenda.note(at, act)
        if earliest is None or at < earliest:
            self._sooner.notify_all()

    def advance(self, seconds: float) -> None:
        """Move the clock ahead; what falls due on the way happens before this returns."""
        with self.changing():
            self.clock.advance(seconds)
            self._run_due()

    @contextmanager
    def reading(self) -> Iterator[int]:
        """Hold the world still, with everything due done. Gives its version, which grows with each change."""
        with self._changed:
            self._run_due()
            yield self._version

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Hold the world still, and wake all who wait afterwards."""
        with self._changed:
            yield
            self._version += 1
            self._changed.notify_all()

    def wait(self, enough: Callable[[int], bool], timeout: float) -> bool:
        """Wait until `enough(version)`, asked with the lock held, is true. False after `timeout` seconds or on close."""
        deadline = time.monotonic() + timeout
        with self._changed:
            while True:
                self._run_due()
                left = deadline - time.monotonic()
                if enough(self._version) or left <= 0 or not self._open:
                    return enough(self._version)
                self._changed.wait(min(left, self._until_next() or left))

    def touch(self) -> None:
        """Something next door changed (a fault, a gate): wake all who watch."""
        with self.changing():
            pass

    def ring_bell(self) -> None:
        """Do what is due when it is due, until the world closes. For a thread of its own."""
        with self._changed:
            while self._open:
                self._run_due()
                self._sooner.wait(self._until_next())

    def close(self) -> None:
        """Let everybody who waits go home."""
        with self.changing():
            self._open = False
            self._sooner.notify_all()

    def _run_due(self) -> None:
        if self._agenda.run(self.clock.now()):
            self._version += 1
            self._changed.notify_all()

    def _until_next(self) -> float | None:
        """Seconds until something is due; None when nothing is noted."""
        next_at = self._agenda.next_at
        return None if next_at is None else max(0.001, next_at - self.clock.now())
