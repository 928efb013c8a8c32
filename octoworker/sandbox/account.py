"""What Octopush knows about one account: its credit, the request_ids it remembers, and who said STOP to it.

An account belongs to one generation of the API. Two accounts share nothing but the world they ring in.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from decimal import ROUND_DOWN, Decimal
from functools import partial

from octoworker.sandbox.callbacks.correspondence import Correspondence, is_stop
from octoworker.sandbox.callbacks.letters import Letter
from octoworker.sandbox.handsets import Message
from octoworker.sandbox.magic import ANSWERS
from octoworker.sandbox.orders import SIMULATED, Accepted, Order, Promise, Refusal, messages
from octoworker.sandbox.settings import Settings
from octoworker.sandbox.tariff import HOME
from octoworker.sandbox.world import World

CENT = Decimal("0.01")
NO_CREDIT = "104"


class Account:
    """One Octopush account. Every method is safe to call from any thread."""

    def __init__(self, world: World, mail: Correspondence, api: str, login: str, settings: Settings) -> None:
        self.world = world
        self.api = api
        self.login = login
        self._mail = mail
        self._initial = settings
        self.clear()

    def clear(self) -> None:
        """As opened."""
        self.settings = self._initial
        self.blacklist: dict[str, float] = {}
        """Numbers that said STOP, and when (epoch seconds)."""
        self.cancelled: dict[str, float] = {}
        """Tickets taken back, and when."""
        self._keys: dict[str, float] = {}

    def submit(self, n: int, order: Order) -> Accepted | Refusal:
        """Take the order of call `n` whole, or say why not: a known request_id, or too little credit."""
        if order.simulated:
            return self._simulate(order)
        with self.world.changing():
            order = self._without_blacklisted(order)
            code = self._objection(order)
            if code:
                return Refusal(code)
            self._remember(order.key)
            return self._book(n, order)

    def promise(self, n: int, order: Order) -> Promise | Refusal:
        """Take the key of call `n` now, and the rest when the promise is kept."""
        with self.world.changing():
            order = self._without_blacklisted(order)
            code = self._objection(order)
            if code:
                return Refusal(code)
            self._remember(order.key)
            return Promise(partial(self._book_later, n, order))

    def knows(self, key: str) -> bool:
        """Whether a call with this request_id was taken, or used it up, within the window."""
        with self.world.changing():
            return self._knows(key)

    def refused(self, key: str) -> None:
        """A call with this key was refused; whether that uses the key up is a setting."""
        with self.world.changing():
            if self.settings.consume_on_refusal:
                self._remember(key)

    def balance(self) -> dict[str, Decimal]:
        """How many SMS of each quality the credit would pay."""
        return {name: (self.settings.credit / HOME[name]).quantize(CENT, ROUND_DOWN) for name in ("FR", "XXX")}

    def credit(self) -> str:
        """The money left, in euros with two decimals."""
        return str(self.settings.credit.quantize(CENT, ROUND_DOWN))

    def configure(self, **changes: object) -> None:
        """Turn settings by name. ValueError names the first unknown one, or says that a value does not fit."""
        with self.world.changing():
            self.settings = self.settings.turned(changes)

    def typed(self, message: Message, text: str) -> list[str]:
        """Somebody typed this on the handset that got the message; returns the kinds of the events that follow."""
        with self.world.changing():
            if is_stop(text):
                self.blacklist.setdefault(message.recipient, self.world.clock.now())
            self.world.handsets.touch(message.recipient)
            return self._mail.typed(self.settings, message, text)

    def set_blacklist(self, numbers: Collection[str]) -> None:
        """These numbers, and no others, said STOP."""
        with self.world.changing():
            self.blacklist = dict.fromkeys(numbers, self.world.clock.now())

    def cancel(self, ticket: str) -> list[Message]:
        """Drop what this ticket still holds; returns it. Whether the money comes back is a setting."""
        with self.world.changing():
            dropped = self.world.handsets.cancel(ticket)
            back = sum((message.cost for message in dropped), Decimal(0)) if self.settings.refund_on_cancel else 0
            self.settings = replace(self.settings, credit=self.settings.credit + back)
            self.cancelled[ticket] = self.world.clock.now()
            return dropped

    def _simulate(self, order: Order) -> Accepted | Refusal:
        with self.world.changing():
            if self.settings.consume_on_simulation:
                if self._knows(order.key):
                    return Refusal(self.settings.duplicate_code)
                self._remember(order.key)
            if self.settings.simulated_receipts:
                for message in messages(order, SIMULATED, self.api, self.login, self.world.clock.now()):
                    self._mail.receipts(self.settings, message, blocked=False)
            return self._accepted("", order)

    def _objection(self, order: Order) -> str | None:
        checks = (
            (self.settings.duplicate_code, self._knows(order.key)),
            (NO_CREDIT, order.cost > self.settings.credit),
        )
        in_order = checks[::-1] if self.settings.credit_first else checks
        return next((code for code, strikes in in_order if strikes), None)

    def _book(self, n: int, order: Order) -> Accepted:
        ticket = TICKETS[self.api](next(self.world.tickets))
        self.settings = replace(self.settings, credit=self.settings.credit - order.cost)
        self.world.calls.accept(n, ticket)
        accepted = self._accepted(ticket, order)
        at = order.due_at or self.world.clock.now()
        early = [self._deliver(message) for message in messages(order, ticket, self.api, self.login, at)]
        return replace(accepted, early=tuple(letter for each in early for letter in each))

    def _book_later(self, n: int, order: Order, seconds: float) -> None:
        with self.world.changing():
            self.world.later(self.world.clock.now() + seconds, partial(self._book, n, order))

    def _accepted(self, ticket: str, order: Order) -> Accepted:
        return Accepted(ticket, order, self.settings.credit, int(order.due_at or self.world.clock.now()))

    def _deliver(self, message: Message) -> list[Letter]:
        if message.at <= self.world.clock.now():
            return self._ring(message)
        place = self.world.handsets.hold(message)
        self.world.later(message.at, partial(self._release, place))
        return []

    def _release(self, place: int) -> None:
        message = self.world.handsets.release(place)
        if message is not None:
            self._ring(message)

    def _ring(self, message: Message) -> list[Letter]:
        """The handset rings, unless its number said STOP to this account."""
        blocked = message.recipient in self.blacklist
        if not blocked:
            self.world.handsets.ring(message)
            if message.recipient in ANSWERS:
                at = self.world.clock.now() + 3 * self.settings.receipt_delay
                self.world.later(at, partial(self.typed, message, ANSWERS[message.recipient]))
        elif not self.settings.charge_blacklisted:
            self.settings = replace(self.settings, credit=self.settings.credit + message.cost)
        return self._mail.receipts(self.settings, message, blocked=blocked)

    def _without_blacklisted(self, order: Order) -> Order:
        return order.without(self.blacklist) if order.removes_blacklisted else order

    def _knows(self, key: str) -> bool:
        remembered_at = self._keys.get(key)
        return remembered_at is not None and self.world.clock.now() - remembered_at < self.settings.key_window

    def _remember(self, key: str) -> None:
        """Keys stand in the order they came, so the expired ones are at the front. A known key keeps its instant."""
        now = self.world.clock.now()
        while self._keys and now - next(iter(self._keys.values())) >= self.settings.key_window:
            del self._keys[next(iter(self._keys))]
        if key:
            self._keys.setdefault(key, now)


TICKETS = {
    "legacy": lambda number: f"api{110_000_000_000 + number}",
    "v1": lambda number: f"sms_{number:022x}",
}
