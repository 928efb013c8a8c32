"""What Octopush calls us with is read as it is documented, as its clients have seen it, and in any mixture of the two."""

from __future__ import annotations

import json
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octoworker.gateway.callbacks import Callback, Delivery, Unreadable, bodies, meaning, read
from octoworker.gateway.callbacks.words import WORDS

TICKET_V1, TICKET = "sms_65f0c1d2e3a4b", "api220000000042"
NUMBER = "+33600000001"

RECEIPT_V1 = {
    "channel": "sms",
    "message_id": TICKET_V1,
    "list_name": "",
    "number": NUMBER,
    "status": "DELIVERED",
    "unit_price": 0.045,
    "delivery_date": "2026-11-26 09:00:04",
    "meta_data": {},
}
RECEIPT_LEGACY = {
    "message_id": TICKET,
    "number": "0033600000001",
    "status": "DELIVERED",
    "delivery_date": "2026-11-26 09:00:04",
}
REPLY_V1 = {
    "message_id": TICKET_V1,
    "number": NUMBER,
    "text": "oui, à 9 h",
    "sim_card_number": "36111",
    "reception_date": "2026-11-26 09:01:00",
}
REPLY_LEGACY = {
    "message_id": "",
    "number": "0033600000001",
    "text": "oui, à 9 h",
    "answer_date": "2026-11-26 09:01:00",
}
STOP = {"message_id": TICKET, "number": "0033600000001", "text": "Stop", "stop_date": "2026-11-26 09:01:00"}

EXAMPLES = {
    "receipt, v1": (
        RECEIPT_V1,
        Callback("receipt", NUMBER, TICKET_V1, "2026-11-26 09:00:04", "DELIVERED"),
    ),
    "receipt, legacy": (
        RECEIPT_LEGACY,
        Callback("receipt", "0033600000001", TICKET, "2026-11-26 09:00:04", "DELIVERED"),
    ),
    "reply, v1": (
        REPLY_V1,
        Callback("reply", NUMBER, TICKET_V1, "2026-11-26 09:01:00", text="oui, à 9 h", called="36111"),
    ),
    "reply, legacy, to nothing": (
        REPLY_LEGACY,
        Callback("reply", "0033600000001", "", "2026-11-26 09:01:00", text="oui, à 9 h"),
    ),
    "STOP": (STOP, Callback("stop", "0033600000001", TICKET, "2026-11-26 09:01:00", text="Stop")),
    "STOP without a ticket": (
        {"number": NUMBER, "text": "Stop", "stop_date": "2026-11-26 09:01:00"},
        Callback("stop", NUMBER, "", "2026-11-26 09:01:00", text="Stop"),
    ),
}
SHAPES = {
    "JSON": lambda event: json.dumps(event).encode(),
    "JSON in a list": lambda event: json.dumps([event]).encode(),
    "a form": lambda event: urlencode({name: value for name, value in event.items() if value != {}}).encode(),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", EXAMPLES)
def test_each_documented_call_is_read_in_each_shape(name, shape):
    event, wanted = EXAMPLES[name]
    assert read(SHAPES[shape](event)) == [wanted]


def test_a_list_is_as_many_events():
    assert [each.kind for each in read(json.dumps([RECEIPT_V1, STOP, REPLY_V1]).encode())] == [
        "receipt",
        "stop",
        "reply",
    ]


def test_receipts_that_come_grouped_share_what_stands_beside_their_list():
    grouped = {
        "channel": "sms",
        "message_id": TICKET_V1,
        "deliveries": [{"number": NUMBER, "status": "ACK"}, {"number": "+33600000002", "status": "EXPIRED"}],
    }
    found = read(json.dumps(grouped).encode())
    assert [(each.ticket, each.number, each.word) for each in found] == [
        (TICKET_V1, NUMBER, "ACK"),
        (TICKET_V1, "+33600000002", "EXPIRED"),
    ]


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("phone_number", "number"),
        ("ticket", "message_id"),
        ("sms_ticket", "message_id"),
        ("delivery_status", "status"),
        ("Message_ID", "message_id"),
    ],
)
def test_a_name_that_clients_have_seen_is_as_good_as_the_documented_one(theirs, ours):
    event = {theirs if name == ours else name: value for name, value in RECEIPT_LEGACY.items()}
    assert read(urlencode(event).encode()) == read(urlencode(RECEIPT_LEGACY).encode())


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("+33600000001", "+33600000001"),
        ("0033600000001", "0033600000001"),
        ("33600000001", "33600000001"),
        ("0600000001", "0600000001"),
        ("06 00 00 00 01", "0600000001"),
        ("+33 (6) 00-00-00.01", "+33600000001"),
        (33600000001, "33600000001"),
    ],
)
def test_a_number_is_taken_as_it_was_written_without_its_signs(written, number):
    assert read(json.dumps({**RECEIPT_V1, "number": written}).encode())[0].number == number


def test_a_plus_that_a_form_did_not_escape_is_a_blank_and_the_number_stays_readable():
    assert read(b"message_id=api1&number=+33600000001&status=ACK")[0].number == "33600000001"


# --- what kind it is


@pytest.mark.parametrize("path_kind", ["receipt", "reply", None])
def test_a_stop_is_a_stop_at_whichever_address_it_comes_in(path_kind):
    assert read(urlencode(STOP).encode(), path_kind)[0].kind == "stop"


@pytest.mark.parametrize("path_kind", ["reply", "stop"])
def test_the_address_says_what_an_event_is_whose_fields_do_not(path_kind):
    assert read(b"number=0033600000001&text=Stop", path_kind)[0].kind == path_kind


def test_a_receipt_is_known_by_its_status_alone():
    assert read(b"message_id=api1&number=0033600000001&status=not+delivered")[0].word == "NOT_DELIVERED"


# --- what is none of these


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "the body is empty"),
        (b"  \n", "the body is empty"),
        (b"hello", "the body is neither JSON nor a form"),
        (b"{not json", "the body is neither JSON nor a form"),
        (b"[" * 60_000, "the body is neither JSON nor a form"),
        (b"[]", "the list of events is empty"),
        (b"[1, 2]", "an event is no object"),
        (b'{"deliveries": []}', "the list of events is empty"),
        (json.dumps([RECEIPT_V1] * (bodies.MOST_EVENTS + 1)).encode(), "the call has too many events"),
        (b"&".join(b"n%d=1" % n for n in range(100)), "the form has too many fields"),
        (b'{"number": "+33600000001"}', "it is no receipt, no reply and no STOP"),
        (b'{"status": "DELIVERED", "message_id": "api1"}', "it has no number"),
        (b'{"status": "DELIVERED", "number": "nobody"}', "it has no number"),
        (b'{"delivery_date": "2026-11-26 09:00:04", "number": "+33600000001"}', "the receipt has no status"),
        (b'{"channel": "email", "status": "OPENED", "number": "+33600000001"}', "it is about another channel"),
    ],
)
def test_what_is_no_callback_says_why_and_keeps_what_came(body, reason):
    (found,) = read(body)
    assert isinstance(found, Unreadable)
    assert found.reason == reason
    assert bool(found.raw) == bool(body.strip())


def test_half_of_a_surrogate_pair_becomes_a_sign_that_can_be_kept():
    (found,) = read(rb'{"number": "+33600000001", "text": "a\ud800b", "reception_date": "x"}')
    assert found.text == "a\N{REPLACEMENT CHARACTER}b"
    (found,) = read(rb'{"number": "+33600000001", "text": "\ud83d\ude00", "reception_date": "x"}')
    assert found.text == "\N{GRINNING FACE}"
    (found,) = read(rb'{"\ud800": "\udc00"}')
    found.raw.encode()


def test_one_bad_event_of_a_list_does_not_cost_the_others():
    first, second = read(json.dumps([{"status": "ACK"}, STOP]).encode())
    assert (type(first), type(second)) == (Unreadable, Callback)


def test_no_number_and_no_text_shows_in_a_repr():
    shown = repr(read(json.dumps([REPLY_V1, {"number": NUMBER}]).encode()))
    assert NUMBER not in shown
    assert "oui" not in shown


def test_a_ticket_that_no_call_of_ours_can_have_had_is_none():
    assert read(urlencode({**STOP, "message_id": "x" * 65}).encode())[0].ticket == ""
    assert read(urlencode({**STOP, "message_id": "a b\nc"}).encode())[0].ticket == ""


@given(
    st.binary(max_size=300)
    | st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists).map(
        lambda value: json.dumps(value).encode()
    )
    | st.dictionaries(st.sampled_from(sorted(RECEIPT_V1)), st.integers() | st.text() | st.none()).map(
        lambda value: json.dumps(value).encode()
    )
)
def test_whatever_comes_is_read_or_kept(body):
    found = read(body)
    assert found
    assert all(isinstance(each, Callback | Unreadable) for each in found)


# --- the operator's words

NOT_REACHED = """NOT_DELIVERED EXPIRED OUT_OF_DATE BAD_DESTINATION INVALID_DESTINATION_ADDRESS NOT_ALLOWED ANTI_FLOODING
    BLACKLISTED_NUMBER"""


@pytest.mark.parametrize(
    ("delivery", "those"),
    [
        (Delivery.UNDERWAY, "ACK TRANSMITTED PROCESSED ISP_SEND"),
        (Delivery.DELIVERED, "DELIVERED READ"),
        (Delivery.UNDELIVERED, NOT_REACHED),
        (Delivery.NOTHING, "UNKNOWN_DELIVERY UNDEFINED"),
    ],
)
def test_each_documented_word_has_its_meaning(delivery, those):
    assert {each.word for each in WORDS.values() if each.delivery is delivery} == set(those.split())


def test_a_word_that_nobody_knows_says_nothing():
    assert meaning("TELEPORTED").delivery is Delivery.NOTHING


def test_only_a_number_on_the_blacklist_has_opted_out():
    assert [each.word for each in WORDS.values() if each.opted_out] == ["BLACKLISTED_NUMBER"]
