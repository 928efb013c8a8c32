"""When to try again and when to stop. A decision is a value: nothing here sleeps, raises or enqueues.

1. The failure's class says what it proves: not sent, refused, or maybe sent.
2. The table below turns that into a state, a wait and a key: the same one after "maybe", the next after a refusal.
3. A refusal after a "maybe" on the same key proves nothing about the first call: we do not know whether the provider
   looks at the key first. So the key stays, and from then on even "I had this key" is left to an operator.
4. "I had this key" after a lost answer proves that the key was used, and not that the first call was accepted: such a
   message is accepted unconfirmed, or left to an operator where the settings say so.
5. Age and attempts say when it ends: `dead` when nothing was sent, `unknown` for an operator when something may have been.

Time and chance are arguments.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Literal

from octoworker.errors import (
    BusyError,
    DuplicateKeyError,
    GatewayError,
    Kind,
    MaybeSentError,
    RefusedByProviderError,
    UnreachableError,
)
from octoworker.sms.record import State
from octoworker.store import KeyUse

NO_TIME = timedelta()

DOUBLINGS = 62
"""Beyond any cap, and still a number."""


@dataclass(frozen=True)
class Policy:
    """How patient we are."""

    base: timedelta
    cap: timedelta
    give_up_after: timedelta
    max_attempts: int
    account_wait: timedelta
    key_window: timedelta
    unconfirmed: Literal["accept", "review"] = "accept"
    """What becomes of a message that the provider says it had, when nobody saw it accept it."""


@dataclass(frozen=True)
class Facts:
    """What the record knows when a submit ends."""

    attempts: int
    """Submits so far, this one included."""
    age: timedelta
    """Since its first attempt that counted. Time in which it was held, or in line before that, is not spent on trying."""
    key_used_before: bool
    """An earlier submit with this very key may have arrived."""
    key_doubtful: bool = False
    """An earlier submit with this key was refused after another one that may have arrived."""
    unknown_for: timedelta = NO_TIME
    """Since the key was first used without an answer."""


@dataclass(frozen=True)
class AccountHold:
    """All sending stops, for the provider refuses the account."""

    code: str
    mended_by_credit: bool


@dataclass(frozen=True)
class Decision:
    """What becomes of the message. `delay` is None where no machine tries again."""

    state: State
    reason: str
    delay: timedelta | None = None
    key: KeyUse = "used"
    counts: bool = True
    code: str | None = None
    """The provider's own word for it, for the record."""
    confirmed: bool = True
    """False: accepted, as far as it can be known without an answer of the call that sent it."""
    hold: AccountHold | None = None
    """The account is refused: the message is backlogged with all others until somebody mends that."""


def decide(error: GatewayError, facts: Facts, policy: Policy, chance: float) -> Decision:
    """What follows a submit that did not end in "accepted". `chance` is drawn from [0, 1)."""
    match error:
        case UnreachableError() | BusyError():
            return _again(error, facts, policy, chance, key="unused")
        case DuplicateKeyError():
            return _duplicate(error, facts, policy)
        case RefusedByProviderError():
            return _refused(error, facts, policy, chance)
        case MaybeSentError():
            return _maybe(error, facts, policy, chance)
        case _:
            return Decision(State.UNKNOWN, error.reason, code=error.code)


def spent(facts: Facts, policy: Policy) -> str:
    """Why trying again is over, or "" while it is not."""
    if facts.age >= policy.give_up_after:
        return f"given up: older than {policy.give_up_after.total_seconds():g} s"
    if facts.attempts >= policy.max_attempts:
        return f"given up: {facts.attempts} attempts"
    return ""


def backoff(attempts: int, policy: Policy, chance: float, at_least: float | None = None) -> timedelta:
    """Full jitter: a draw from 0 to base x 2^n, capped; never sooner than the provider asked (`at_least`, seconds)."""
    doubled = policy.base.total_seconds() * 2.0 ** min(max(0, attempts - 1), DOUBLINGS)
    drawn = min(policy.cap.total_seconds(), doubled) * chance
    return timedelta(seconds=max(drawn, at_least or 0.0))


def pause(facts: Facts, policy: Policy, chance: float, at_least: float | None = None) -> timedelta:
    """How long to wait for the next try: no longer than what is left, so that the last one comes when its time is up,
    also where the provider asked for more."""
    return min(backoff(facts.attempts, policy, chance, at_least), policy.give_up_after - facts.age)


def _again(error: GatewayError, facts: Facts, policy: Policy, chance: float, *, key: KeyUse) -> Decision:
    """Not sent by this call. Whether an earlier call with the same key did is another matter."""
    over = spent(facts, policy)
    delay = pause(facts, policy, chance, error.retry_after)
    if facts.key_used_before:
        return _still_unknown(error, facts, policy, delay, over, key)
    if over:
        return Decision(State.DEAD, f"{error.reason} ({over})", key=key, code=error.code)
    return Decision(State.WAITING, error.reason, delay, key, code=error.code)


def _maybe(error: GatewayError, facts: Facts, policy: Policy, chance: float) -> Decision:
    delay = pause(facts, policy, chance, error.retry_after)
    return _still_unknown(error, facts, policy, delay, spent(facts, policy), "used")


def _still_unknown(
    error: GatewayError, facts: Facts, policy: Policy, delay: timedelta, over: str, key: KeyUse, *, counts: bool = True
) -> Decision:
    """May have been sent, now or before: the same key inside its window, then an operator."""
    key = "doubtful" if key == "next" else key
    if facts.unknown_for + delay > policy.key_window:
        over = "Octopush may have forgotten the key by then"
    if over:
        reason = f"{error.reason} ({over}; may have been sent, an operator decides)"
        return Decision(State.UNKNOWN, reason, key=key, counts=counts, code=error.code)
    return Decision(State.UNKNOWN, error.reason, delay, key, counts=counts, code=error.code)


def _duplicate(error: GatewayError, facts: Facts, policy: Policy) -> Decision:
    """Believed only of a key that we used, and whose uses were never refused; and not more than can be known then."""
    if facts.key_used_before and not facts.key_doubtful:
        had = f"Octopush already had it{_in_brackets(error)}"
        if policy.unconfirmed == "review":
            reason = f"{had}, and its first answer was lost; an operator decides"
            return Decision(State.UNKNOWN, reason, code=error.code)
        return Decision(State.ACCEPTED, f"{had}; unconfirmed", code=error.code, confirmed=False)
    # A key of ours that was never used belongs to another message: a lost Redis, or a clash of two installations.
    why = "was also refused before" if facts.key_doubtful else "was never used here"
    reason = f"Octopush says it already had this key{_in_brackets(error)}, which {why}; an operator decides"
    return Decision(State.UNKNOWN, reason, code=error.code)


def _in_brackets(error: GatewayError) -> str:
    return f" ({error.code})" if error.code else ""


def _refused(error: GatewayError, facts: Facts, policy: Policy, chance: float) -> Decision:
    match error.kind:
        case Kind.TRANSIENT:
            # The refused call may have used its key up: the next one is sure to be read.
            return _again(error, facts, policy, chance, key="next")
        case Kind.ACCOUNT:
            return _account(error, facts, policy)
        case Kind.PERMANENT if not facts.key_used_before:
            return Decision(State.REJECTED, error.reason, key="next", code=error.code)
        case _:
            # Refused for good after a "maybe", or by a code that nobody knows: neither proves that nothing was sent.
            reason = f"{error.reason}; no machine tries again, an operator decides"
            return Decision(State.UNKNOWN, reason, key="doubtful", code=error.code)


def _account(error: GatewayError, facts: Facts, policy: Policy) -> Decision:
    """The account is refused, not the message: it waits, however long, and burns no attempt."""
    if facts.key_used_before:
        waits = _still_unknown(error, facts, policy, policy.account_wait, "", "next", counts=False)
    else:
        waits = Decision(State.WAITING, error.reason, policy.account_wait, "next", counts=False, code=error.code)
    return (
        replace(waits, hold=AccountHold(error.code or "refused", error.mended_by_credit))
        if error.stops_account
        else waits
    )
