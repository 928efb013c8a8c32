"""The handsets: what rang where, what is still held, and what rang twice.

Nothing that rang is ever dropped before `reset`: evidence that forgets would hide a double. Not safe for threads; the
world owns the lock.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from decimal import Decimal
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
    api: str = "legacy"
    login: str = ""
    cost: Decimal = Decimal(0)
    """Euros."""
    with_replies: bool = False
    receipts: bool = True
    """Whether the operator tells what became of it: premium only."""
    twice: bool = False
    """True when this handset already had the same text, or a message of the same ticket or the same request_id."""

    @property
    def marks(self) -> set[tuple[str, ...]]:
        """What no two messages on one handset may share. The two generations do not know each other's keys."""
        key = {("key", self.api, self.login, self.request_id)} if self.request_id else set()
        return {("ticket", self.ticket), ("text", self.text)} | key


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
        self._held: dict[int, Message] = {}
        self._order = count()
        self._seen: defaultdict[str, set[tuple[str, ...]]] = defaultdict(set)

    def ring(self, message: Message) -> None:
        """The handset rings now."""
        marks, seen = message.marks, self._seen[message.recipient]
        message = replace(message, twice=not marks.isdisjoint(seen))
        seen |= marks
        self.messages.setdefault(message.recipient, []).append(message)
        self.rung += 1
        self._count_double(message)
        self.touch(message.recipient)

    def hold(self, message: Message) -> int:
        """Keep it until `message.at`; returns what `release` wants to hear."""
        place = next(self._order)
        self._held[place] = message
        self.touch(message.recipient)
        return place

    def release(self, place: int) -> Message | None:
        """Take out a message whose hour has come; None when it was cancelled."""
        return self._held.pop(place, None)

    def held(self) -> list[Message]:
        """What still waits, the next one first."""
        return sorted(self._held.values(), key=lambda message: message.at)

    def cancel(self, ticket: str) -> list[Message]:
        """Drop what is held under this ticket; returns it."""
        places = [place for place, message in self._held.items() if message.ticket == ticket]
        dropped = [self._held.pop(place) for place in places]
        for message in dropped:
            self.touch(message.recipient)
        return dropped

    def latest(self, number: str, api: str | None = None) -> Message | None:
        """What rang last on this handset, of all or of one generation."""
        rung = self.messages.get(number, [])
        return next((message for message in reversed(rung) if api in {None, message.api}), None)

    def touch(self, number: str) -> None:
        """Something happened to this handset: it moves to the front of the page."""
        _move_to_end(self.touched, number)

    def _count_double(self, message: Message) -> None:
        if message.twice:
            self.twice += 1
            _move_to_end(self.doubled, message.recipient)


def _move_to_end(numbers: dict[str, None], number: str) -> None:
    numbers.pop(number, None)
    numbers[number] = None
