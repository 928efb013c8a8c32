"""What an answer means for the record, also when recipients have different fates."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal

import pytest

from octoworker.errors import DuplicateKeyError, RefusedByOctopushError, UnreachableError
from octoworker.gateway import Answer, Outcome, Submit
from octoworker.sending.outcome import of_answer, of_failure
from octoworker.sending.retry import Policy
from octoworker.sms.record import State
from octoworker.store import Lease

POLICY = Policy(base=2, cap=300, give_up_after=86400, max_attempts=50, account_wait=60, key_window=86400)
A, B = "+33612345678", "+33612345679"
ORDER = Submit(
    key="k", recipients=(A, B), text="t", sms_type="FR", sender="Octo", transactional=True, sending_date=None
)


def lease(**more):
    facts = {"attempts": 1, "now": 1e9, "age": 1, "unknown_for": 0, "pending": (), "earlier": {}, "earlier_cost": ""}
    return Lease(token=1, generation=0, key_used_before=False, key_doubtful=False, **{**facts, **more})


def fate(number, code=None):
    return Outcome(number, "rejected" if code else "accepted", "FR", Decimal("0.05"), 1, code)


def answer(*fates, cost="0.10", sending_date=None):
    return Answer("api1", Decimal(cost), Decimal("6.93"), "EUR", sending_date, 2, tuple(fates))


def outcomes(outcome):
    return {number: fate["state"] for number, fate in json.loads(outcome.fields["outcomes"]).items()}


def after(reply, claim=None, order=ORDER):
    return of_answer(reply, order, claim or lease(), POLICY, 0.5)


def test_everybody_accepted_is_accepted():
    outcome = after(answer(fate(A), fate(B)))
    assert (outcome.state, outcome.delay, outcome.fields["ticket"]) == (State.ACCEPTED, None, "api1")


def test_some_refused_for_good_is_accepted_and_says_which():
    outcome = after(answer(fate(A), fate(B, "150")))
    assert outcome.state is State.ACCEPTED
    assert outcomes(outcome) == {A: "accepted", B: "rejected"}


def test_everybody_refused_is_rejected_with_the_code():
    outcome = after(answer(fate(A, "151"), fate(B, "150")))
    assert (outcome.state, outcome.fields["error_code"]) == (State.REJECTED, "151")


def test_a_recipient_refused_for_now_goes_again_alone_under_the_next_key():
    outcome = after(answer(fate(A), fate(B, "153")))
    assert (outcome.state, outcome.key) == (State.WAITING, "next")
    assert json.loads(outcome.fields["pending"]) == [B]
    assert outcomes(outcome) == {A: "accepted", B: "waiting"}


def test_the_second_submit_completes_the_outcomes_and_the_cost_of_the_first():
    claim = lease(
        attempts=2, pending=(B,), earlier={A: {"state": "accepted"}, B: {"state": "waiting"}}, earlier_cost="0.05"
    )
    outcome = after(answer(fate(B), cost="0.05"), claim)
    assert (outcome.state, outcome.fields["cost"], outcome.fields["pending"]) == (State.ACCEPTED, "0.10", "")
    assert outcomes(outcome) == {A: "accepted", B: "accepted"}


def test_a_message_that_reached_somebody_ends_accepted_when_the_rest_is_given_up():
    claim = lease(attempts=50, pending=(B,), earlier={A: {"state": "accepted"}})
    outcome = after(answer(fate(B, "153")), claim)
    assert (outcome.state, outcome.delay) == (State.ACCEPTED, None)
    assert outcomes(outcome) == {A: "accepted", B: "rejected"}


def test_a_message_that_reached_nobody_is_dead_when_it_is_given_up():
    assert after(answer(fate(A, "153"), fate(B, "153")), lease(attempts=50)).state is State.DEAD


@pytest.mark.parametrize(
    ("error", "attempts"), [(RefusedByOctopushError("no", error_code="117"), 2), (UnreachableError("away"), 50)]
)
def test_a_failed_rest_does_not_unsay_what_was_accepted(error, attempts):
    claim = lease(attempts=attempts, pending=(B,), earlier={A: {"state": "accepted"}})
    outcome = of_failure(error, claim, POLICY, 0.5)
    assert outcome.state is State.ACCEPTED
    assert outcomes(outcome) == {A: "accepted", B: "rejected"}


def test_another_sending_date_than_the_one_asked_for_is_reported():
    order = Submit("k", (A,), "t", "FR", "Octo", transactional=True, sending_date=1_800_000_000)
    assert after(answer(fate(A), sending_date=1_800_000_000), order=order).reason == ""
    assert "+3600 s" in after(answer(fate(A), sending_date=1_800_003_600), order=order).reason


def a_second_call(first, **more):
    """For B alone: what became of A in the first one is known."""
    facts = {
        "attempts": 2,
        "unknown_for": 1,
        "pending": (B,),
        "earlier": {A: {"state": first}, B: {"state": "waiting"}},
    }
    return replace(lease(**facts), generation=1, **more)


@pytest.mark.parametrize("first", ["accepted", "delivered", "undelivered"])
def test_a_refusal_of_the_others_does_not_make_rejected_what_somebody_has(first):
    refusal = RefusedByOctopushError("no", error_code="110")
    outcome = of_failure(refusal, a_second_call(first), POLICY, 0.5)
    assert outcome.state is State.ACCEPTED
    assert outcomes(outcome)[A] == first


def test_recipients_that_octopush_had_already_do_not_stay_waiting():
    claim = a_second_call("accepted", key_used_before=True)
    outcome = of_failure(DuplicateKeyError("120", error_code="120"), claim, POLICY, 0.5)
    assert (outcome.state, outcome.fields["pending"]) == (State.ACCEPTED, "")
    assert outcomes(outcome) == {A: "accepted", B: "accepted"}
