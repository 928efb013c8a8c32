"""Octopush, a dice at a time: it remembers keys, rings handsets, and each call ends as the dice say."""

from __future__ import annotations

from decimal import Decimal

from octoworker.errors import (
    BusyError,
    DuplicateKeyError,
    Kind,
    MaybeSentError,
    RefusedByProviderError,
    UnreachableError,
)
from octoworker.gateway import Answer, RecipientResult

ENDS = ("taken", "partly", "lost after", "lost before", "unreachable", "busy", "crash after", "crash before")
CODES = ("101", "104", "127", "150", "500", "126", "999")


class CrashError(BaseException):
    """The worker is gone."""


class Octopush:
    """One account of it. `end` says how the next call ends; `burnt`: a refused call uses its key up."""

    def __init__(self, rang, dialect, end, *, burnt):
        self.keys: set[str] = set()
        self.rang, self.dialect, self.end, self.burnt = rang, dialect, end, burnt

    def submit(self, order):
        end = self.end()
        self._before(end)
        if order.key in self.keys:
            raise DuplicateKeyError("had it", code="120")
        if end in CODES:
            if self.burnt:
                self.keys.add(order.key)
            raise self._refusal(end)
        self.keys.add(order.key)
        taken = order.recipients[:1] if end == "partly" else order.recipients
        for number in taken:
            self.rang[number, order.text] += 1
        self._after(end)
        return _answer(order, taken)

    def _before(self, end):
        """How a call ends that Octopush never sees."""
        match end:
            case "unreachable":
                raise UnreachableError("no connection")
            case "busy":
                raise BusyError("HTTP 429", retry_after=2.0)
            case "crash before":
                raise CrashError
            case "lost before":
                raise MaybeSentError("no answer")
            case "500":
                raise MaybeSentError("500", code="500")

    def _after(self, end):
        """How a call ends that Octopush has taken."""
        if end == "crash after":
            raise CrashError
        if end == "lost after":
            raise MaybeSentError("no answer")

    def _refusal(self, code):
        """What the gateway makes of this code."""
        known = self.dialect.lookup(code)
        return RefusedByProviderError(
            "no", kind=known.kind, code=code, stops_account=known.stops_account, mended_by_credit=known.mended_by_credit
        )


def _answer(order, taken):
    results = [
        RecipientResult(number, "accepted", "FR", Decimal("0.05"), 1)
        if number in taken
        else RecipientResult(number, "rejected", code="153", kind=Kind.TRANSIENT, reason="congested")
        for number in order.recipients
    ]
    return Answer("api1", Decimal("0.05"), Decimal(9), "EUR", order.send_at, len(taken), tuple(results))
