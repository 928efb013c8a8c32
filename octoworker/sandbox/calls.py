"""The calls: who asked what, and what was answered. Not safe for threads; the world owns the lock."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

KEPT = 100_000
"""Calls. Enough for an hour of chaos runs; older ones are forgotten, the counters are not."""


@dataclass(frozen=True)
class Call:
    """One request to either API. Names of fields only, never the api key."""

    n: int
    at: float
    api: str
    call: str
    format: str
    method: str
    request_id: str
    recipients: int
    fields: tuple[str, ...]
    fault: str | None
    simulated: bool
    accepted: bool = False
    ticket: str | None = None
    code: str | None = None
    """The code the caller could read; None when no readable answer left."""


class Calls:
    """The log of calls and the counters over it."""

    def __init__(self) -> None:
        self.arrived = 0
        self.accepted = 0
        self.by_code: Counter[str] = Counter()
        self._kept: dict[int, Call] = {}

    def arrive(self, call: Call) -> int:
        """Log a call that came in whole; returns its number, which counts from 1."""
        self.arrived += 1
        self._kept[self.arrived] = replace(call, n=self.arrived)
        self._kept.pop(self.arrived - KEPT, None)
        return self.arrived

    def accept(self, n: int, ticket: str) -> None:
        """Call `n` was taken for real: its handsets ring, or will."""
        self.accepted += 1
        self._change(n, accepted=True, ticket=ticket)

    def answer(self, n: int, code: str) -> None:
        """Call `n` gets an answer that can be read."""
        self.by_code[code] += 1
        self._change(n, code=code)

    def kept(self) -> list[Call]:
        """The calls still remembered, oldest first."""
        return list(self._kept.values())

    def _change(self, n: int, **changes: str | bool) -> None:
        if n in self._kept:
            self._kept[n] = replace(self._kept[n], **changes)  # type: ignore[arg-type] # two callers, both above
