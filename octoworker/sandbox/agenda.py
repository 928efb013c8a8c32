"""What is still to happen, and when. Not safe for threads; the world owns the lock."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count

Act = Callable[[], object]


class Agenda:
    """Acts by their instant (epoch seconds); two of the same instant keep the order they were noted in."""

    def __init__(self) -> None:
        self._acts: list[tuple[float, int, Act]] = []
        self._order = count()

    def note(self, at: float, act: Act) -> None:
        heapq.heappush(self._acts, (at, next(self._order), act))

    @property
    def next_at(self) -> float | None:
        """When the next act is due; None when there is none."""
        return self._acts[0][0] if self._acts else None

    def run(self, now: float) -> bool:
        """Do all that is due, also what an act notes for now; True when there was anything."""
        ran = False
        while self._acts and self._acts[0][0] <= now:
            heapq.heappop(self._acts)[2]()
            ran = True
        return ran
