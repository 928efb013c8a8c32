"""What v1 is asked, name by name: it ignores what it does not know and repairs what does not fit, and sends all the same."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime

import pytest

from octoworker.gateway import Account, Parameters, Submit
from octoworker.gateway.v1 import body, parameters
from octoworker.sandbox.v1 import parameters as account_parameters
from octoworker.sandbox.v1 import reading

A, B = "+33612345678", "+33698765432"
ACCOUNT = Account("http://127.0.0.1:1/v1/public", "me@example.com", "key", "json", 1, 1, 1, simulate=False)
PLAIN = Submit("k1a", (A,), "Bonjour", "FR", "Octo", transactional=True, send_at=None)
FIELDS = {
    "recipients": [{"phone_number": A}],
    "text": "Bonjour",
    "type": "sms_premium",
    "purpose": "alert",
    "sender": "Octo",
    "request_id": "k1a",
}
AT = "2026-11-27T10:00:00+01:00"


def asked(order=PLAIN, account=ACCOUNT):
    return json.loads(body.submit(account, order))


CASES = {
    "an ordinary one": ({}, FIELDS),
    "to two": ({"recipients": (A, B)}, FIELDS | {"recipients": [{"phone_number": A}, {"phone_number": B}]}),
    "marketing": ({"transactional": False}, FIELDS | {"purpose": "wholesale"}),
    "that can be answered": ({"with_replies": True}, FIELDS | {"with_replies": True}),
    "of the world-wide type": ({"sms_type": "WWW"}, FIELDS),
    "low cost, which shows no sender": (
        {"sms_type": "XXX"},
        {name: it for name, it in FIELDS.items() if name != "sender"} | {"type": "sms_low_cost"},
    ),
    "for later": ({"send_at": datetime.fromisoformat(AT)}, FIELDS | {"send_at": AT}),
    "with the mention of the older API": (
        {"text": "Soldes STOP au XXXXX"},
        FIELDS | {"text": "Soldes STOP au 30101"},
    ),
    "with its own mention": ({"text": "Soldes STOP au 30101"}, FIELDS | {"text": "Soldes STOP au 30101"}),
    "with a mention that is part of a word": ({"text": "nonSTOP au XXXXX"}, FIELDS | {"text": "nonSTOP au XXXXX"}),
    "in other letters": ({"text": "Γειά σου \N{PARTY POPPER}"}, FIELDS | {"text": "Γειά σου \N{PARTY POPPER}"}),
}


@pytest.mark.parametrize(("order", "fields"), CASES.values(), ids=CASES)
def test_these_fields_and_no_others_are_sent_for_a_message(order, fields):
    assert asked(replace(PLAIN, **order)) == fields


def test_every_name_is_one_that_v1_knows():
    """By the sandbox's own list, which was written from the documents, and not from our code."""
    sent = {name for _, fields in CASES.values() for name in fields} | {"simulation_mode"}
    assert sent <= reading.FIELDS
    set_up = json.loads(parameters.written(Parameters(dict.fromkeys(parameters.NAMES, "https://x.example"), "json")))
    assert set(set_up) - {"callbacks", "payload_type"} == set(set_up["callbacks"]) <= set(account_parameters.ALL_NAMES)


def test_a_cancel_names_its_ticket_and_nothing_else():
    assert json.loads(body.cancel("sms_1")) == {"ticket_number": "sms_1"}


def test_a_simulation_is_asked_for_by_a_boolean():
    found = asked(account=replace(ACCOUNT, simulate=True))
    assert found.pop("simulation_mode") is True
    assert found == FIELDS


@pytest.mark.parametrize(
    "at", ["2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00", "2027-03-28T01:59:00.5+01:00"]
)
def test_an_instant_carries_its_offset(at):
    wanted = datetime.fromisoformat(at).replace(microsecond=0)
    found = datetime.fromisoformat(asked(replace(PLAIN, send_at=datetime.fromisoformat(at)))["send_at"])
    assert (found, found.utcoffset()) == (wanted, wanted.utcoffset())


def test_half_a_character_cannot_be_written():
    with pytest.raises(UnicodeEncodeError):
        body.submit(ACCOUNT, replace(PLAIN, text="half a character: \ud83d"))
