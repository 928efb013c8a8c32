"""The handsets: what rang where, what is still held, and what rang twice.

Nothing that rang is ever dropped before `reset`: evidence that forgets would hide a double. Not safe for threads; the
account owns the lock.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from dataclasses import dataclass, field, replace
from itertools import count


@dataclass(frozen=True)
class Message:
    """One SMS on one handset. `at` is when it rang, or will ring (epoch seconds)."""

    recipient: str = field(repr=False)
    text: str = field(repr=False)
    shown: str = field(repr=False)
    sender: str
    ticket: str
    request_id: str
    segments: int
    at: float
    twice: bool = False
    """True when this handset already had a message of the same ticket or the same request_id."""


class Handsets:
    """Every handset by its number, and the messages that wait for their hour."""

    def __init__(self) -> None:
        self.messages: dict[str, list[Message]] = {}
        self.touched: dict[str, None] = {}
        """Numbers in the order something last happened to them, the latest last."""
        self.doubled: dict[str, None] = {}
        """Numbers that got something twice, the latest last."""
        self.rung = 0
        self.twice = 0
        self._held: list[tuple[float, int, Message]] = []
        self._order = count()
        self._seen: defaultdict[str, set[str]] = defaultdict(set)

    def ring(self, message: Message) -> None:
        """The handset rings now."""
        marks = {f"ticket {message.ticket}"} | ({f"key {message.request_id}"} if message.request_id else set())
        seen = self._seen[message.recipient]
        message = replace(message, twice=not marks.isdisjoint(seen))
        seen |= marks
        self.messages.setdefault(message.recipient, []).append(message)
        self.rung += 1
        self._count_double(message)
        self._touch(message.recipient)

    def hold(self, message: Message) -> None:
        """The handset rings at `message.at`."""
        heapq.heappush(self._held, (message.at, next(self._order), message))
        self._touch(message.recipient)

    def ring_due(self, now: float) -> bool:
        """Ring all that is due; True when anything rang."""
        rang = False
        while self._held and self._held[0][0] <= now:
            self.ring(heapq.heappop(self._held)[2])
            rang = True
        return rang

    def held(self) -> list[Message]:
        """What still waits, the next one first."""
        return [message for _, _, message in sorted(self._held)]

    @property
    def next_at(self) -> float | None:
        """When the next held message rings (epoch seconds)."""
        return self._held[0][0] if self._held else None

    def _count_double(self, message: Message) -> None:
        if message.twice:
            self.twice += 1
            _move_to_end(self.doubled, message.recipient)

    def _touch(self, recipient: str) -> None:
        _move_to_end(self.touched, recipient)


def _move_to_end(numbers: dict[str, None], number: str) -> None:
    numbers.pop(number, None)
    numbers[number] = None
