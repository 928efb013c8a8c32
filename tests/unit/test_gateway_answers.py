"""Both shapes of an answer say the same thing, and no body whatever is anything but an answer or an error of ours."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from octoworker.errors import (
    DuplicateKeyError,
    GatewayError,
    Kind,
    MaybeSentError,
    RefusedByProviderError,
    UnreachableError,
)
from octoworker.gateway import Answer, Credit, RecipientResult, faults
from octoworker.gateway.legacy import answers

A, B, C = "+33611111111", "+33622222222", "+33633333333"
TAKEN_A = RecipientResult(A, "accepted", "FR", Decimal("0.049"), 1)

DOCUMENTED_JSON = (
    r'{"error_code":"000","cost":0.049,"balance":12.40,"ticket":"api220000000043","sending_date":1700000000,'
    r'"number_of_sendings":1,"currency_code":"\u20ac","failures":[],'
    r'"successs":{"recipient":33611111111,"country_code":"FR","cost":0.049,"sms_needed":1}}'
)
DOCUMENTED_XML = """<?xml version="1.0" encoding="UTF-8"?>
<octopush>
 <error_code>000</error_code><cost>0.049</cost><balance>12.40</balance>
 <ticket>api220000000043</ticket><sending_date>1700000000</sending_date>
 <number_of_sendings>1</number_of_sendings><currency_code>€</currency_code>
 <successs>
  <success><recipient>+33611111111</recipient><country_code>FR</country_code><cost>0.049</cost><sms_needed>1</sms_needed></success>
 </successs>
 <failures/>
</octopush>"""
DOCUMENTED = Answer(
    ticket="api220000000043",
    cost=Decimal("0.049"),
    balance=Decimal("12.40"),
    currency="EUR",
    send_at=datetime.fromtimestamp(1700000000, UTC),
    segments=1,
    results=(TAKEN_A,),
    code="000",
)

SAMPLES = {
    "json": ("json", DOCUMENTED_JSON.encode()),
    "xml": ("xml", DOCUMENTED_XML.encode()),
    "json with a byte order mark and blanks": ("json", b"\n \xef\xbb\xbf" + DOCUMENTED_JSON.encode() + b"\r\n"),
    "xml with a byte order mark and blanks": ("xml", b"\xef\xbb\xbf\n" + DOCUMENTED_XML.encode() + b"\n"),
    "xml in another declared charset": (
        "xml",
        DOCUMENTED_XML.replace("UTF-8", "ISO-8859-15").encode("iso-8859-15"),
    ),
    "json with all values as text": (
        "json",
        DOCUMENTED_JSON.replace("0.049", '"0.049"').replace("12.40", '"12.40"').replace(":1,", ':"1",').encode(),
    ),
}


@pytest.mark.parametrize(("form", "body"), SAMPLES.values(), ids=SAMPLES)
def test_the_documented_answer_reads_the_same_in_every_form(form, body):
    assert answers.of_submit(body, form, [A]) == DOCUMENTED


def test_the_amounts_keep_their_digits():
    assert str(answers.of_submit(DOCUMENTED_JSON.encode(), "json", [A]).balance) == "12.40"


def said(form="json", asked=(A,), **fields):
    """What we read out of an answer with these fields."""
    if form == "xml":
        body = "".join(f"<{name}>{value}</{name}>" for name, value in fields.items())
        return answers.of_submit(f"<octopush>{body}</octopush>".encode(), "xml", asked)
    return answers.of_submit(json.dumps(fields).encode(), "json", asked)


def results(answer):
    return {result.recipient: (result.state, result.code) for result in answer.results}


ENTRY = {"recipient": 33611111111, "country_code": "FR", "cost": 0.049, "sms_needed": 1}
XML_ENTRY = (
    "<recipient>+33611111111</recipient><country_code>FR</country_code><cost>0.049</cost><sms_needed>1</sms_needed>"
)

SUCCESSES = {
    "an object": ("json", ENTRY),
    "a list": ("json", [ENTRY]),
    "an object in success": ("json", {"success": ENTRY}),
    "a list in success": ("json", {"success": [ENTRY]}),
    "a list of successes": ("json", [{"success": ENTRY}]),
    "numbered by PHP": ("json", {"1": ENTRY}),
    "a number with +": ("json", {**ENTRY, "recipient": "+33611111111"}),
    "a number with 00": ("json", {**ENTRY, "recipient": "0033611111111"}),
    "a number with blanks": ("json", {**ENTRY, "recipient": " +33 6 11 11 11 11 "}),
    "a number as a float": ("json", {**ENTRY, "recipient": 3.3611111111e10}),
    "a number spelled out": ("json", {**ENTRY, "cost": "0.049", "sms_needed": "1"}),
    "badly set up PHP": ("json", {**ENTRY, "cost": 0.049000000000000002}),
    "xml": ("xml", f"<success>{XML_ENTRY}</success>"),
    "xml without the inner level": ("xml", XML_ENTRY),
}


@pytest.mark.parametrize(("form", "successs"), SUCCESSES.values(), ids=SUCCESSES)
@pytest.mark.parametrize("asked", [(A,), (A, B)], ids=["alone", "with others"])
def test_an_accepted_recipient_is_found_however_it_is_wrapped(form, successs, asked):
    assert said(form, asked, error_code="000", successs=successs).results[0] == TAKEN_A


FAILURES = {
    "an object": ("json", {"recipient": 33611111111, "error_code": "150"}),
    "a list": ("json", [{"recipient": "+33611111111", "error_code": 150}]),
    "an object in failure": ("json", {"failure": {"recipient": "+33611111111", "error_code": "150"}}),
    "a list in failure": ("json", {"failure": [{"recipient": "0033611111111", "error_code": "150"}]}),
    "a list in failure, numbered by PHP": ("json", {"0": {"failure": [{"recipient": A, "error_code": "150"}]}}),
    "xml": ("xml", "<failure><error_code>150</error_code><recipient>+33611111111</recipient></failure>"),
}


@pytest.mark.parametrize(("form", "failures"), FAILURES.values(), ids=FAILURES)
@pytest.mark.parametrize("asked", [(A,), (A, B)], ids=["alone", "with others"])
def test_a_rejected_recipient_is_found_however_it_is_wrapped(form, failures, asked):
    answer = said(form, asked, error_code="000", failures=failures)
    assert answer.results[0] == RecipientResult(
        A, "rejected", code="150", kind=Kind.PERMANENT, reason="no country for this prefix"
    )


NOBODY = {
    "an empty list": [],
    "an empty object": {},
    "null": None,
    "empty text": "",
    "false": False,
    "a count": 0,
    "an empty inner list": {"failure": []},
    "an empty inner text": {"failure": ""},
    "an entry without values": [{"recipient": "", "error_code": ""}],
    "a counted list": {"count": 0},
    "a count of five figures": 33611,
    "a list deeper than any of Octopush's": [[[[{"recipient": A, "error_code": "150"}]]]],
}


@pytest.mark.parametrize("failures", NOBODY.values(), ids=NOBODY)
def test_an_empty_list_rejects_nobody(failures):
    assert results(said(error_code="000", successs=ENTRY, failures=failures)) == {A: ("accepted", None)}
    assert results(said(error_code="000", failures=failures)) == {A: ("accepted", None)}


@pytest.mark.parametrize("body", ["<failures/>", "<failures></failures>", "<failures><failure/></failures>", ""])
def test_an_empty_list_in_xml_rejects_nobody(body):
    answer = answers.of_submit(f"<octopush><error_code>000</error_code>{body}</octopush>".encode(), "xml", [A])
    assert results(answer) == {A: ("accepted", None)}


MIXED = {
    "json": (
        "json",
        {"successs": [ENTRY], "failures": [{"recipient": 33622222222, "error_code": "153"}, 33633333333]},
    ),
    "xml": (
        "xml",
        {
            "successs": f"<success>{XML_ENTRY}</success>",
            "failures": "<failure><error_code>153</error_code><recipient>+33622222222</recipient></failure>"
            "<failure><recipient>+33633333333</recipient></failure>",
        },
    ),
}


@pytest.mark.parametrize(("form", "lists"), MIXED.values(), ids=MIXED)
def test_each_recipient_has_its_own_result_in_the_order_asked(form, lists):
    answer = said(form, (C, B, A), error_code="000", **lists)
    assert list(results(answer).items()) == [(C, ("rejected", None)), (B, ("rejected", "153")), (A, ("accepted", None))]


def test_a_recipient_in_neither_list_was_taken_with_the_call_at_an_unknown_cost():
    answer = said(asked=(A, B), error_code="000", successs=ENTRY)
    assert answer.results == (TAKEN_A, RecipientResult(B, "accepted"))


def test_six_figures_alone_are_a_number():
    answer = said(asked=("+336111", B), error_code="000", failures=[336111])
    assert results(answer) == {"+336111": ("rejected", None), B: ("accepted", None)}


def test_what_stands_in_the_place_of_a_number_and_is_none_is_nobody_s():
    odd = [{"recipient": [A], "error_code": "150"}, {"recipient": None, "error_code": "150"}]
    assert results(said(asked=(A, B), error_code="000", failures=odd)) == {A: ("accepted", None), B: ("accepted", None)}


@pytest.mark.parametrize(
    ("written", "country"),
    [
        ("FR", "FR"),
        ("fr", "FR"),
        (" fr ", "FR"),
        ("FRA", None),
        ("F1", None),
        (" F1 ", None),
        (" FRA ", None),
        (33, None),
    ],
)
def test_a_country_is_two_letters(written, country):
    answer = said(error_code="000", successs={**ENTRY, "country_code": written})
    assert answer.results[0].country == country


def test_a_recipient_in_both_lists_was_accepted():
    lists = {"successs": ENTRY, "failures": [{"recipient": 33611111111, "error_code": "153"}]}
    assert results(said(asked=(A, B), error_code="000", **lists))[A] == ("accepted", None)


def test_a_recipient_nobody_asked_for_is_left_out():
    lists = {"successs": [ENTRY, {"recipient": 33699999999}], "failures": [{"recipient": 33688888888}]}
    assert set(results(said(asked=(A, B), error_code="000", **lists))) == {A, B}


def test_in_a_call_for_one_a_failure_is_about_that_one_however_the_number_is_written():
    failures = [{"recipient": "0611111111", "error_code": "151"}]
    assert results(said(error_code="000", failures=failures)) == {A: ("rejected", "151")}


def test_a_simulated_call_has_the_ticket_that_all_have():
    assert said(error_code="000", ticket="XXXSIMULATIONXXX").ticket == "XXXSIMULATIONXXX"


ODD = {
    "text for an amount": ("cost", "soon"),
    "a list for an amount": ("cost", [1]),
    "yes for an amount": ("cost", True),
    "no number": ("cost", float("nan")),
    "no number, spelled out": ("cost", "NaN"),
    "an infinite amount": ("balance", float("inf")),
    "an infinite amount, spelled out": ("balance", "-Infinity"),
    "an amount beyond all bounds": ("cost", 10**12),
    "an amount far beyond all bounds": ("cost", "1e999999"),
    "a count with a fraction": ("number_of_sendings", 1.5),
    "a count below nothing": ("number_of_sendings", -1),
    "a date of four thousand digits": ("sending_date", 10**4000),
    "a date beyond all calendars": ("sending_date", 999_999_999_999),
    "a ticket with a line break": ("ticket", "api1\napi2"),
    "half a character": ("ticket", "\ud800"),
    "an object for a ticket": ("ticket", {"id": 1}),
    "a currency of its own": ("currency_code", "credits"),
}
NAMES = {"number_of_sendings": "segments", "currency_code": "currency", "sending_date": "send_at"}


@pytest.mark.parametrize(("field", "value"), ODD.values(), ids=ODD)
def test_an_odd_value_is_left_out_of_an_accepted_call(field, value):
    answer = said(error_code="000", **{field: value})
    assert getattr(answer, NAMES.get(field, field)) is None
    assert results(answer) == {A: ("accepted", None)}


PLAIN = {"1e1": "10", "1.0e-5": "0.000010", "0.110": "0.110", "1e-400": "0.000000", " 6.93 ": "6.93", "-1.5": "-1.5"}


@pytest.mark.parametrize(("written", "kept"), PLAIN.items())
def test_an_amount_is_kept_as_a_plain_decimal(written, kept):
    assert str(said(error_code="000", cost=written).cost) == kept


@pytest.mark.parametrize(("sign", "currency"), [("€", "EUR"), ("EUR", "EUR"), ("eur", "EUR"), ("&euro;", "EUR")])
def test_the_euro_sign_is_the_euro(sign, currency):
    assert said(error_code="000", currency_code=sign).currency == currency


@pytest.mark.parametrize("code", ["000", 0, "0", "00", " 000 "])
def test_zero_is_accepted_however_it_is_written(code):
    assert said(error_code=code).code == "000"


@pytest.mark.parametrize("form", ["json", "xml"])
@pytest.mark.parametrize(
    ("code", "error"),
    [
        *[(code, RefusedByProviderError) for code in ("100", "101", "104", "114", "121", "128", "132", "150", "153")],
        *[(code, RefusedByProviderError) for code in ("307", "999")],
        *[(code, MaybeSentError) for code in ("001", "125", "500", "501")],
        ("120", DuplicateKeyError),
    ],
)
def test_each_code_is_the_error_that_says_what_it_proves(form, code, error):
    found = said(form, error_code=code)
    assert (type(found), found.code) == (error, code)
    assert found.reason.startswith(f"Octopush answered {code}: ")


@pytest.mark.parametrize(
    ("code", "kind", "stops", "mends"),
    [
        ("101", Kind.ACCOUNT, True, False),
        ("104", Kind.ACCOUNT, True, True),
        ("105", Kind.ACCOUNT, True, True),
        *[(code, Kind.ACCOUNT, True, False) for code in ("108", "109", "113", "114")],
        ("126", Kind.ACCOUNT, False, False),
        ("153", Kind.TRANSIENT, False, False),
        ("121", Kind.PERMANENT, False, False),
        ("999", Kind.UNKNOWN, False, False),
    ],
)
def test_a_refusal_carries_all_that_the_others_decide_by(code, kind, stops, mends):
    found = said(error_code=code)
    assert (found.kind, found.stops_account, found.mended_by_credit) == (kind, stops, mends)


def test_a_refusal_that_lists_somebody_as_accepted_proves_nothing():
    assert type(said(error_code="104", successs=ENTRY)) is MaybeSentError


NO_ANSWER = {
    "nothing": b"",
    "blanks": b" \n",
    "a page": b"<!DOCTYPE html><html><body>000</body></html>",
    "half an object": b'{"error_code":"000","ti',
    "a notice before the object": b'<br />Notice: x {"error_code":"000"}',
    "a list": b'[{"error_code":"000"}]',
    "a number": b"000",
    "a text": b'"000"',
    "null": b"null",
    "no code": b'{"ticket":"api1"}',
    "a null code": b'{"error_code":null}',
    "a blank code": b'{"error_code":" "}',
    "a false code": b'{"error_code":false}',
    "a code with a fraction": b'{"error_code":0.0}',
    "a word for a code": b'{"error_code":"OK"}',
    "a number of somebody's for a code": b'{"error_code":"33611111111"}',
    "two codes": b'{"error_code":["000","104"]}',
    "a number too long to read": b'{"error_code":"000","cost":1' + b"0" * 5000 + b"}",
    "a tower of lists": b"[" * 100_000,
    "half a tree": b"<octopush><error_code>000</error_code>",
    "a tree without a code": b"<octopush><ticket>api1</ticket></octopush>",
    "a tree with a blank code": b"<octopush><error_code> </error_code></octopush>",
    "a tree with two codes": b"<octopush><error_code>000</error_code><error_code>104</error_code></octopush>",
    "a tower of tags": b"<a>" * 50_000 + b"</a>" * 50_000,
    "a document type": b"<!DOCTYPE octopush><octopush><error_code>000</error_code></octopush>",
    "an entity": b'<!DOCTYPE o [<!ENTITY c "000">]><octopush><error_code>&c;</error_code></octopush>',
    "a file asked for": b'<!DOCTYPE o [<!ENTITY c SYSTEM "file:///etc/hosts">]>'
    b"<octopush><error_code>000</error_code><ticket>&c;</ticket></octopush>",
    "an unknown charset": b'<?xml version="1.0" encoding="X-NONE"?><octopush><error_code>000</error_code></octopush>',
}


@pytest.mark.parametrize("form", ["json", "xml"])
@pytest.mark.parametrize("body", NO_ANSWER.values(), ids=NO_ANSWER)
def test_what_is_no_answer_is_a_maybe(form, body):
    assert type(answers.of_submit(body, form, [A])) is MaybeSentError


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just("000") | st.just("+33611111111"),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(
            st.sampled_from(["recipient", "error_code", "cost", "success", "failure", "sms_needed", "x"]), inner
        )
    ),
    max_leaves=12,
)
FIELDS = st.sampled_from(
    ["ticket", "cost", "balance", "sending_date", "currency_code", "number_of_sendings", "successs", "failures"]
)


@given(st.sampled_from(["json", "xml"]), st.binary())
@example("xml", b"<a/>")
@example("json", b"{}")
def test_any_bytes_are_an_answer_or_an_error_of_ours(form, body):
    for read in (lambda: answers.of_submit(body, form, [A]), lambda: answers.of_credit(body, form)):
        assert isinstance(read(), (Answer, Decimal, GatewayError))
    assert isinstance(answers.of_balance(body, form), (dict, GatewayError))


@given(st.dictionaries(FIELDS, JSON), st.sampled_from([(A,), (A, B)]))
def test_any_fields_after_000_are_an_accepted_call_with_a_fate_for_everybody(fields, asked):
    answer = answers.of_submit(json.dumps({"error_code": "000", **fields}).encode(), "json", asked)
    assert isinstance(answer, Answer)
    assert tuple(result.recipient for result in answer.results) == asked


BALANCES = {
    "json": ("json", b'{"error_code":"000","balance":{"FR":"120.50","XXX":"99"}}'),
    "json without a code": ("json", b'{"balance":{"FR":120.50,"XXX":99}}'),
    "xml": (
        "xml",
        b'<octopush><error_code>000</error_code><balance type="FR">120.50</balance><balance type="XXX">99</balance></octopush>',
    ),
    "xml without a code": (
        "xml",
        b'<octopush><balance type="XXX">99</balance><balance type="FR">120.50</balance></octopush>',
    ),
}


@pytest.mark.parametrize(("form", "body"), BALANCES.values(), ids=BALANCES)
def test_the_balance_is_a_count_of_each_kind(form, body):
    assert answers.of_balance(body, form) == {"FR": Decimal("120.50"), "XXX": Decimal(99)}


CREDITS = {
    "json": ("json", b'{"error_code":"000","credit":"6.93"}'),
    "json number": ("json", b'{"credit":6.93}'),
    "xml": ("xml", b"<octopush><credit>6.93</credit></octopush>"),
}


@pytest.mark.parametrize(("form", "body"), CREDITS.values(), ids=CREDITS)
def test_the_credit_is_an_amount(form, body):
    assert answers.of_credit(body, form) == Credit(Decimal("6.93"), "EUR")


@pytest.mark.parametrize("read", [answers.of_balance, answers.of_credit])
@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b'{"error_code":"101"}', RefusedByProviderError),
        (b'{"error_code":"000"}', UnreachableError),
        (b'{"balance":"6.93","credit":"soon"}', UnreachableError),
        (b"<html>", UnreachableError),
    ],
)
def test_a_question_without_its_answer_is_an_error(read, body, error):
    assert type(read(body, "json")) is error


NOW = datetime(2026, 11, 22, 10, 0, 0, tzinfo=UTC)
WAITS = {
    "0": 0.0,
    "7": 7.0,
    " 120 ": 120.0,
    "9" * 400: 86400.0,
    "999999": 86400.0,
    "Sun, 22 Nov 2026 10:01:30 GMT": 90.0,
    "Sun, 22 Nov 2026 10:01:30 -0000": 90.0,
    "Sun, 22 Nov 2026 09:00:00 GMT": 0.0,
    "Fri, 22 Nov 2086 10:00:00 GMT": 86400.0,
    "": None,
    "-5": None,
    "1.5": None,
    "٣": None,
    "soon": None,
    "7, 9": None,
    "Sun, 99 Nov 2026 10:01:30 GMT": None,
}


@pytest.mark.parametrize(("header", "seconds"), WAITS.items(), ids=lambda value: str(value)[:30])
def test_a_retry_after_is_between_nothing_and_a_day(header, seconds):
    assert faults.retry_after(header, NOW) == seconds


@given(st.text())
def test_no_retry_after_whatever_breaks_the_call(header):
    seconds = faults.retry_after(header, NOW)
    assert seconds is None or 0 <= seconds <= faults.LONGEST_WAIT


def test_the_results_do_not_show_whose_they_are():
    assert "3361" not in repr(DOCUMENTED)
