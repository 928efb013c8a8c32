"""When to try again and when to stop: a table of decisions."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from octoworker.errors import (
    BusyError,
    DuplicateKeyError,
    Kind,
    MaybeSentError,
    RefusedByProviderError,
    UnreachableError,
)
from octoworker.sending.retry import AccountHold, Facts, Policy, backoff, decide
from octoworker.sms.record import State


def seconds(span):
    return timedelta(seconds=span)


DAY = timedelta(days=1)
POLICY = Policy(seconds(2), seconds(300), give_up_after=DAY, max_attempts=50, account_wait=seconds(60), key_window=DAY)
FRESH = Facts(attempts=1, age=seconds(1), key_used_before=False)
USED = replace(FRESH, attempts=2, key_used_before=True, unknown_for=seconds(10))
DOUBTFUL = replace(USED, key_doubtful=True)


REVIEW = replace(POLICY, unconfirmed="review")


def refused(kind, **more):
    return RefusedByProviderError("no", kind=kind, **more)


@pytest.mark.parametrize(
    ("error", "facts", "state", "key", "again"),
    [
        # not one byte left, or turned away unread: the key is still unused
        (UnreachableError("x"), FRESH, State.WAITING, "unused", True),
        (BusyError("x"), FRESH, State.WAITING, "unused", True),
        # but an earlier call with this key may have arrived
        (UnreachableError("x"), USED, State.UNKNOWN, "unused", True),
        # may have arrived: the same key again
        (MaybeSentError("x"), FRESH, State.UNKNOWN, "used", True),
        (MaybeSentError("x"), USED, State.UNKNOWN, "used", True),
        # refused for now: the next key, for this one may be used up
        (refused(Kind.TRANSIENT), FRESH, State.WAITING, "next", True),
        # refused after a maybe: proves nothing about the first call
        (refused(Kind.TRANSIENT), USED, State.UNKNOWN, "doubtful", True),
        (refused(Kind.ACCOUNT), USED, State.UNKNOWN, "doubtful", True),
        (refused(Kind.PERMANENT), USED, State.UNKNOWN, "doubtful", False),
        # refused for good
        (refused(Kind.PERMANENT), FRESH, State.REJECTED, "next", False),
        # the account is refused, not the message
        (refused(Kind.ACCOUNT), FRESH, State.WAITING, "next", True),
        # a code nobody has seen: no machine tries again
        (refused(Kind.UNKNOWN), FRESH, State.UNKNOWN, "doubtful", False),
        # a kind of "done before" that is about no key of ours proves nothing
        (refused(Kind.DUPLICATE), FRESH, State.UNKNOWN, "doubtful", False),
        # "I had this key": believed of a key we used, and of no other
        (DuplicateKeyError("x"), USED, State.ACCEPTED, "used", False),
        (DuplicateKeyError("x"), FRESH, State.UNKNOWN, "used", False),
        (DuplicateKeyError("x"), DOUBTFUL, State.UNKNOWN, "used", False),
    ],
)
def test_what_follows_a_submit_that_did_not_end_in_accepted(error, facts, state, key, again):
    decision = decide(error, facts, POLICY, chance=0.5)
    assert (decision.state, decision.key, decision.delay is not None) == (state, key, again)


@pytest.mark.parametrize(("facts", "state"), [(FRESH, State.WAITING), (USED, State.UNKNOWN)])
def test_a_refused_account_burns_no_attempt_and_no_age(facts, state):
    decision = decide(refused(Kind.ACCOUNT), replace(facts, attempts=1000, age=seconds(1e9)), POLICY, chance=0.5)
    assert (decision.state, decision.counts, decision.delay) == (state, False, seconds(60))


@pytest.mark.parametrize("facts", [FRESH, USED])
@pytest.mark.parametrize(
    ("said", "hold"),
    [
        ({}, None),
        ({"stops_account": True, "code": "101"}, AccountHold("101", mended_by_credit=False)),
        ({"stops_account": True, "code": "104", "mended_by_credit": True}, AccountHold("104", mended_by_credit=True)),
        ({"stops_account": True}, AccountHold("refused", mended_by_credit=False)),
    ],
)
def test_a_refused_account_holds_all_sending_when_no_call_can_succeed(said, hold, facts):
    assert decide(refused(Kind.ACCOUNT, **said), facts, POLICY, chance=0.5).hold == hold


def test_backoff_doubles_up_to_the_cap():
    assert [backoff(n, POLICY, chance=1.0).total_seconds() for n in (1, 2, 3, 4, 20, 5000)] == [2, 4, 8, 16, 300, 300]


def test_backoff_is_drawn_from_nothing_to_the_ceiling():
    assert backoff(4, POLICY, chance=0.0) == seconds(0)
    assert backoff(4, POLICY, chance=0.25) == seconds(4)


def test_octopush_is_never_asked_sooner_than_it_said():
    decision = decide(BusyError("x", retry_after=30), FRESH, POLICY, chance=0.0)
    assert decision.delay == seconds(30)


def test_a_wait_is_no_longer_than_what_is_left_of_trying():
    decision = decide(BusyError("x", retry_after=7200), replace(FRESH, age=seconds(86000)), POLICY, chance=0.5)
    assert (decision.state, decision.delay) == (State.WAITING, seconds(400))
    decision = decide(MaybeSentError("x", retry_after=7200), replace(USED, age=seconds(86000)), POLICY, chance=0.5)
    assert (decision.state, decision.delay) == (State.UNKNOWN, seconds(400))


@pytest.mark.parametrize("spent", [{"age": DAY}, {"attempts": 50}])
def test_a_message_that_never_left_is_dead_when_its_time_is_up(spent):
    assert decide(UnreachableError("x"), replace(FRESH, **spent), POLICY, chance=0.5).state is State.DEAD


@pytest.mark.parametrize("spent", [{"age": DAY}, {"attempts": 50}, {"unknown_for": DAY}])
def test_a_message_that_may_have_been_sent_is_never_called_dead(spent):
    decision = decide(MaybeSentError("x"), replace(USED, **spent), POLICY, chance=0.5)
    assert (decision.state, decision.delay) == (State.UNKNOWN, None)
    assert "an operator decides" in decision.reason


def test_the_same_key_goes_again_until_its_window_ends_and_not_after():
    waits = MaybeSentError("x", retry_after=60)
    last = decide(waits, replace(USED, unknown_for=DAY - seconds(60)), POLICY, chance=0.0)
    late = decide(waits, replace(USED, unknown_for=DAY - seconds(59)), POLICY, chance=0.0)
    assert (last.delay, late.delay) == (seconds(60), None)


def test_a_key_that_is_known_proves_no_acceptance():
    accepted = decide(DuplicateKeyError("x"), USED, POLICY, 0.5)
    assert (accepted.state, accepted.confirmed) == (State.ACCEPTED, False)
    assert decide(MaybeSentError("x"), USED, POLICY, 0.5).confirmed


def test_a_setting_leaves_a_key_that_is_known_to_an_operator():
    left = decide(DuplicateKeyError("x"), USED, REVIEW, 0.5)
    assert (left.state, left.delay) == (State.UNKNOWN, None)
