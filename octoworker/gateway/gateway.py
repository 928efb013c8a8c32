"""What a dialect promises to everybody outside this package: a way to call, and what it knows of its API."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from hashlib import sha256
from typing import Any, Protocol, runtime_checkable

from octoworker.gateway.trials import Ear, Trial
from octoworker.gateway.values import Account, Answer, Code, Credit, Event, Parameters, Rules, Submit

ACCOUNT_DIGITS = 8
"""Of the hash of a login: enough to tell the few accounts of one installation apart."""


class Gateway(Protocol):
    """The way to one account. Made after the fork, shared between threads, closed at the end.

    It opens no connection before its first call. A call ends within the account's total timeout, but for a name server
    that hangs, which nobody can hurry: the request then does not leave any more. An error carries no other error in its
    context: that would hold the request, and with it the numbers, the text and the key.
    """

    def submit(self, order: Submit) -> Answer:
        """Hand one message over. An answer means that the provider took it; single recipients may still be rejected.

        Raises exactly one of UnreachableError, BusyError, RefusedByProviderError (all proven: not sent),
        DuplicateKeyError, or MaybeSentError for everything that proves nothing.
        """

    def cancel(self, ticket: str) -> None:
        """Take back the message of this ticket, which the provider holds for later. It returns when that is proven.

        Raises UnreachableError, BusyError or RefusedByProviderError (nothing was changed by this call), or MaybeSentError:
        the message may be gone, and may not.
        """

    def credit(self) -> Credit:
        """Money left.

        Raises RefusedByProviderError, BusyError or UnreachableError: a question sends nothing, so there is no maybe.
        """

    def balance(self) -> Mapping[str, Decimal]:
        """How many SMS are left, by type (FR, XXX). Raises what `credit` raises."""

    def close(self) -> None:
        """Close all connections."""


@runtime_checkable
class Configurable(Protocol):
    """A gateway whose account can be asked, and told, where to call back. Both raise what `Gateway.credit` raises."""

    def parameters(self) -> Parameters:
        """What the account is set to."""

    def configure(self, addresses: Mapping[Event, str]) -> None:
        """Set where it calls back. What came of it must be asked for: the provider ignores what it does not like."""


Trials = Callable[[Any, str, Ear | None], tuple[Trial, ...]]
"""By the dialect's own gateway, the number (E.164) to try with, and where the provider calls back."""


@dataclass(frozen=True)
class Dialect:
    """One generation of the API, as its folder offers it."""

    name: str
    """As the setting names it."""
    rules: Rules
    connect: Callable[[Account, int], Gateway]
    """A gateway to the account that keeps so many connections open."""
    key: Callable[[str, int], str]
    """The request key of a message (its id, the generation of its key): another one for each pair, in letters that the
    API takes."""
    codes: tuple[Code, ...]
    """Every code that is known, in order."""
    lookup: Callable[[str], Code]
    """What a code means. Never raises: one that is not listed has the kind UNKNOWN."""

    trials: Trials | None = None
    """What no page says of it, and can be tried with one of its gateways."""

    def account_of(self, login: str) -> str:
        """The name of an account in this dialect, without its login: who has had a request key is asked by it. "" for none."""
        return f"{self.name}-{sha256(login.encode()).hexdigest()[:ACCOUNT_DIGITS]}" if login else ""
