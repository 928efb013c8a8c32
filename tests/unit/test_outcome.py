"""What an answer means for the record, also when its recipients have different results."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from octoworker.errors import DuplicateKeyError, Kind, MaybeSentError, RefusedByProviderError, UnreachableError
from octoworker.gateway import Answer, RecallRules, RecipientResult, Submit
from octoworker.sending.outcome import Attempt, of_answer, of_failure
from octoworker.sending.retry import Policy
from octoworker.sms.record import State
from octoworker.store import Lease

SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
POLICY = Policy(2 * SECOND, 300 * SECOND, give_up_after=DAY, max_attempts=50, account_wait=60 * SECOND, key_window=DAY)
NOW = datetime(2026, 11, 23, tzinfo=UTC)
A, B = "+33612345678", "+33612345679"
ORDER = Submit(key="k", recipients=(A, B), text="t", sms_type="FR", sender="Octo", transactional=True, send_at=None)


def go(**more):
    facts = {
        "attempts": 1,
        "now": NOW,
        "age": SECOND,
        "unknown_for": 0 * SECOND,
        "pending": (),
        "earlier": {},
        "earlier_cost": "",
    }
    return Lease(token=1, generation=0, key_used_before=False, key_doubtful=False, **{**facts, **more})


def attempt(claim=None, order=ORDER):
    return Attempt(order, claim or go(), backlog="normal:t", day="2026-11-23", policy=POLICY, chance=0.5)


def has_it(number):
    return RecipientResult(number, "accepted", "FR", Decimal("0.05"), 1)


def refused(number, code):
    return RecipientResult(number, "rejected", code=code, kind=Kind.PERMANENT, reason="no")


def later(number, code="153"):
    return RecipientResult(number, "rejected", code=code, kind=Kind.TRANSIENT, reason="the route is congested")


def answer(*results, cost="0.10", send_at=None):
    return Answer("api1", Decimal(cost), Decimal("6.93"), "EUR", send_at, 2, tuple(results), code="000")


def outcomes(outcome):
    return {number: result["state"] for number, result in json.loads(outcome.fields["outcomes"]).items()}


def after(reply, claim=None, order=ORDER):
    return of_answer(reply, attempt(claim, order))


LATER = NOW + 3600 * SECOND
RECALL = RecallRules(2, 600 * SECOND, 1000, "it cancels only few")
FOR_LATER = replace(ORDER, send_at=LATER)


def held(order=FOR_LATER, claim=None, recall=RECALL, **changes):
    """Accepted, and the provider holds it."""
    reply = replace(answer(*map(has_it, order.recipients)), **changes)
    return of_answer(reply, replace(attempt(claim, order), recall=recall))


def test_what_the_provider_holds_for_few_can_be_taken_back_until_shortly_before():
    outcome = held()
    assert outcome.recall_until == LATER - 600 * SECOND
    assert "no_recall" not in outcome.fields


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({"recall": None}, "knows no cancel"),
        ({"ticket": None}, "ticket for it is not known"),
        ({"order": replace(FOR_LATER, recipients=(A, B, "+33612345670"))}, "it cancels only few"),
        ({"claim": go(pending=(B,), earlier={A: {"state": "accepted"}})}, "more than one call"),
    ],
)
def test_what_cannot_be_taken_back_says_why(facts, why):
    outcome = held(**facts)
    assert outcome.recall_until is None
    assert why in outcome.fields["no_recall"]


def test_what_went_at_once_says_nothing_of_it():
    outcome = held(order=ORDER)
    assert (outcome.recall_until, outcome.fields.get("no_recall")) == (None, None)


def test_what_was_accepted_without_its_answer_has_no_ticket_to_take_it_back_by():
    doubtful = replace(attempt(replace(go(), key_used_before=True), FOR_LATER), recall=RECALL)
    outcome = of_failure(DuplicateKeyError("had it", code="182"), doubtful)
    assert (outcome.state, outcome.recall_until) == (State.ACCEPTED, None)
    assert "ticket" in outcome.fields["no_recall"]


def test_a_stop_finds_marketing_only_while_the_provider_holds_it_and_can_be_asked():
    hashes = {A: ["a1"], B: ["b1"]}
    advert = replace(attempt(order=FOR_LATER), opt_outs=hashes, recall=RECALL)
    taken = answer(has_it(A), has_it(B))
    assert of_answer(taken, advert).opt_outs == hashes
    assert of_answer(taken, replace(advert, order=ORDER)).opt_outs is None
    assert of_answer(taken, replace(advert, recall=None)).opt_outs is None
    assert of_answer(answer(has_it(A), later(B)), advert).opt_outs is None


def test_what_a_call_cost_is_spent():
    assert after(answer(has_it(A), has_it(B), cost="0.13")).spent == Decimal("0.13")
    assert after(replace(answer(has_it(A)), cost=None)).spent == 0
    assert of_failure(MaybeSentError("x"), attempt()).spent == 0


def unpriced(number, country=None):
    return RecipientResult(number, "accepted", country)


OVERSEAS = "+262692123456"


@pytest.mark.parametrize(
    ("reply", "prices"),
    [
        # said of each recipient
        (answer(RecipientResult(A, "accepted", "FR", Decimal("0.08"), 2), cost="9"), {"FR": Decimal("0.04")}),
        # said of the call, to one country
        (answer(unpriced(A), unpriced(B)), {"FR": Decimal("0.05")}),
        # of a call to two countries nobody knows what each cost
        (answer(unpriced(A), unpriced(OVERSEAS)), {}),
        # a country without its cost is no price, and the call's would be that of others, too
        (answer(unpriced(A, "FR")), {}),
        # nor is a cost without segments or a country
        (answer(RecipientResult(A, "accepted", "FR", Decimal("0.08"))), {}),
        (answer(RecipientResult(A, "accepted", None, Decimal("0.08"), 2), cost="0.20"), {"FR": Decimal("0.10")}),
        (replace(answer(unpriced(A)), segments=None), {}),
        (replace(answer(unpriced(A)), cost=None), {}),
    ],
)
def test_what_a_segment_cost_is_learnt_where_the_answer_tells_it(reply, prices):
    assert after(reply).prices == prices


def test_what_answers_cost_beside_the_segments_is_no_price_of_a_segment():
    assert after(answer(has_it(A)), order=replace(ORDER, with_replies=True)).prices == {}


def test_the_caps_get_back_who_was_refused_for_good_while_others_were_not():
    counted = replace(attempt(), uncount=lambda numbers: {"numbers": list(numbers)})
    assert of_answer(answer(has_it(A), refused(B, "150")), counted).unsent == {"numbers": [B]}
    assert of_answer(answer(has_it(A), has_it(B)), counted).unsent is None
    assert of_answer(answer(has_it(A), later(B)), counted).unsent is None
    assert of_answer(answer(refused(A, "150"), refused(B, "150")), counted).unsent is None, "the whole message is"


def test_everybody_accepted_is_accepted():
    outcome = after(answer(has_it(A), has_it(B)))
    assert (outcome.state, outcome.delay, outcome.fields["ticket"]) == (State.ACCEPTED, None, "api1")


def test_some_refused_for_good_is_accepted_and_says_which():
    outcome = after(answer(has_it(A), refused(B, "150")))
    assert outcome.state is State.ACCEPTED
    assert outcomes(outcome) == {A: "accepted", B: "rejected"}


def test_everybody_refused_is_rejected_with_the_code():
    outcome = after(answer(refused(A, "151"), refused(B, "150")))
    assert (outcome.state, outcome.fields["error_code"]) == (State.REJECTED, "151")


def test_a_message_to_one_person_who_is_refused_is_rejected():
    outcome = after(answer(refused(A, "150")), order=replace(ORDER, recipients=(A,)))
    assert (outcome.state, outcome.fields["error_code"]) == (State.REJECTED, "150")


def test_who_was_refused_for_good_says_why_a_message_reached_nobody_also_when_others_are_given_up():
    outcome = after(answer(refused(A, "150"), later(B)), go(attempts=50))
    assert (outcome.state, outcome.fields["error_code"]) == (State.REJECTED, "150")


def test_a_recipient_refused_for_now_goes_again_alone_under_the_next_key():
    outcome = after(answer(has_it(A), later(B)))
    assert (outcome.state, outcome.key) == (State.WAITING, "next")
    assert json.loads(outcome.fields["pending"]) == [B]
    assert outcomes(outcome) == {A: "accepted", B: "waiting"}


def test_the_second_submit_completes_the_outcomes_and_the_cost_of_the_first():
    claim = go(
        attempts=2, pending=(B,), earlier={A: {"state": "accepted"}, B: {"state": "waiting"}}, earlier_cost="0.05"
    )
    outcome = after(answer(has_it(B), cost="0.05"), claim)
    assert (outcome.state, outcome.fields["cost"], outcome.fields["pending"]) == (State.ACCEPTED, "0.10", "")
    assert outcomes(outcome) == {A: "accepted", B: "accepted"}


def test_a_message_that_reached_somebody_ends_accepted_when_the_rest_is_given_up():
    claim = go(attempts=50, pending=(B,), earlier={A: {"state": "accepted"}})
    outcome = after(answer(later(B)), claim)
    assert (outcome.state, outcome.delay) == (State.ACCEPTED, None)
    assert outcomes(outcome) == {A: "accepted", B: "rejected"}


def test_a_message_that_reached_nobody_is_dead_when_it_is_given_up():
    assert after(answer(later(A), later(B)), go(attempts=50)).state is State.DEAD


@pytest.mark.parametrize(
    ("error", "attempts"),
    [(RefusedByProviderError("no", kind=Kind.PERMANENT, code="117"), 2), (UnreachableError("away"), 50)],
)
def test_a_failed_rest_does_not_unsay_what_was_accepted(error, attempts):
    claim = go(attempts=attempts, pending=(B,), earlier={A: {"state": "accepted"}})
    outcome = of_failure(error, attempt(claim))
    assert outcome.state is State.ACCEPTED
    assert outcomes(outcome) == {A: "accepted", B: "rejected"}


def test_the_rest_is_tried_again_when_nothing_of_it_went():
    claim = go(pending=(B,), earlier={A: {"state": "accepted"}})
    assert of_failure(UnreachableError("away"), attempt(claim)).state is State.WAITING


def test_a_failure_is_kept_with_the_provider_s_code():
    assert of_failure(RefusedByProviderError("no", kind=Kind.PERMANENT, code="117"), attempt()).fields == {
        "error_code": "117"
    }


def test_who_could_not_be_read_stands_in_the_record_once_nothing_more_is_tried():
    with_a_typo = replace(attempt(), refused={"06": "it has too few digits."})
    ended = of_failure(RefusedByProviderError("no", kind=Kind.PERMANENT), with_a_typo)
    assert outcomes(ended) == {"06": "rejected"}
    assert "outcomes" not in of_failure(UnreachableError("away"), with_a_typo).fields


def test_another_instant_than_the_one_asked_for_is_reported():
    asked = datetime(2027, 1, 15, 8, 0, tzinfo=UTC)
    order = replace(ORDER, recipients=(A,), send_at=asked)
    assert after(answer(has_it(A), send_at=asked), order=order).reason == ""
    assert "+3600 s" in after(answer(has_it(A), send_at=asked + timedelta(hours=1)), order=order).reason


def test_the_instant_that_the_provider_echoed_is_kept_as_an_epoch():
    fields = after(answer(has_it(A), has_it(B), send_at=datetime(2027, 1, 15, 8, 0, tzinfo=UTC))).fields
    assert fields["sending_date"] == "1800000000"


def test_what_was_handed_over_for_later_says_until_when_the_provider_holds_it():
    at = datetime(2027, 1, 15, 8, 0, tzinfo=UTC)
    assert after(answer(has_it(A)), order=replace(ORDER, send_at=at)).deliver_at == at


def test_a_refused_account_sends_its_message_to_the_backlog():
    error = RefusedByProviderError("no", kind=Kind.ACCOUNT, code="104", stops_account=True, mended_by_credit=True)
    outcome = of_failure(error, attempt())
    assert (outcome.account_hold, outcome.mended_by_credit, outcome.backlog) == ("104", True, "normal:t")


def test_a_message_that_no_machine_acts_on_again_does_not_wait_in_the_backlog():
    error = RefusedByProviderError("no", kind=Kind.ACCOUNT, code="104", stops_account=True)
    claim = replace(go(unknown_for=2 * DAY), key_used_before=True)
    outcome = of_failure(error, attempt(claim))
    assert (outcome.state, outcome.delay, outcome.account_hold, outcome.backlog) == (State.UNKNOWN, None, "104", None)


@pytest.mark.parametrize(
    ("error", "health"),
    [
        (MaybeSentError("x"), "fault"),
        (UnreachableError("x"), "fault"),
        (RefusedByProviderError("x"), "ok"),
        (DuplicateKeyError("x"), "ok"),
    ],
)
def test_only_a_fault_speaks_against_the_provider(error, health):
    assert of_failure(error, attempt()).health == health


def test_a_result_comes_back_from_the_record_as_it_was_kept():
    kept = replace(has_it(A), code="0")
    assert RecipientResult.from_json(A, json.loads(json.dumps(kept.as_json()))) == kept


def test_a_result_that_a_receipt_left_is_read_too():
    assert RecipientResult.from_json(A, {"state": "delivered"}) == RecipientResult(A, "delivered")


def test_a_result_does_not_show_whose_it_is():
    assert A not in repr(has_it(A))
