"""The newer API as the sandbox speaks it: a request, and the answer it gets."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import pytest
from sandbox_caller import NUMBER, OTHER, TEXT, TEXT_V1, V1

from octoworker.sandbox.clock import PARIS
from octoworker.sandbox.v1 import reading

FIELDS = {
    *("recipients", "text", "type", "purpose", "sender", "send_at", "with_replies", "request_id", "simulation_mode"),
    *("auto_optimize_text", "auto_remove_blacklisted_numbers", "list_name", "recipient_tracking"),
}
"""Every name that the documents give a call to send."""
OF_A_RECIPIENT = {"phone_number", "first_name", "last_name", "param1", "param2", "param3", "param4", "param5"}
ANSWER = {"sms_ticket", "number_of_contacts", "total_cost", "number_of_sms_needed", "residual_credit"}


def to(*numbers):
    return [{"phone_number": number} for number in numbers]


def shown(sandbox, number=NUMBER):
    return [message["shown"] for message in sandbox.handsets().get(number, [])]


def test_the_names_are_those_of_the_documents():
    assert set(reading.FIELDS) == FIELDS
    assert {*reading.PERSONAL, "phone_number"} == OF_A_RECIPIENT


def test_success_has_integers_for_counts_and_decimals_for_money(caller):
    status, answer = caller.send_v1(recipients=to(NUMBER, OTHER))
    assert status == 201
    assert set(answer) == ANSWER
    assert answer["sms_ticket"].startswith("sms_")
    del answer["sms_ticket"]
    assert answer == {
        "number_of_contacts": 2,
        "total_cost": 0.11,
        "number_of_sms_needed": 2,
        "residual_credit": 999.89,
    }


@pytest.mark.parametrize("status", [200, 201])
def test_the_status_of_success_is_a_switch(sandbox, caller, status):
    sandbox.settings(success_status=status)
    assert caller.send_v1()[0] == status


LONG = "x" * (1224 - len(TEXT_V1) - 1)

REFUSED = [
    (103, {"recipients": None}),
    (103, {"recipients": []}),
    (103, {"recipients": NUMBER}),
    (103, {"recipients": [NUMBER]}),
    (103, {"recipients": to("12")}),
    (103, {"recipients": to(*(f"+336{n:08d}" for n in range(501)))}),
    (107, {"text": None}),
    (107, {"text": " "}),
    (106, {"sender": "Oc"}),
    (106, {"sender": "Boutique 123456"}),
    (189, {"text": f"{LONG}xx {TEXT_V1}"}),
    (121, {"text": "Bonjour"}),
    (121, {"text": TEXT}),
    (121, {"text": "Bonjour STOP au 36111"}),
    (121, {"text": "Bonjour", "purpose": None}),
    (121, {"text": "Bonjour", "purpose": "alerting"}),
    (121, {"text": "Bonjour", "purpose": "ALERT"}),
    (121, {"text": "Bonjour", "type": "FR"}),
    (121, {"text": "Bonjour", "recipients": to("+4915112345678", NUMBER)}),
]


@pytest.mark.parametrize(("code", "changes"), REFUSED)
def test_a_wrong_call_is_a_400_with_an_integer_code_and_a_message(sandbox, caller, code, changes):
    status, answer = caller.send_v1(**changes)
    assert (status, answer["code"], set(answer)) == (400, code, {"code", "message"})
    assert sandbox.handsets() == {}


def test_the_missing_mention_is_named(caller):
    assert "([STOP au 30101])" in caller.send_v1(text="Bonjour")[1]["message"]


ACCEPTED = [
    {"text": f"{LONG} {TEXT_V1}"},
    {"text": "Bonjour", "purpose": "alert"},
    {"text": "Bonjour", "type": "sms_low_cost"},
    {"text": "Bonjour", "recipients": to("+4915112345678")},
    {"type": None},
    {"sender": None},
    {"sender": "Ma Boutique"},
    {"colour": "red", "sms_type": "XXX", "send": [1]},
    {"recipients": [{"phone_number": NUMBER, "age": 12}]},
    {"with_replies": "perhaps"},
    {"send_at": "tomorrow"},
]


@pytest.mark.parametrize("changes", ACCEPTED)
def test_a_call_within_the_rules_rings_and_unknown_names_are_ignored(sandbox, caller, changes):
    assert caller.send_v1(**changes)[0] == 201
    assert sandbox.counts()["handsets"] == 1


SENDS_FOR_REAL = [{"mode": "simu"}, {"request_mode": "simu"}, {"simulation_mode": "yes"}, {"simulation_mode": False}]


@pytest.mark.parametrize("changes", SENDS_FOR_REAL)
def test_a_simulation_that_is_spelt_wrong_rings(sandbox, caller, changes):
    assert caller.send_v1(**changes)[0] == 201
    assert shown(sandbox) == [TEXT_V1]


@pytest.mark.parametrize("value", [True, 1, "true", "1"])
def test_a_simulation_rings_nothing_and_costs_nothing(sandbox, caller, value):
    status, answer = caller.send_v1(simulation_mode=value)
    assert (status, answer["total_cost"], answer["residual_credit"]) == (201, 0.055, 1000)
    assert (sandbox.handsets(), sandbox.counts()["accepted"]) == ({}, 0)


@pytest.mark.parametrize("ticket", [True, False])
def test_whether_a_simulated_answer_has_a_ticket_is_a_switch(sandbox, caller, ticket):
    sandbox.settings(simulated_ticket=ticket)
    assert ("sms_ticket" in caller.send_v1(simulation_mode=True)[1]) is ticket


@pytest.mark.parametrize("receipts", [True, False])
def test_whether_receipts_follow_a_simulation_is_a_switch(sandbox, caller, receipts):
    sandbox.settings(simulated_receipts=receipts, receipt_delay=0, callback_url="http://127.0.0.1:1/x")
    caller.send_v1(simulation_mode=True)
    sandbox.wait(callbacks=2 if receipts else 0)
    assert len(sandbox.callbacks()) == (2 if receipts else 0)


@pytest.mark.parametrize("status", [400, 422])
def test_the_status_of_a_refusal_is_a_switch(sandbox, caller, status):
    sandbox.settings(refusal_status=status)
    assert caller.send_v1(text="Bonjour")[0] == status


@pytest.mark.parametrize(("longest", "status"), [(1224, 201), (160, 400)])
def test_how_long_a_low_cost_text_may_be_is_a_switch(sandbox, caller, longest, status):
    sandbox.settings(longest_low_cost=longest)
    text = "x" * 161
    assert caller.send_v1(type="sms_low_cost", purpose="alert", text=text)[0] == status
    assert caller.send_v1(type="sms_premium", purpose="alert", text=text)[0] == 201


@pytest.mark.parametrize(("taken", "status"), [(True, 201), (False, 400)])
def test_whether_low_cost_may_name_a_sender_is_a_switch(sandbox, caller, taken, status):
    sandbox.settings(low_cost_sender=taken)
    assert caller.send_v1(type="sms_low_cost")[0] == status
    assert caller.send_v1(type="sms_low_cost", sender=None)[0] == 201


def test_whether_too_many_recipients_are_refused_or_cut_is_a_switch(sandbox, caller):
    many = to(*(f"+336{n:08d}" for n in range(501)))
    sandbox.settings(many_recipients="cut")
    assert caller.send_v1(recipients=many)[1]["number_of_contacts"] == 500


@pytest.mark.parametrize(("charged", "left"), [(True, 999.945), (False, 1000)])
def test_whether_an_sms_to_somebody_who_said_stop_costs_is_a_switch(sandbox, caller, charged, left):
    sandbox.settings(charge_blacklisted=charged)
    sandbox.blacklist([NUMBER])
    caller.send_v1()
    assert caller.ask_v1("GET", "/wallet/check-balance")[1]["amount"] == pytest.approx(left, abs=0.01)
    assert NUMBER not in sandbox.handsets()


@pytest.mark.parametrize(("allowed", "status"), [(False, 400), (True, 201)])
def test_whether_five_x_are_a_mention_is_a_switch(sandbox, caller, allowed, status):
    sandbox.settings(stop_five_x=allowed)
    assert caller.send_v1(text=TEXT)[0] == status


REPAIRED = [
    (NUMBER, NUMBER),
    ("0033612345678", NUMBER),
    ("33612345678", NUMBER),
    ("0612345678", NUMBER),
    ("+33 6 12 34 56 78", NUMBER),
    (33612345678, NUMBER),
]


@pytest.mark.parametrize(("written", "number"), REPAIRED)
def test_a_number_is_repaired(sandbox, caller, written, number):
    caller.send_v1(recipients=to(written))
    assert list(sandbox.handsets()) == [number]


@pytest.mark.parametrize("bad", ["12", "", "+999123456789", "+85012345678", "hello"])
def test_a_bad_number_among_good_ones_is_dropped_or_refused_by_a_switch(sandbox, caller, bad):
    assert caller.send_v1(recipients=to(bad, NUMBER))[1]["number_of_contacts"] == 1
    sandbox.settings(bad_numbers="refuse")
    assert caller.send_v1(recipients=to(bad, OTHER))[1]["code"] == 181
    assert list(sandbox.handsets()) == [NUMBER]


def test_the_default_type_and_sender_are_the_accounts(sandbox, caller):
    sandbox.settings(default_type="sms_low_cost")
    assert caller.send_v1(text="Bonjour", type=None)[1]["total_cost"] == 0.032
    sandbox.settings(default_type="sms_premium", default_sender="Boutique")
    caller.send_v1(recipients=to(OTHER), sender=None, type="gold")
    assert [got[0]["sender"] for got in sandbox.handsets().values()] == ["36111", "Boutique"]


def test_placeholders_are_filled_or_emptied(sandbox, caller):
    recipients = [{"phone_number": NUMBER, "first_name": "Ana", "param1": "10h"}, {"phone_number": OTHER}]
    caller.send_v1(recipients=recipients, text="{first_name} {last_name}:{param1}{param6}", purpose="alert")
    assert (shown(sandbox), shown(sandbox, OTHER)) == (["Ana :10h{param6}"], [" :{param6}"])


def test_replies_have_a_short_number_and_a_price(sandbox, caller):
    assert caller.send_v1(with_replies=True)[1]["total_cost"] == 0.085
    assert sandbox.handsets()[NUMBER][0]["sender"] == "36111"


LOGINS = [
    {"api-key": "other"},
    {"api-login": "somebody@example.com"},
    {"api-key": ""},
]


@pytest.mark.parametrize("headers", LOGINS)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/sms-campaign/send"),
        ("DELETE", "/sms-campaign/cancel"),
        ("GET", "/wallet/check-balance"),
        ("GET", "/wallet/check-credits"),
        ("GET", "/user/campaign-parameters"),
        ("PATCH", "/user/campaign-parameters/edit"),
    ],
)
def test_every_call_wants_the_right_login(caller, method, path, headers):
    status, answer = caller.ask_v1(method, path, caller.body_v1(), **headers)
    assert (status, answer["code"]) == (401, 401)


@pytest.mark.parametrize("body", [b"", b"{", b"[1]", b"recipients=1", b"\xff"])
def test_a_body_that_is_no_object_is_an_empty_one(sandbox, caller, body):
    headers = {"api-login": sandbox.user_login, "api-key": sandbox.api_key}
    status, _, answer = caller.ask("POST", f"{V1}/sms-campaign/send", body, headers)
    assert (status, json.loads(answer)["code"]) == (400, 103)


NOWHERE = [
    ("GET", "/sms-campaign/send"),
    ("POST", "/sms-campaign/send-one-time"),
    ("PUT", "/user/campaign-parameters"),
    ("GET", ""),
]


@pytest.mark.parametrize(("method", "path"), NOWHERE)
def test_what_there_is_not_is_404(caller, method, path):
    assert caller.ask(method, f"{V1}{path}")[0] == 404


# --- the day a message goes out


IN_AN_HOUR = timedelta(hours=1)


def paris(sandbox, ahead):
    return datetime.now(PARIS).replace(microsecond=0) + ahead


WRITTEN = [
    lambda at: at.isoformat(),
    lambda at: at.replace(tzinfo=None).isoformat(),
    lambda at: at.replace(tzinfo=None).isoformat(" "),
    lambda at: at.astimezone(tz=None).isoformat(timespec="milliseconds"),
]


@pytest.mark.parametrize("written", WRITTEN)
def test_send_at_is_an_instant_and_without_an_offset_it_is_paris(sandbox, caller, written):
    at = paris(sandbox, IN_AN_HOUR)
    caller.send_v1(send_at=written(at))
    (held,) = sandbox.state()["held"]
    assert datetime.fromisoformat(held["due_at"]) == at
    sandbox.advance(3000)
    assert shown(sandbox) == []
    sandbox.advance(600)
    assert shown(sandbox) == [TEXT_V1]


def test_a_date_gone_by_is_now(sandbox, caller):
    caller.send_v1(send_at=paris(sandbox, -IN_AN_HOUR).isoformat())
    assert shown(sandbox) == [TEXT_V1]


# --- taking it back


def schedule(caller, sandbox, minutes=60, recipients=1):
    numbers = [f"+3361234{n:04d}" for n in range(recipients)]
    at = paris(sandbox, timedelta(minutes=minutes)).isoformat()
    return caller.send_v1(send_at=at, recipients=to(*numbers))[1]["sms_ticket"]


def take_back(caller, ticket):
    status, answer = caller.ask_v1("DELETE", "/sms-campaign/cancel", {"ticket_number": ticket})
    return status, answer and answer["code"]


TAKEN_BACK = [
    ({"recipients": 1}, (204, None)),
    ({"recipients": 2}, (204, None)),
    ({"recipients": 3}, (400, 157)),
    ({"minutes": 11}, (204, None)),
    ({"minutes": 9}, (400, 157)),
    ({"minutes": 0}, (400, 158)),
]


@pytest.mark.parametrize(("sent", "answer"), TAKEN_BACK)
def test_few_recipients_and_more_than_ten_minutes_can_be_cancelled(sandbox, caller, sent, answer):
    ticket = schedule(caller, sandbox, **sent)
    held = len(sandbox.state()["held"])
    assert take_back(caller, ticket) == answer
    assert len(sandbox.state()["held"]) == (0 if answer[0] == 204 else held)


def test_a_cancelled_message_never_rings_and_its_money_comes_back(sandbox, caller):
    take_back(caller, schedule(caller, sandbox))
    sandbox.advance(7200)
    assert sandbox.handsets() == {}
    assert sandbox.state()["credits"]["v1"] == "1000.00"


def test_whether_the_money_comes_back_is_a_switch(sandbox, caller):
    sandbox.settings(refund_on_cancel=False)
    take_back(caller, schedule(caller, sandbox))
    assert sandbox.state()["credits"]["v1"] == "999.94"


@pytest.mark.parametrize(("again", "answer"), [("refuse", (400, 157)), ("accept", (204, None))])
def test_what_a_second_cancel_gets_is_a_switch(sandbox, caller, again, answer):
    sandbox.settings(cancel_again=again)
    ticket = schedule(caller, sandbox)
    take_back(caller, ticket)
    assert take_back(caller, ticket) == answer


def test_so_many_cancels_a_month(sandbox, caller):
    sandbox.settings(cancels_a_month=2)
    assert [take_back(caller, schedule(caller, sandbox))[0] for _ in range(3)] == [204, 204, 400]
    sandbox.advance(31 * 86_400)
    ticket = schedule(caller, sandbox, minutes=60 + 31 * 24 * 60)
    assert take_back(caller, ticket)[0] == 204


@pytest.mark.parametrize("ticket", ["sms_none", "", None, 7])
def test_an_unknown_ticket_cannot_be_cancelled(caller, ticket):
    assert take_back(caller, ticket) == (400, 158)


def test_a_ticket_of_the_older_api_cannot_be_cancelled(caller):
    ticket = caller.send(sending_period="3600")["ticket"]
    assert take_back(caller, ticket) == (400, 158)


# --- the wallet

BALANCES = [
    ("", {"amount": 10, "unit": "euros"}),
    ("?product_name=sms_premium", {"amount": 10, "unit": "euros"}),
    ("?product_name=sms_premium&country_code=FR", {"amount": 181, "unit": "sms_premium"}),
    ("?product_name=sms_low_cost&country_code=FR", {"amount": 312, "unit": "sms_low_cost"}),
    ("?product_name=gold&country_code=FR", {"amount": 10, "unit": "euros"}),
]


@pytest.mark.parametrize(("query", "answer"), BALANCES)
def test_check_balance_is_euros_or_units_of_a_product(sandbox, caller, query, answer):
    sandbox.settings(credit="10")
    assert caller.ask_v1("GET", f"/wallet/check-balance{query}") == (200, answer)


def test_check_balance_with_details_lists_packs(sandbox, caller):
    sandbox.settings(credit="12.54")
    _, answer = caller.ask_v1("GET", "/wallet/check-balance?with_details=1")
    assert answer["amount"] == 12.54
    assert [set(pack) for pack in answer["wallet_packs"]] == [{"id", "credit", "expiration_date"}]


FRENCH = {"premium_sms": 181, "low_cost_sms": 312}
CREDITS = [
    ("?country_codes[]=FR", {"FR": FRENCH}),
    ("?country_codes[]=FR&country_codes[]=BE", {"FR": FRENCH, "BE": FRENCH}),
    ("", {"FR": FRENCH}),
]


@pytest.mark.parametrize(("query", "answer"), CREDITS)
def test_check_credits_counts_units_by_country_under_other_names(sandbox, caller, query, answer):
    sandbox.settings(credit="10")
    assert caller.ask_v1("GET", f"/wallet/check-credits{query}") == (200, answer)


# --- the parameters

NEW = {
    "callback_url_for_deliveries": "",
    "callback_url_for_blacklisted_numbers": "",
    "callback_url_for_inbounds": "",
    "callback_url_for_visits": "",
    "email_for_inbounds": "",
}
OLD = {"callback_url_for_sms_deliveries" if "deliveries" in name else name: value for name, value in NEW.items()}
REST = {"payload_type": "json", "sender_for_sms_premium": "Octopush", "type": "sms_premium"}
SHAPES = [
    ({}, {**REST, "callbacks": NEW}),
    ({"parameters_nested": False}, {**REST, **NEW}),
    ({"parameters_names": "old"}, {**REST, "callbacks": OLD}),
    ({"parameters_names": "old", "parameters_nested": False}, {**REST, **OLD}),
]


@pytest.mark.parametrize("path", ["/user/campaign-parameters", "/campaign/parameters"])
@pytest.mark.parametrize(("switches", "answer"), SHAPES)
def test_the_parameters_are_nested_or_flat_under_new_or_old_names(sandbox, caller, path, switches, answer):
    sandbox.settings(**switches)
    assert caller.ask_v1("GET", path) == (200, answer)


URL = "http://127.0.0.1:1/octopush"
CHANGES = [
    ({"callbacks": {"callback_url_for_deliveries": URL}}, {"callback_url_for_deliveries": URL}),
    ({"callback_url_for_deliveries": URL}, {"callback_url_for_deliveries": URL}),
    ({"callback_url_for_sms_deliveries": URL}, {"callback_url_for_deliveries": URL}),
    ({"callbacks": {"callback_url_for_blacklisted_numbers": URL}}, {"callback_url_for_blacklisted_numbers": URL}),
    (
        {"callback_url_for_inbounds": URL, "email_for_inbounds": "a@b"},
        {"callback_url_for_inbounds": URL, "email_for_inbounds": "a@b"},
    ),
    ({"callback_url_for_visits": URL, "callback_url_for_pigeons": URL}, {"callback_url_for_visits": URL}),
    ({"callbacks": URL}, {}),
    ({"callback_url_for_deliveries": 7}, {}),
]


@pytest.mark.parametrize(("body", "changed"), CHANGES)
def test_an_address_is_taken_nested_or_flat_under_any_name(caller, body, changed):
    status, answer = caller.ask_v1("PATCH", "/user/campaign-parameters/edit", body)
    assert (status, answer["callbacks"]) == (200, NEW | changed)
    assert caller.ask_v1("GET", "/user/campaign-parameters")[1] == answer


@pytest.mark.parametrize(("value", "then"), [("html", "html"), ("xml", "json"), (None, "json")])
def test_a_payload_type_that_there_is_not_is_ignored(caller, value, then):
    assert caller.ask_v1("PATCH", "/user/campaign-parameters/edit", {"payload_type": value})[1]["payload_type"] == then


def test_an_address_is_taken_away_by_null(caller):
    caller.ask_v1("PATCH", "/user/campaign-parameters/edit", {"callback_url_for_visits": URL})
    _, answer = caller.ask_v1("PATCH", "/user/campaign-parameters/edit", {"callback_url_for_visits": None})
    assert answer["callbacks"]["callback_url_for_visits"] == ""
