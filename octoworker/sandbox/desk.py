"""The way of every call, whatever generation it speaks.

A call goes through four moments: it arrives (and is logged), is decided (and perhaps taken), is answered, and leaves.
A fault may stand at any of them. What a call says, and how an answer is written, is the dialect's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Protocol

from octoworker.sandbox.account import Account
from octoworker.sandbox.calls import Call
from octoworker.sandbox.faults import Fault, Faults
from octoworker.sandbox.form import Request
from octoworker.sandbox.gates import Gates
from octoworker.sandbox.orders import Accepted, Order, Promise, Refusal
from octoworker.sandbox.places import Places
from octoworker.sandbox.replies import TOO_MANY, Reply, Wire, struck
from octoworker.sandbox.world import World

EARLY = 5.0
"""Seconds an answer waits for the receipts that must come before it."""


@dataclass(frozen=True)
class Asked:
    """What a request asks: `call` is one of faults.CALLS, `account` the one its login opens, `refused` why none."""

    call: str
    format: str
    method: str
    key: str
    numbers: tuple[str, ...] = field(repr=False)
    recipients: int
    fields: tuple[str, ...]
    simulated: bool
    content: Mapping[str, Any] = field(repr=False)
    account: Account | None
    refused: str
    request: Request = field(repr=False)


class Dialect(Protocol):
    """One generation of the API."""

    name: str

    def read(self, request: Request) -> Asked:
        """What the request asks. Never raises."""
        ...

    def order(self, asked: Asked, account: Account, fault: Fault | None) -> Order | Refusal:
        """The SMS a call to send asks for, or why not."""
        ...

    def look(self, asked: Asked, account: Account) -> object:
        """The answer to any other call."""
        ...

    def render(self, answer: Any, asked: Asked, account: Account | None) -> tuple[str, Reply]:
        """The code that the answer stands for, and the answer as it is written."""
        ...


class Desk:
    """Takes every call to Octopush."""

    def __init__(self, world: World, faults: Faults, gates: Gates, places: Places) -> None:
        self._world = world
        self._faults = faults
        self._gates = gates
        self._places = places

    def answer(self, dialect: Dialect, request: Request) -> Reply:
        """The reply to a request of this dialect, and what it does to the account."""
        asked = dialect.read(request)
        account = asked.account
        if account is None:
            return self._worked(dialect, asked)
        if not self._places.take(account):
            with self._world.changing():
                self._world.calls.answer(
                    self._world.calls.arrive(_call(dialect, asked, None, self._world.clock.now())), "429"
                )
            return TOO_MANY
        try:
            reply = self._worked(dialect, asked)
        except BaseException:
            self._places.leave(account)
            raise
        return replace(reply, ready=partial(self._places.leave, account))

    def _worked(self, dialect: Dialect, asked: Asked) -> Reply:
        fault = self._faults.take(dialect.name, asked.call, asked.numbers)
        with self._world.changing():
            n = self._world.calls.arrive(_call(dialect, asked, fault, self._world.clock.now()))
        self._stand(fault, "before")
        decided = self._decide(dialect, asked, n, fault)
        self._stand(fault, "after")
        if isinstance(decided, Accepted):
            _wait_for_early(decided)
        return self._leave(dialect, asked, n, decided, fault)

    def _decide(self, dialect: Dialect, asked: Asked, n: int, fault: Fault | None) -> object:
        """What becomes of the call; None when a fault keeps it from ever being looked at."""
        if fault is not None and not fault.accepts:
            decided: object = Refusal(str(fault.options["code"])) if fault.kind == "code" else None
        elif asked.account is None:
            decided = Refusal(asked.refused)
        elif asked.call == "sms":
            decided = _taken(dialect, asked, asked.account, n, fault)
        else:
            decided = dialect.look(asked, asked.account)
        if isinstance(decided, Refusal) and asked.account is not None:
            asked.account.refused(asked.key)
        return decided

    def _stand(self, fault: Fault | None, when: str) -> None:
        if fault is not None and fault.stands(when):
            self._gates.stand(str(fault.options["name"]), fault.id)

    def _leave(self, dialect: Dialect, asked: Asked, n: int, decided: object, fault: Fault | None) -> Reply:
        reply = Reply()
        if isinstance(decided, Promise) and fault is not None:
            reply = replace(reply, leave=partial(_keep_promise, promise=decided, fault=fault))
        elif decided is not None:
            code, reply = dialect.render(decided, asked, asked.account)
            if fault is None or fault.readable:
                with self._world.changing():
                    self._world.calls.answer(n, code)
        if asked.account is not None:
            reply = replace(reply, delay=asked.account.settings.latency)
        return reply if fault is None else struck(reply, fault)


def _taken(dialect: Dialect, asked: Asked, account: Account, n: int, fault: Fault | None) -> object:
    if account.settings.key_first and not asked.simulated and account.knows(asked.key):
        return Refusal(account.settings.duplicate_code)
    order = dialect.order(asked, account, fault)
    if isinstance(order, Refusal):
        return order
    take = account.promise if fault is not None and fault.kind == "late_booking" else account.submit
    return take(n, order)


def _wait_for_early(accepted: Accepted) -> None:
    for letter in accepted.early:
        letter.done.wait(EARLY)


def _keep_promise(wire: Wire, packet: bytes, *, promise: Promise, fault: Fault) -> None:  # noqa: ARG001
    """The caller never hears; what it was promised is booked after it has gone."""
    wire.wait_until_gone(float(str(fault.options["hold"])))
    wire.hang_up()
    promise.keep(fault.seconds)


def _call(dialect: Dialect, asked: Asked, fault: Fault | None, at: float) -> Call:
    return Call(
        n=0,
        at=at,
        api=dialect.name,
        call=asked.call,
        format=asked.format,
        method=asked.method,
        request_id=asked.key,
        recipients=asked.recipients,
        fields=asked.fields,
        fault=fault.kind if fault else None,
        simulated=asked.simulated,
    )
