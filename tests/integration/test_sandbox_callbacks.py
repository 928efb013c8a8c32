"""What the sandbox calls back with, in both shapes, and what it holds against the answer."""

from __future__ import annotations

import re
import threading
import time

import pytest
from callback_receiver import Receiver
from sandbox_caller import NUMBER, OTHER, TEXT

from octoworker.sandbox.callbacks.mishaps import MISHAPS

FORM, JSON = "application/x-www-form-urlencoded", "application/json"
DATE = re.compile(r"20\d\d-\d\d-\d\d \d\d:\d\d:\d\d")

RECEIPT_V1 = {"channel", "message_id", "list_name", "number", "status", "unit_price", "delivery_date", "meta_data"}
RECEIPT_LEGACY = {"message_id", "number", "status", "delivery_date"}
STOP = {"message_id", "number", "text", "stop_date"}
REPLY_V1 = {"message_id", "number", "text", "sim_card_number", "reception_date"}
REPLY_LEGACY = {"message_id", "number", "text", "reception_date"}


@pytest.fixture
def receiver():
    it = Receiver()
    yield it
    it.close()


@pytest.fixture
def called(sandbox, receiver):
    """The receiver's address is that of every account, and receipts come at once."""
    sandbox.settings(callback_url=receiver.url, receipt_delay=0)
    return receiver


# --- receipts


def test_v1_receipts_are_json_with_the_documented_names(caller, called):
    ticket = caller.send_v1()[1]["sms_ticket"]
    receipts = called.events(2)
    assert [kind for _, kind, _ in called.got] == [JSON, JSON]
    assert [set(each) for each in receipts] == [RECEIPT_V1, RECEIPT_V1]
    assert all(DATE.fullmatch(each.pop("delivery_date")) for each in receipts)
    assert receipts[1] == {
        "channel": "sms",
        "message_id": ticket,
        "list_name": "",
        "number": NUMBER,
        "status": "DELIVERED",
        "unit_price": 0.055,
        "meta_data": {},
    }


def test_legacy_receipts_are_a_form_with_the_documented_names(caller, called):
    ticket = caller.send()["ticket"]
    receipts = called.events(2)
    assert [kind for _, kind, _ in called.got] == [FORM, FORM]
    assert [set(each) for each in receipts] == [RECEIPT_LEGACY, RECEIPT_LEGACY]
    assert [(each["message_id"], each["number"], each["status"]) for each in receipts] == [
        (ticket, "0033612345678", "ACK"),
        (ticket, "0033612345678", "DELIVERED"),
    ]


def test_a_v1_account_may_get_forms(sandbox, caller, called):
    caller.ask_v1("PATCH", "/user/campaign-parameters/edit", {"payload_type": "html"})
    caller.send_v1()
    assert [set(each) for each in called.events(2)] == [RECEIPT_V1 - {"meta_data"}] * 2  # PHP leaves out what is empty
    assert called.got[0][1] == FORM


NUMBERS = [("plus", NUMBER), ("bare", "33612345678"), ("zeros", "0033612345678"), ("national", "0612345678")]


@pytest.mark.parametrize(("written", "number"), NUMBERS)
def test_numbers_come_as_the_switch_says(sandbox, caller, called, written, number):
    sandbox.settings(callback_numbers=written)
    caller.send_v1()
    assert called.events(1)[0]["number"] == number


def test_json_may_come_as_a_list_of_events(sandbox, caller, called):
    sandbox.settings(callback_array=True, receipt_words={NUMBER: ["ACK"]})
    called.answering.clear()
    caller.send_v1()
    called.wait(1)
    for n in range(3):
        caller.send_v1(text=f"{n} {TEXT}30101 STOP au 30101")
    called.answering.set()
    assert len(called.events(2)) == 4
    assert len(called.got) == 2


WORDS = [
    ({}, ["ACK", "DELIVERED"]),
    ({"undelivered": 1}, ["ACK", "NOT_DELIVERED"]),
    ({"unknown": 1}, ["ACK", "TELEPORTED"]),
    ({"swapped": 1}, ["DELIVERED", "ACK"]),
    ({"twice": 1}, ["ACK", "ACK", "DELIVERED", "DELIVERED"]),
    ({"twice": 1, "swapped": 1}, ["DELIVERED", "DELIVERED", "ACK", "ACK"]),
    ({"early": 1}, ["ACK", "DELIVERED"]),
]


@pytest.mark.parametrize(("shares", "words"), WORDS)
def test_receipts_go_astray_as_the_shares_say(sandbox, caller, called, shares, words):
    sandbox.settings(receipts=shares)
    caller.send_v1()
    assert called.words(len(words)) == words


def test_lost_receipts_never_come(sandbox, caller, called):
    sandbox.settings(receipts={"lost": 1})
    caller.send_v1(recipients=[{"phone_number": OTHER}])
    sandbox.settings(receipts={})
    caller.send_v1()
    sandbox.advance(86_400)
    assert {event["number"] for event in called.events(2)} == {NUMBER}


def test_late_receipts_come_late(sandbox, caller, called):
    sandbox.settings(receipts={"late": 1}, late_seconds=600)
    caller.send_v1()
    sandbox.settings(receipts={})
    caller.send_v1(recipients=[{"phone_number": OTHER}])
    assert {event["number"] for event in called.events(2)} == {OTHER}
    sandbox.advance(600)
    assert [event["number"] for event in called.events(4)[2:]] == [NUMBER, NUMBER]


@pytest.mark.parametrize("send", ["send", "send_v1"])
def test_early_receipts_are_there_before_the_answer_of_the_send(sandbox, caller, called, send):
    sandbox.settings(receipts={"early": 1}, receipt_delay=600)
    getattr(caller, send)()
    assert len(called.got) == 2


def test_the_word_for_undelivered_is_a_setting(sandbox, caller, called):
    sandbox.settings(receipts={"undelivered": 1}, undelivered_word="EXPIRED")
    caller.send_v1()
    assert called.words(2) == ["ACK", "EXPIRED"]


def test_one_number_can_have_words_of_its_own(sandbox, caller, called):
    sandbox.settings(receipt_words={OTHER: ["BAD_DESTINATION"]})
    caller.send_v1(recipients=[{"phone_number": NUMBER}, {"phone_number": OTHER}])
    got = [(event["number"], event["status"]) for event in called.events(3)]
    assert sorted(got) == [(NUMBER, "ACK"), (NUMBER, "DELIVERED"), (OTHER, "BAD_DESTINATION")]


def test_a_share_is_a_share(sandbox, caller, called):
    sandbox.settings(receipts={"undelivered": 0.3})
    caller.send_v1(recipients=[{"phone_number": f"+336{n:08d}"} for n in range(200)])
    assert 30 < called.words(400).count("NOT_DELIVERED") < 90


def test_a_held_message_has_its_receipts_when_it_rings(sandbox, caller, called):
    caller.send(sending_period="1")
    assert called.got == []
    assert called.words(2) == ["ACK", "DELIVERED"]


SILENT = [
    ("send", {"sms_type": "XXX"}),
    ("send_v1", {"type": "sms_low_cost"}),
    ("send", {"request_mode": "simu"}),
    ("send_v1", {"simulation_mode": True}),
    ("send", {"sms_text": ""}),
]


@pytest.mark.parametrize(("send", "changes"), SILENT)
def test_low_cost_simulated_and_refused_calls_have_no_receipts(sandbox, caller, called, send, changes):
    getattr(caller, send)(**changes)
    sandbox.settings(receipt_words={OTHER: ["ACK"]})
    caller.send_v1(recipients=[{"phone_number": OTHER}])
    assert [event["number"] for event in called.events(1)] == [OTHER]


def test_without_an_address_nobody_is_called(sandbox, caller):
    caller.send()
    sandbox.advance(60)
    assert sandbox.counts()["callbacks"] == 0


def test_the_accounts_parameters_say_which_address_gets_what(sandbox, caller, receiver):
    sandbox.settings(receipt_delay=0)
    addresses = {
        "callback_url_for_deliveries": f"{receiver.url}/receipt",
        "callback_url_for_blacklisted_numbers": f"{receiver.url}/stop",
        "callback_url_for_inbounds": f"{receiver.url}/reply?from=v1",
    }
    caller.ask_v1("PATCH", "/user/campaign-parameters/edit", {"callbacks": addresses})
    caller.send()  # the older account has no address
    caller.send_v1(with_replies=True)
    receiver.wait(2)
    sandbox.type(NUMBER, "STOP")
    assert [path.removeprefix("/octopush/token") for path, _, _ in receiver.wait(4)] == [
        *("/receipt", "/receipt", "/stop", "/reply?from=v1"),
    ]


# --- replies and STOP


TYPED = [
    ("send", {}, "STOP", ["stop"]),
    ("send_v1", {}, "STOP", ["stop"]),
    ("send_v1", {}, "Stop !", ["stop"]),
    ("send_v1", {}, "stop sms.", ["stop"]),
    ("send_v1", {}, "je ne veux pas stopper", ["reply"]),
    ("send", {"with_replies": "1"}, "oui", ["reply"]),
    ("send_v1", {"with_replies": True}, "oui", ["reply"]),
    ("send_v1", {"with_replies": True}, "STOP", ["stop", "reply"]),
]


@pytest.mark.parametrize(("send", "changes", "text", "kinds"), TYPED)
def test_what_is_typed_on_a_handset_is_a_stop_or_a_reply(sandbox, caller, receiver, send, changes, text, kinds):
    getattr(caller, send)(**changes)
    sandbox.settings(callback_url=receiver.url)
    assert sandbox.type(NUMBER, text) == kinds
    names = {
        ("send", "stop"): STOP,
        ("send", "reply"): REPLY_LEGACY,
        ("send_v1", "stop"): STOP,
        ("send_v1", "reply"): REPLY_V1,
    }
    events = receiver.events(len(kinds))
    assert [set(event) for event in events] == [names[send, kind] for kind in kinds]
    assert {event["text"] for event in events} == {text}


@pytest.mark.parametrize(("both", "kinds"), [(True, ["stop", "reply"]), (False, ["stop"])])
def test_whether_a_stop_is_a_reply_too_is_a_switch(sandbox, caller, called, both, kinds):
    sandbox.settings(stop_is_reply_too=both)
    caller.send_v1(with_replies=True)
    assert sandbox.type(NUMBER, "STOP") == kinds


ANSWERED = [({"with_replies": True}, True), ({}, False)]


@pytest.mark.parametrize(("changes", "known"), ANSWERED)
def test_a_reply_names_the_ticket_only_when_it_could_be_answered(sandbox, caller, receiver, changes, known):
    ticket = caller.send_v1(**changes)[1]["sms_ticket"]
    sandbox.settings(callback_url=receiver.url)
    sandbox.type(NUMBER, "oui")
    assert receiver.events(1)[0]["message_id"] == (ticket if known else "")


def test_the_date_of_a_legacy_reply_has_two_names(sandbox, caller, called):
    sandbox.settings(reply_date="answer_date")
    sandbox.type(NUMBER, "oui")
    assert set(called.events(1)[0]) == {"message_id", "number", "text", "answer_date"}


def test_a_handset_that_got_nothing_can_say_something(sandbox, called):
    assert sandbox.type(NUMBER, "STOP", api="v1") == ["stop"]
    assert called.events(1)[0]["message_id"] == ""
    assert sandbox.state()["blacklists"] == {"legacy": [], "v1": [NUMBER]}


@pytest.mark.parametrize(("send", "api"), [("send", "legacy"), ("send_v1", "v1")])
def test_after_a_stop_a_receipt_comes_instead_of_a_ring(sandbox, caller, called, send, api):
    getattr(caller, send)()
    called.wait(2)
    sandbox.type(NUMBER, "STOP")
    called.wait(3)
    getattr(caller, send)()
    assert called.events(4)[3]["status"] == "BLACKLISTED_NUMBER"
    assert len(sandbox.handsets()[NUMBER]) == 1
    assert sandbox.state()["blacklists"][api] == [NUMBER]


def test_a_stop_reaches_what_is_still_held(sandbox, caller, called):
    caller.send_v1(send_at=time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(time.time() + 3600)))
    sandbox.type(NUMBER, "STOP", api="v1")
    called.wait(1)
    sandbox.advance(3700)
    assert called.events(2)[1]["status"] == "BLACKLISTED_NUMBER"
    assert sandbox.handsets() == {}


def test_typing_and_the_blacklist_over_http(sandbox, caller, called):
    assert caller.control("POST", "type", {"number": NUMBER, "text": "STOP", "api": "v1"}) == (
        200,
        {"events": ["stop"]},
    )
    assert caller.control("POST", "blacklist", {"numbers": [OTHER], "api": "legacy"})[0] == 200
    assert caller.control("GET", "state")[1]["blacklists"] == {"legacy": [OTHER], "v1": [NUMBER]}
    called.wait(1)
    sandbox.wait(callbacks=1)
    (callback,) = caller.control("GET", "callbacks")[1]
    assert (callback["kinds"], callback["api"], callback["status"], callback["fault"]) == (["stop"], "v1", 200, "")


WRONG = [
    ("type", {"number": NUMBER}),
    ("type", {"number": NUMBER, "text": 7}),
    ("type", {"number": NUMBER, "text": "oui", "colour": "red"}),
    ("type", {"number": NUMBER, "text": "oui", "api": "v7"}),
    ("blacklist", {"numbers": NUMBER}),
    ("blacklist", {"numbers": [], "login": "nobody"}),
    ("settings", {"receipts": {"eaten": 1}}),
    ("settings", {"receipts": 1}),
    ("settings", {"payload_type": "xml"}),
    ("settings", {"credit": "1", "api": "v7"}),
    ("accounts", {"user_login": "a"}),
    ("clock", {"advance": -1}),
    ("clock", {"advance": "far"}),
]


@pytest.mark.parametrize(("control", "body"), WRONG)
def test_a_control_that_does_not_fit_is_refused_in_a_sentence(caller, control, body):
    status, answer = caller.control("POST", control, body)
    assert status == 400
    assert answer["error"].endswith(".")


def test_every_mishap_can_be_a_share(sandbox):
    sandbox.settings(receipts=dict.fromkeys(MISHAPS, 0.1))


# --- our answer


def bad_answer(sandbox, caller):
    sandbox.settings(receipt_words={NUMBER: ["ACK"]})
    caller.send_v1()
    sandbox.wait(callbacks=1)
    (callback,) = sandbox.callbacks()
    assert sandbox.state()["callback_faults"] == bool(callback["fault"])
    assert [each["fault"] for each in sandbox.watch(-1, 0)["bad_answers"]] == [callback["fault"]] * bool(
        callback["fault"]
    )
    return callback["fault"]


ANSWERS = [
    (200, b"", ""),
    (204, b"", ""),
    (200, b"{}", "a body of 2 bytes, where Octopush wants none"),
    (200, b"\n", "a body of 1 byte, where Octopush wants none"),
    (500, b"", "HTTP 500"),
    (404, b"no", "HTTP 404"),
    (302, b"", "HTTP 302"),
]


@pytest.mark.parametrize(("status", "body", "fault"), ANSWERS)
def test_any_byte_of_body_and_any_failure_is_a_fault(sandbox, caller, called, status, body, fault):
    called.status, called.body = status, body
    assert bad_answer(sandbox, caller) == fault


@pytest.mark.parametrize(("tries", "posted"), [(1, 1), (3, 3)])
def test_whether_an_event_comes_again_after_a_failure_is_a_switch(sandbox, caller, called, tries, posted):
    called.status = 500
    sandbox.settings(callback_tries=tries, receipt_words={NUMBER: ["DELIVERED"]})
    caller.send_v1()
    assert len({event["status"] for event in called.events(posted)}) == 1
    assert sandbox.wait(callbacks=posted)["callbacks"] == posted


def test_an_answer_after_a_second_is_a_fault(sandbox, caller, called):
    called.answering.clear()
    sandbox.settings(receipt_words={NUMBER: ["ACK"]})
    caller.send_v1()
    called.wait(1)
    time.sleep(1.05)  # the second that Octopush gives
    called.answering.set()
    sandbox.wait(callbacks=1)
    assert re.fullmatch(r"answered after \d\.\d s, where Octopush wants 1 s", sandbox.callbacks()[0]["fault"])


def test_nobody_at_the_address_is_a_fault(sandbox, caller, receiver):
    sandbox.settings(callback_url=receiver.url, receipt_delay=0)
    receiver.close()
    assert bad_answer(sandbox, caller) == "no answer: ConnectionRefusedError"


ELSEWHERE = ["http://192.0.2.1/octopush", "https://example.com/octopush", "http://127.0.0.1.example.com/", "octopush"]


@pytest.mark.parametrize("url", ELSEWHERE)
def test_another_machine_is_never_called(sandbox, caller, url):
    sandbox.settings(callback_url=url, receipt_delay=0)
    assert bad_answer(sandbox, caller) == "no answer: the address is not on this machine, so it was not called"


def test_one_slow_answer_does_not_hold_up_every_handset(sandbox, caller, called):
    called.answering.clear()
    caller.send_v1(recipients=[{"phone_number": f"+336{n:08d}"} for n in range(20)])
    assert len({event["number"] for event in called.events(2)}) > 1


def test_closing_ends_every_carrier_and_cuts_no_call(sandbox, caller, called):
    caller.send_v1(recipients=[{"phone_number": f"+336{n:08d}"} for n in range(50)])
    called.wait(1)
    sandbox.close()
    posted = sandbox.counts()["callbacks"]
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("sandbox")] == []
    assert len(called.got) == posted
