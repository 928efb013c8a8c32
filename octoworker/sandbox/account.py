"""What Octopush knows about the account: its credit, the request_ids it remembers, the calls and the handsets.

One lock guards all of it, so that a call is taken whole or not at all, and one condition wakes whoever waits for a
change. Held messages ring by this clock: each look at the account first rings what is due.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from decimal import ROUND_DOWN, Decimal
from itertools import count

from octoworker.sandbox import alphabet
from octoworker.sandbox.calls import Call, Calls
from octoworker.sandbox.handsets import Handsets, Message
from octoworker.sandbox.rules import SHORT_NUMBER, Failure, Part
from octoworker.sandbox.settings import Settings
from octoworker.sandbox.tariff import HOME

SIMULATION = "XXXSIMULATIONXXX"
CENT = Decimal("0.01")
DUPLICATE, NO_CREDIT = "120", "104"


@dataclass(frozen=True)
class Order:
    """A call that kept every rule. `due_at` is epoch seconds, None for now."""

    key: str
    sender: str
    parts: tuple[Part, ...]
    failures: tuple[Failure, ...]
    due_at: float | None
    simulated: bool

    @property
    def cost(self) -> Decimal:
        return sum((part.cost for part in self.parts), Decimal("0.000"))


@dataclass(frozen=True)
class Accepted:
    """Octopush's receipt for a call: code 000."""

    ticket: str
    order: Order
    balance: Decimal
    sending_date: int


@dataclass(frozen=True)
class Refusal:
    """The whole call was refused."""

    code: str


class Account:
    """One Octopush account. Every method is safe to call from any thread."""

    def __init__(self, credit: Decimal) -> None:
        self._initial = Settings(credit)
        self._tickets = count(110_000_000_001)
        self._changed = threading.Condition()
        self._open = True
        self._version = 0
        self._clear()

    def _clear(self) -> None:
        self.settings = self._initial
        self.calls = Calls()
        self.handsets = Handsets()
        self._keys: dict[str, float] = {}

    def arrived(self, call: Call) -> int:
        """Log a call before anything is decided about it; returns its number."""
        with self.changing():
            return self.calls.arrive(call)

    def submit(self, n: int, order: Order) -> Accepted | Refusal:
        """Take the order of call `n` whole, or say why not: 120 for a known request_id, 104 for too little credit."""
        now = time.time()
        if order.simulated:
            return Accepted(SIMULATION, order, self.settings.credit, int(order.due_at or now))
        with self.changing():
            code = self._objection(order, now)
            return Refusal(code) if code else self._take(n, order, now)

    def refused(self, key: str) -> None:
        """A call with this key was refused; whether that uses the key up is a setting."""
        with self.changing():
            if self.settings.refused_uses_key and key:
                self._keys.setdefault(key, time.time())

    def answered(self, n: int, code: str) -> None:
        """Call `n` is about to be answered with `code`, readably."""
        with self.changing():
            self.calls.answer(n, code)

    def balance(self) -> dict[str, str]:
        """How many SMS of each quality the credit would pay, as Octopush prints it."""
        qualities = ("FR", "XXX")
        return {name: str((self.settings.credit / HOME[name]).quantize(CENT, ROUND_DOWN)) for name in qualities}

    def credit(self) -> str:
        """The money left, in euros with two decimals."""
        return str(self.settings.credit.quantize(CENT, ROUND_DOWN))

    def configure(self, **changes: object) -> None:
        """Turn settings by name. ValueError names the first unknown one, or says that a value does not fit."""
        with self.changing():
            self.settings = self.settings.turned(changes)

    def reset(self) -> None:
        """As new: no calls, no handsets, no keys, settings and credit as at the start. Tickets count on."""
        with self.changing():
            self._clear()

    @contextmanager
    def reading(self) -> Iterator[int]:
        """Hold the account still, with everything due rung. Gives its version, which grows with each change."""
        with self._changed:
            self._ring_due()
            yield self._version

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Hold the account still, and wake all who wait afterwards."""
        with self._changed:
            yield
            self._version += 1
            self._changed.notify_all()

    def wait(self, enough: Callable[[int], bool], timeout: float) -> bool:
        """Wait until `enough(version)`, asked with the lock held, is true. False after `timeout` seconds or on close."""
        deadline = time.monotonic() + timeout
        with self._changed:
            while True:
                self._ring_due()
                left = deadline - time.monotonic()
                if enough(self._version) or left <= 0 or not self._open:
                    return enough(self._version)
                self._changed.wait(min(left, self._until_next()))

    def touch(self) -> None:
        """Something next door changed (a fault, a gate): wake all who watch."""
        with self.changing():
            pass

    def close(self) -> None:
        """Let everybody who waits go home."""
        with self.changing():
            self._open = False

    def _objection(self, order: Order, now: float) -> str | None:
        remembered_at = self._keys.get(order.key)
        if remembered_at is not None and now - remembered_at < self.settings.key_window:
            return DUPLICATE
        return NO_CREDIT if order.cost > self.settings.credit else None

    def _take(self, n: int, order: Order, now: float) -> Accepted:
        ticket = f"api{next(self._tickets)}"
        self._remember(order.key, now)
        self.settings = replace(self.settings, credit=self.settings.credit - order.cost)
        self.calls.accept(n, ticket)
        for part in order.parts:
            self._deliver(_message(part, order, ticket, order.due_at or now), now)
        return Accepted(ticket, order, self.settings.credit, int(order.due_at or now))

    def _deliver(self, message: Message, now: float) -> None:
        if message.at > now:
            self.handsets.hold(message)
        else:
            self.handsets.ring(replace(message, at=now))

    def _remember(self, key: str, now: float) -> None:
        """Keys stand in the order they came, so the expired ones are at the front."""
        while self._keys and now - next(iter(self._keys.values())) >= self.settings.key_window:
            del self._keys[next(iter(self._keys))]
        if key:
            self._keys[key] = now

    def _ring_due(self) -> None:
        if self.handsets.ring_due(time.time()):
            self._version += 1
            self._changed.notify_all()

    def _until_next(self) -> float:
        next_at = self.handsets.next_at
        return float("inf") if next_at is None else max(0.001, next_at - time.time())


def _message(part: Part, order: Order, ticket: str, at: float) -> Message:
    shown = alphabet.shown(part.text).replace("XXXXX", SHORT_NUMBER)
    return Message(part.recipient, part.text, shown, order.sender, ticket, order.key, part.segments, at)
