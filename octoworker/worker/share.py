"""Which process of a worker this is, and what falls to it of that which is set for the whole worker.

A worker of one process, and each child of a prefork worker, has all of it.
"""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Share:
    """One process of `of`, counted from 1. `supervisor`: the pid of the process that began it; 0: none did."""

    index: int = 1
    of: int = 1
    supervisor: int = 0

    def part(self, whole: int) -> int:
        """What it has of so many places: the parts of all processes add up to the whole, and none is 0."""
        return max(1, whole // self.of + (self.index <= whole % self.of))

    def file(self, name: str) -> str:
        """The name of its own health file."""
        return f"{name}-{self.index}" if self.supervisor else name

    @property
    def worker_pid(self) -> int:
        """What the whole worker is known by on this machine."""
        return self.supervisor or os.getpid()


mine = Share()
"""That of this process. The supervisor sets it in a new one; nothing else does."""
