"""The end of a run: it waits as long as something moves, however slow the machine is, and says why it stopped waiting."""

from __future__ import annotations

import time
from dataclasses import dataclass

STANDSTILL = 300.0
"""Seconds without any move after which what is left is stuck."""

LOOK_EVERY = 1.0
"""Seconds between two looks: each costs Redis and the sandbox something."""


@dataclass(frozen=True)
class Look:
    """What is left to be done, and what else shows that something goes on: calls, a breaker that tries, receipts that come."""

    left: int
    signs: tuple = ()

    def moved_since(self, best, before):
        """`best`: the fewest that were left until now. A message that is only tried again and again does not move."""
        return self.left < best or self.signs != before.signs


class Patience:
    """Waits for `standstill` seconds after each move, and for `longest` seconds in all phases together."""

    def __init__(self, longest, standstill=STANDSTILL, *, clock=time.monotonic, sleep=time.sleep):
        self._clock, self._sleep = clock, sleep
        self._standstill, self._ends_at = standstill, clock() + longest
        self.gave_up: list[str] = []
        self.moving = False
        """Whether it gave up although something still moved: then what has not ended is not known to be stuck."""

    def wait(self, what, look):
        """Until nothing is left. Whether that came true."""
        before = look()
        best, moved_at = before.left, self._clock()
        while before.left:
            now = self._clock()
            if now > self._ends_at:
                self.moving = True
                self.gave_up.append(f"{what}: {before.left} were left and still moving when its time was over")
                return False
            if now - moved_at > self._standstill:
                self.gave_up.append(
                    f"{what}: {before.left} were left and nothing had moved for {self._standstill:.0f} s"
                )
                return False
            self._sleep(LOOK_EVERY)
            found = look()
            if found.moved_since(best, before):
                moved_at = self._clock()
            best, before = min(best, found.left), found
        return True
