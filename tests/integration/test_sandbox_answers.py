"""The sandbox refuses what Octopush refuses, and answers with all of Octopush's quirks."""

from __future__ import annotations

import hashlib
import json
from urllib.parse import urlencode
from xml.etree import ElementTree as ET

import pytest
from sandbox_caller import FORM, NUMBER, OTHER, TEXT


def sha1(text):
    return hashlib.sha1(text.encode()).hexdigest()


REFUSED = [
    ("108", {"user_login": None}),
    ("109", {"api_key": None}),
    ("101", {"api_key": "not the key"}),
    ("101", {"user_login": "somebody@example.com"}),
    ("110", {"sms_recipients": None}),
    ("103", {"sms_recipients": " , "}),
    ("106", {"sms_sender": None}),
    ("106", {"sms_sender": "Oc"}),
    ("106", {"sms_sender": "Octopush sdk"}),
    ("107", {"sms_text": ""}),
    ("112", {"sms_type": None}),
    ("112", {"sms_type": "PREMIUM"}),
    ("115", {"sms_recipients": f"{NUMBER},{OTHER}", "recipients_first_names": "Ana"}),
    ("119", {"sms_type": "XXX", "sms_text": "x" * 161}),
    ("102", {"sms_text": "x" * 460, "transactional": "1"}),
    ("102", {"sms_text": "€" * 230, "transactional": "1"}),
    ("121", {"sms_text": "Bonjour"}),
    ("121", {"sms_text": "Bonjour STOP au XXXX"}),
    ("121", {"sms_text": "Bonjour stop au xxxxx"}),
    ("123", {"request_keys": "TRY"}),
    ("124", {"request_keys": "TRY", "request_sha1": sha1("something else")}),
    ("117", {"sms_recipients": "0612345678"}),
    ("117", {"sms_recipients": "33612345678,+339"}),
]


@pytest.mark.parametrize(("code", "fields"), REFUSED)
def test_a_wrong_call_is_refused_with_its_code_over_http_200(caller, code, fields):
    assert caller.send(**fields) == {"error_code": code}


def test_the_xml_of_a_refusal_is_the_code_alone(caller):
    document = caller.send_xml(sms_text="")
    assert [(node.tag, node.text) for node in document] == [("error_code", "107")]


ACCEPTED = [
    {"sms_type": "XXX", "sms_sender": None},
    {"sms_type": "XXX", "sms_text": "x" * 160},
    {"sms_type": "fr"},
    {"sms_type": "WWW", "sms_text": "Bonjour"},
    {"sms_text": "Bonjour", "transactional": "1"},
    {"sms_text": "x" * 459, "transactional": "1"},
    {"sms_sender": "+33612000000", "msisdn_sender": "1"},
    {"request_keys": "TRY", "request_sha1": sha1(f"{TEXT}{NUMBER}FR")},
    {"request_keys": "TRYS ", "request_sha1": sha1(f"{TEXT}{NUMBER}FROcto")},
]


@pytest.mark.parametrize("fields", ACCEPTED)
def test_a_call_within_the_rules_is_accepted(caller, fields):
    assert caller.send(**fields)["error_code"] == "000"


def test_the_low_cost_mention_is_only_asked_for_when_a_test_wants_it(sandbox, caller):
    assert caller.send(sms_type="XXX")["error_code"] == "000"
    sandbox.settings(waived=[])
    assert caller.send(sms_type="XXX")["error_code"] == "122"
    assert caller.send(sms_type="XXX", sms_text="Soldes no PUB=STOP")["error_code"] == "000"


def test_json_has_text_codes_numbers_for_numbers_and_a_bare_success(caller):
    answer = caller.send()
    assert answer["error_code"] == "000"
    assert (answer["cost"], answer["balance"], answer["number_of_sendings"]) == (0.055, 999.945, 1)
    assert answer["ticket"].startswith("api")
    assert isinstance(answer["sending_date"], int)
    assert answer["currency_code"] == "€"
    assert answer["failures"] == []
    assert answer["successs"] == {"recipient": 33612345678, "country_code": "FR", "cost": 0.055, "sms_needed": 1}


def test_json_lists_several_successes_and_leaves_one_failure_bare(caller):
    answer = caller.send(sms_recipients=f"{NUMBER},0033612345679,+999123456789")
    assert [each["recipient"] for each in answer["successs"]] == [33612345678, 33612345679]
    assert answer["failures"] == {"error_code": "150", "recipient": 999123456789}


def test_the_euro_sign_is_escaped_in_json(caller):
    assert rb"\u20ac" in caller.post()[2]


def test_xml_has_text_everywhere_three_s_and_numbers_with_plus(caller):
    document = caller.send_xml(sms_recipients="0033612345678,+999123456789")
    assert document.tag == "octopush"
    assert [node.tag for node in document] == [
        *("error_code", "cost", "balance", "ticket", "sending_date", "number_of_sendings", "currency_code"),
        *("successs", "failures"),
    ]
    assert document.findtext("currency_code") == "€"
    assert document.findtext("cost") == "0.055"
    assert document.findtext("successs/success/recipient") == NUMBER
    assert document.findtext("successs/success/sms_needed") == "1"
    assert document.findtext("failures/failure/recipient") == "+999123456789"
    assert document.findtext("failures/failure/error_code") == "150"


FAILING = [
    ("150", "FR", "+999123456789"),
    ("150", "FR", "+339"),
    ("151", "FR", "+85012345678"),
    ("152", "XXX", "+4915112345678"),
]


@pytest.mark.parametrize(("code", "sms_type", "number"), FAILING)
def test_a_number_that_cannot_be_reached_fails_alone(sandbox, caller, code, sms_type, number):
    answer = caller.send(sms_recipients=f"{NUMBER},{number}", sms_type=sms_type)
    assert (answer["error_code"], answer["failures"]["error_code"]) == ("000", code)
    assert list(sandbox.handsets()) == [NUMBER]


def test_a_call_in_which_every_recipient_fails_is_still_000(sandbox, caller):
    answer = caller.send(sms_recipients="+999123456789")
    assert (answer["error_code"], answer["successs"], answer["cost"]) == ("000", [], 0)
    assert sandbox.state()["credit"] == "1000.00"


def test_balance_is_texts_by_quality_without_a_code(caller):
    assert json.loads(caller.post("/api/balance/json")[2]) == {"balance": {"FR": "18181.81", "XXX": "31250.00"}}
    document = ET.fromstring(caller.post("/api/balance")[2])
    assert [(node.attrib, node.text) for node in document] == [
        ({"type": "FR"}, "18181.81"),
        ({"type": "XXX"}, "31250.00"),
    ]


def test_credit_is_euros_without_a_code(caller):
    assert json.loads(caller.post("/api/credit/json")[2]) == {"credit": "1000.00"}
    assert ET.fromstring(caller.post("/api/credit")[2]).findtext("credit") == "1000.00"


@pytest.mark.parametrize("path", ["/api/balance/json", "/api/credit/json", "/api/sms/json"])
def test_every_endpoint_wants_the_right_login(caller, path):
    assert json.loads(caller.post(path, api_key="other")[2]) == {"error_code": "101"}


MULTIPART = {"Content-Type": "multipart/form-data; boundary=edge"}


def _multipart(fields):
    parts = (
        f'--edge\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields.items()
    )
    return "".join((*parts, "--edge--\r\n")).encode()


WAYS = {
    "a form": lambda fields: ("POST", "/api/sms/json", urlencode(fields), FORM),
    "a trailing slash": lambda fields: ("POST", "/api/sms/json/", urlencode(fields), FORM),
    "multipart": lambda fields: ("POST", "/api/sms/json", _multipart(fields), MULTIPART),
    "GET": lambda fields: ("GET", f"/api/sms/json?{urlencode(fields)}", None, {}),
    "POST with a query": lambda fields: (
        "POST",
        f"/api/sms/json?{urlencode(fields)}",
        "{}",
        {"Content-Type": "application/json"},
    ),
    "half and half": lambda fields: (
        *("POST", f"/api/sms/json?user_login={fields.pop('user_login')}"),
        *(urlencode(fields), FORM),
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_fields_are_understood_however_they_are_sent(sandbox, caller, way):
    text = "Été à 5 € + TVA & fin %41 STOP au XXXXX"
    status, _, body = caller.ask(*WAYS[way](caller.fields(sms_text=text)))
    assert (status, json.loads(body)["error_code"]) == (200, "000")
    assert sandbox.handsets()[NUMBER][0]["text"] == text


def test_a_json_body_is_no_field_at_all(caller):
    body = caller.ask("POST", "/api/sms/json", json.dumps(caller.fields()), {"Content-Type": "application/json"})[2]
    assert json.loads(body) == {"error_code": "100"}


def test_a_request_id_is_compared_by_its_letters_and_digits(caller):
    caller.send(request_id="a-b_c 1")
    assert caller.send(request_id="abc1") == {"error_code": "120"}


def test_a_call_that_costs_more_than_the_credit_is_refused_whole(sandbox, caller):
    sandbox.settings(credit="0.10")
    assert caller.send(sms_recipients=f"{NUMBER},{OTHER}") == {"error_code": "104"}
    assert (sandbox.handsets(), sandbox.state()["credit"]) == ({}, "0.10")


def test_each_segment_costs_by_country(sandbox, caller):
    answer = caller.send(sms_recipients=f"{NUMBER},+4915112345678", sms_text="x" * 161, transactional="1")
    assert [(each["cost"], each["sms_needed"]) for each in answer["successs"]] == [(0.11, 2), (0.16, 2)]
    assert (answer["cost"], answer["number_of_sendings"]) == (0.27, 4)
    assert sandbox.state()["credit"] == "999.73"


def test_a_simulation_rings_nothing_costs_nothing_and_leaves_the_request_id_free(sandbox, caller):
    answer = caller.send(request_mode="simu", request_id="abc1", sms_text="x" * 200, transactional="1")
    assert (answer["ticket"], answer["number_of_sendings"]) == ("XXXSIMULATIONXXX", 1)
    assert (sandbox.handsets(), sandbox.state()["credit"], sandbox.counts()["accepted"]) == ({}, "1000.00", 0)
    assert caller.send(request_id="abc1")["error_code"] == "000"


SEGMENTS = [
    (1, "x" * 160),
    (2, "x" * 161),
    (2, "x" * 306),
    (3, "x" * 307),
    (1, "é" * 160),  # in the alphabet
    (1, "ê" * 160),  # replaced by e
    (2, "€" * 81),  # counts double, as do the next three
    (2, "$" * 81),
    (2, "x" * 159 + "\n"),
    (2, "^" * 81),
    (2, "…" * 54),  # becomes three dots
    (1, "☕" * 70),
    (2, "☕" * 71),
    (2, "🎉" * 36),  # two UTF-16 units each
    (2, "x" * 70 + "☕"),  # one foreign character makes all of it Unicode
]


@pytest.mark.parametrize(("segments", "text"), SEGMENTS)
def test_segments_are_counted_as_octopush_counts(caller, segments, text):
    assert caller.send(sms_text=text, transactional="1")["number_of_sendings"] == segments


def test_each_recipient_gets_its_own_words(sandbox, caller):
    caller.send(
        sms_recipients=f"{NUMBER},{OTHER}",
        sms_text="{prenom} {nom}: {ch1}",
        transactional="1",
        recipients_first_names="Ana,Luc",
        recipients_last_names="A,L",
        sms_fields_1="10h,11h",
    )
    assert [got[0]["text"] for got in sandbox.handsets().values()] == ["Ana A: 10h", "Luc L: 11h"]


SHOWN = [
    ("Octo", {}),
    ("36111", {"sms_type": "XXX"}),
    ("36111", {"with_replies": "1"}),
]


@pytest.mark.parametrize(("sender", "fields"), SHOWN)
def test_the_handset_shows_who_sent_it(sandbox, caller, sender, fields):
    caller.send(**fields)
    assert sandbox.handsets()[NUMBER][0]["sender"] == sender


def test_the_handset_shows_the_text_as_octopush_changes_it(sandbox, caller):
    caller.send(sms_text="Ça va, l’été à « Paris » ? STOP au XXXXX")
    assert sandbox.handsets()[NUMBER][0]["shown"] == 'Ça va, l\'été à " Paris " ? STOP au 36111'
