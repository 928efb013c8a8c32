"""A call that kept every rule, what may come of it, and the messages it brings to the handsets."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Self

from octoworker.sandbox.callbacks.letters import Letter
from octoworker.sandbox.handsets import Message

SIMULATED = "sms_simulation"
"""v1: the ticket of a simulated call; what the real one looks like is not documented."""


@dataclass(frozen=True)
class Part:
    """What one handset will get, and for how much."""

    recipient: str = field(repr=False)
    text: str = field(repr=False)
    shown: str = field(repr=False)
    country: str
    cost: Decimal
    segments: int


@dataclass(frozen=True)
class Failure:
    """A recipient that cannot be reached; `recipient` is as sent when it is no number at all."""

    recipient: str = field(repr=False)
    code: str


@dataclass(frozen=True)
class Order:
    """A call that kept every rule. `due_at` is epoch seconds, None for now; `extra` is euros for the call itself."""

    key: str
    sender: str
    parts: tuple[Part, ...]
    failures: tuple[Failure, ...]
    due_at: float | None
    simulated: bool
    with_replies: bool = False
    receipts: bool = True
    removes_blacklisted: bool = False
    extra: Decimal = Decimal(0)

    @property
    def cost(self) -> Decimal:
        return sum((part.cost for part in self.parts), Decimal("0.000")) + self.extra

    @property
    def segments(self) -> int:
        """The SMS of the whole call."""
        return sum(part.segments for part in self.parts)

    def without(self, numbers: Collection[str]) -> Self:
        """The same order, for the other recipients only."""
        return replace(self, parts=tuple(part for part in self.parts if part.recipient not in numbers))


@dataclass(frozen=True)
class Accepted:
    """Octopush's receipt for a call; the ticket of a simulated one is empty. `early` goes out before the answer."""

    ticket: str
    order: Order
    balance: Decimal
    sending_date: int
    early: tuple[Letter, ...] = ()


@dataclass(frozen=True)
class Refusal:
    """The whole call was refused."""

    code: str


@dataclass(frozen=True)
class Promise:
    """The key of a call is taken; `keep` books the rest, so many seconds from now."""

    keep: Callable[[float], None]


def messages(order: Order, ticket: str, api: str, login: str, at: float) -> Iterator[Message]:
    """One message for each handset of an accepted order, to ring at `at` (epoch seconds)."""
    for part in order.parts:
        yield Message(
            recipient=part.recipient,
            text=part.text,
            shown=part.shown,
            sender=order.sender,
            ticket=ticket,
            request_id=order.key,
            segments=part.segments,
            at=at,
            api=api,
            login=login,
            cost=part.cost,
            with_replies=order.with_replies,
            receipts=order.receipts,
        )
