"""What v1 answered: a ticket is accepted, a code refuses, and whatever else comes proves nothing."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from octoworker.errors import (
    BusyError,
    DuplicateKeyError,
    GatewayError,
    Kind,
    MaybeSentError,
    RefusedByProviderError,
    UnreachableError,
)
from octoworker.gateway import Answer, Credit, RecipientResult
from octoworker.gateway.connections import Reply
from octoworker.gateway.v1 import answers

A, B = "+33611111111", "+33622222222"
TAKEN = {
    "sms_ticket": "sms_65f0c1d2e3a4b",
    "number_of_contacts": 1,
    "total_cost": 0.045,
    "number_of_sms_needed": 1,
    "residual_credit": 41.37,
}


def reply(status=201, body=b"", **fields):
    return Reply(status, {}, json.dumps(fields).encode() if fields else body)


def said(status=201, body=b"", asked=(A,), *, simulated=False, **fields):
    return answers.of_submit(reply(status, body, **fields), asked, simulated=simulated)


@pytest.mark.parametrize("status", [200, 201, 202])
def test_a_ticket_with_any_success_is_accepted(status):
    assert said(status, **TAKEN) == Answer(
        ticket="sms_65f0c1d2e3a4b",
        cost=Decimal("0.045"),
        balance=Decimal("41.37"),
        currency="EUR",
        send_at=None,
        segments=1,
        results=(RecipientResult(A, "accepted", cost=Decimal("0.045"), segments=1),),
        code="000",
    )


def test_everything_but_the_ticket_may_be_missing():
    answer = said(sms_ticket="sms_1")
    assert (answer.ticket, answer.cost, answer.balance, answer.currency, answer.segments) == (
        "sms_1",
        None,
        None,
        None,
        None,
    )
    assert answer.results == (RecipientResult(A, "accepted"),)


def test_of_many_each_is_accepted_at_a_cost_that_is_known_of_all():
    answer = said(asked=(A, B), **TAKEN | {"number_of_contacts": 2})
    assert answer.results == (RecipientResult(A, "accepted"), RecipientResult(B, "accepted"))
    assert (answer.cost, answer.remark) == (Decimal("0.045"), "")


def test_numbers_that_were_left_out_are_told():
    answer = said(asked=(A, B), **TAKEN)
    assert answer.remark == "Octopush took 1 of 2 numbers, and does not say which"


def test_the_code_0_is_no_error():
    assert said(**TAKEN, code=0).ticket == "sms_65f0c1d2e3a4b"


def test_a_simulation_may_have_no_ticket():
    assert said(simulated=True, number_of_contacts=1).ticket is None
    assert type(said(number_of_contacts=1)) is MaybeSentError


REFUSALS = {
    121: (RefusedByProviderError, Kind.PERMANENT, False),
    181: (RefusedByProviderError, Kind.PERMANENT, False),
    1340: (RefusedByProviderError, Kind.PERMANENT, False),
    104: (RefusedByProviderError, Kind.ACCOUNT, True),
    401: (RefusedByProviderError, Kind.ACCOUNT, True),
    153: (RefusedByProviderError, Kind.TRANSIENT, False),
    134: (RefusedByProviderError, Kind.UNKNOWN, False),
    438: (RefusedByProviderError, Kind.UNKNOWN, False),
    120: (DuplicateKeyError, Kind.DUPLICATE, False),
    182: (DuplicateKeyError, Kind.DUPLICATE, False),
    500: (MaybeSentError, Kind.MAYBE, False),
}


@pytest.mark.parametrize("status", [200, 400, 402, 403, 422])
@pytest.mark.parametrize(("code", "means"), REFUSALS.items())
def test_a_code_decides_whatever_the_status(status, code, means):
    found = said(status, code=code, message="MARKER +33611111111")
    assert (type(found), found.kind, found.stops_account, found.code) == (*means, str(code))
    assert "MARKER" not in found.reason


@pytest.mark.parametrize(
    ("status", "body"), [(401, b"{}"), (401, b""), (401, b"<html>"), (403, b'{"message":"Forbidden"}'), (403, b"{}")]
)
def test_a_status_that_refuses_the_login_needs_no_code(status, body):
    found = said(status, body)
    assert (type(found), found.kind, found.stops_account) == (RefusedByProviderError, Kind.ACCOUNT, True)


NOTHING_PROVEN = {
    "a success without a body": (200, b""),
    "no content": (204, b""),
    "a page": (200, b"<html>sms_1</html>"),
    "a list": (201, b'[{"sms_ticket":"sms_1"}]'),
    "half an object": (201, b'{"sms_ticket":"sms_'),
    "a tower": (201, b"[" * 100_000),
    "a ticket that is none": (201, b'{"sms_ticket":{"id":1}}'),
    "a ticket and a refusal": (400, b'{"sms_ticket":"sms_1","code":121}'),
    "a ticket with an error's status": (400, b'{"sms_ticket":"sms_1"}'),
    "a code that is none": (400, b'{"code":"soon"}'),
    "a code of somebody's": (400, b'{"code":"33611111111"}'),
    "the code 0 with an error's status": (400, b'{"code":0}'),
    "an error without a code": (400, b'{"message":"no"}'),
    "a page that is not there": (404, b'{"message":"Not Found"}'),
    "a refused page": (403, b"<html>"),
    "another place": (302, b""),
    "a failure": (500, b'{"code":121}'),
    "a failure behind it": (502, b"<html>"),
}


@pytest.mark.parametrize(("status", "body"), NOTHING_PROVEN.values(), ids=NOTHING_PROVEN)
def test_nothing_is_proven_by(status, body):
    assert type(said(status, body)) is MaybeSentError


def test_only_204_says_that_a_message_is_taken_back():
    assert answers.of_cancel(reply(204)) is True


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b""),
        (200, b"{}"),
        (200, b'{"code":0}'),
        (202, b'{"message":"ok"}'),
        (400, b"{}"),
        (404, b"<html>"),
        (500, b"{}"),
    ],
)
def test_no_other_success_and_no_silence_says_so(status, body):
    assert type(answers.of_cancel(reply(status, body))) is MaybeSentError


@pytest.mark.parametrize(
    ("status", "fields", "error"),
    [
        (400, {"code": 157}, RefusedByProviderError),
        (400, {"code": 121}, RefusedByProviderError),
        (401, {}, RefusedByProviderError),
        (429, {}, BusyError),
    ],
)
def test_a_cancel_that_was_refused_changed_nothing(status, fields, error):
    assert type(answers.of_cancel(reply(status, **fields))) is error


def test_a_call_that_was_turned_away_unread_was_not_sent():
    found = answers.of_submit(Reply(429, {"Retry-After": "7"}, b'{"code":182}'), (A,), simulated=False)
    assert (type(found), found.retry_after) == (BusyError, 7)


@given(st.integers(200, 599), st.binary())
@example(200, b"{}")
def test_any_bytes_are_an_answer_or_an_error_of_ours(status, body):
    assert isinstance(said(status, body), (Answer, GatewayError))
    assert isinstance(answers.of_cancel(reply(status, body)), (bool, GatewayError))
    assert isinstance(answers.of_credit(reply(status, body)), (Credit, GatewayError))
    assert isinstance(answers.of_balance(reply(status, body)), (dict, GatewayError))


ODD = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=4)


@given(st.dictionaries(st.sampled_from([*{*TAKEN} - {"sms_ticket"}]), ODD))
def test_odd_values_beside_a_ticket_lose_nothing(fields):
    answer = said(**{"sms_ticket": "sms_1", **fields})
    assert isinstance(answer, Answer)
    assert [result.state for result in answer.results] == ["accepted"]


def test_money_left_is_in_euros():
    assert answers.of_credit(reply(200, amount=12.54, unit="euros")) == Credit(Decimal("12.54"), "EUR")
    assert type(answers.of_credit(reply(200, amount=12, unit="sms_premium"))) is UnreachableError


@pytest.mark.parametrize(
    "body",
    [{"FR": {"premium_sms": 10, "low_cost_sms": 21}}, {"premium_sms": 10, "low_cost_sms": 21}],
    ids=["by country", "flat"],
)
def test_the_sms_left_are_counted_by_type(body):
    assert answers.of_balance(reply(200, **body)) == {"FR": 10, "XXX": 21}


@pytest.mark.parametrize("read", [answers.of_credit, answers.of_balance])
def test_a_question_without_its_answer_is_an_error(read):
    assert type(read(reply(400, code=101))) is RefusedByProviderError
    assert type(read(reply(401))) is RefusedByProviderError
    assert type(read(reply(404, message="x"))) is UnreachableError
    assert type(read(reply(200, x=1))) is UnreachableError


@pytest.mark.parametrize("answer", [reply(204), reply(200, webhook="x"), reply(200, b"{}")])
def test_a_change_was_taken_whatever_a_success_says(answer):
    assert answers.of_change(answer) is True


def test_a_change_that_was_refused_was_not_taken():
    assert isinstance(answers.of_change(reply(200, code=108)), GatewayError)


def test_a_question_that_is_answered_with_an_error_has_no_answer():
    assert isinstance(answers.of_credit(reply(400, amount=41.37)), UnreachableError)


def test_a_redirection_is_told_from_an_odd_success():
    assert "HTTP 300" in str(said(300, b"<html>"))


def test_what_a_call_for_several_cost_is_the_cost_of_none_of_them():
    """Octopush took one number of two, and does not say which."""
    assert {each.cost for each in said(asked=(A, B), **TAKEN).results} == {None}


@pytest.mark.parametrize("amount", ["total_cost", "residual_credit"])
def test_an_amount_is_in_euros_also_when_it_is_the_only_one(amount):
    assert said(sms_ticket="sms_1", **{amount: 0.5}).currency == "EUR"
