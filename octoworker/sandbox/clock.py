"""The sandbox's own clock: the machine's, which a test may move ahead so that a day passes in no time."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

PARIS = ZoneInfo("Europe/Paris")
"""Where Octopush lives: its dates without a zone are read and written there."""


class Clock:
    """Epoch seconds. It never goes back."""

    def __init__(self) -> None:
        self._ahead = 0.0

    def now(self) -> float:
        return time.time() + self._ahead

    def advance(self, seconds: float) -> None:
        """Move ahead. ValueError for a step back."""
        if not seconds >= 0:
            raise ValueError("The clock only goes forward.")
        self._ahead += seconds


def instant(epoch: float) -> str:
    """ISO-8601 in UTC, with milliseconds."""
    return datetime.fromtimestamp(epoch, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def in_paris(epoch: float) -> datetime:
    """The same instant as a wall clock in Paris shows it."""
    return datetime.fromtimestamp(epoch, PARIS)
