"""The record outside Redis."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
import time_machine

from octoworker.sms.record import FINAL, MOVES, Record, State, mask

FIELDS = {
    "state": "accepted",
    "payload": json.dumps({"recipients": "+33612345678", "text": "secret words", "reference": "order 17"}),
    "ticket": "api1100",
    "error_code": "000",
    "cost": "0.110",
    "balance": "6.93",
    "currency": "EUR",
    "sending_date": "1455975613",
    "segments": "1",
    "attempts": "1",
    "outcomes": json.dumps(
        {"+33612345678": {"state": "accepted", "country": "FR", "cost": "0.055", "segments": 1, "error_code": None}}
    ),
    "history": "1795395584743|queued|\n1795395584843|submitting|\n1795395584943|accepted|as|it|was\n",
}


def test_the_record_has_the_shape_of_the_contract():
    shown = Record.from_hash("a" * 32, FIELDS).as_json()
    assert shown["reference"] == "order 17"
    assert shown["recipients"]["+33612345678"]["cost"] == "0.055"
    assert shown["history"][-1] == {"at": "2026-11-23T00:59:44.943Z", "state": "accepted", "reason": "as|it|was"}
    assert (shown["cost"], shown["sending_date"], shown["due_at"]) == ("0.110", 1455975613, None)


def test_a_masked_record_shows_no_number_and_no_text():
    masked = json.dumps(Record.from_hash("a" * 32, FIELDS).masked())
    assert "33612345678" not in masked
    assert "secret" not in masked


def test_a_record_does_not_show_its_numbers_when_printed():
    assert "612345678" not in repr(Record.from_hash("a" * 32, FIELDS))


@pytest.mark.parametrize("number", ["+33612345678", "+3361234567", "12", ""])
def test_a_mask_hides_the_middle(number):
    assert number[4:-2] == "" or number[4:-2] not in mask(number)


@pytest.mark.parametrize("number", ["0612345678", "06 12 34 56 78", "33612345678"])
def test_a_number_as_people_write_it_shows_no_more_than_an_international_one(number):
    assert mask(number).startswith(f"{number[:2]}…")
    assert mask("+33612345678") == "+336…78"


@pytest.mark.parametrize(("later", "shown"), [(0, False), (30, False), (3600, True), (10**15, False)])
def test_a_message_that_octopush_holds_says_when_it_goes_out(later, shown):
    taken = 1795395584
    fields = {"state": "accepted", "history": f"{taken}000|accepted|\n", "sending_date": str(taken + later)}
    assert (Record.from_hash("a" * 32, fields).goes_out_at is not None) == shown
    assert Record.from_hash("a" * 32, {**fields, "history": f"{taken}000|submitting|\n"}).goes_out_at is None


def test_a_damaged_record_is_still_readable():
    damaged = {"state": "queued", "payload": "{", "outcomes": "[]", "attempts": "many", "history": "x|y\n|||\n"}
    assert Record.from_hash("a" * 32, damaged).state is State.QUEUED


@pytest.mark.parametrize("at", ["-1", "253402300800000", "9" * 30, "1e400", "nan", "x"])
@pytest.mark.parametrize("field", ["created", "due", "recall_to", "deliver_at", "forgotten"])
def test_an_instant_that_no_calendar_has_is_left_out(field, at):
    found = Record.from_hash(
        "a" * 32, {"state": "accepted", field: at, "history": f"{at}|accepted|\n", "recall": "refused"}
    )
    assert "10000" not in json.dumps(found.as_json())
    assert found.history == ()


def test_every_state_has_its_moves():
    assert set(MOVES) == set(State)


def test_no_machine_leaves_a_final_state_but_by_a_stronger_fact_or_a_person():
    stronger = {State.QUEUED, State.ACCEPTED, State.DELIVERED, State.UNDELIVERED}
    # An operator who looked at Octopush may give up what was accepted and never confirmed. What Octopush held and cancelled,
    # because somebody asked for it, is gone, or goes out at another time.
    given_up = {State.ACCEPTED: {State.DEAD, State.CANCELLED, State.WAITING}}
    assert all(MOVES[state] <= stronger | given_up.get(state, set()) for state in FINAL)


# --- receipts that will not come

TAKEN = f"{round(datetime(2026, 11, 20, tzinfo=UTC).timestamp() * 1000)}|accepted|\n"


def accepted_then(now, sms_type="FR", **fields):
    payload = json.dumps({"recipients": "+33612345678", "text": "hi", "sms_type": sms_type})
    with time_machine.travel(now, tick=False):
        return Record.from_hash(
            "a" * 32, {"state": "accepted", "history": TAKEN, "payload": payload, **fields}
        ).no_receipt


def test_what_has_no_receipt_after_two_days_says_that_none_will_come():
    assert accepted_then(datetime(2026, 11, 21, 23, tzinfo=UTC)) == ""
    assert "none will" in accepted_then(datetime(2026, 11, 22, 1, tzinfo=UTC))


def test_low_cost_says_at_once_that_it_gets_none():
    assert "low cost" in accepted_then(datetime(2026, 11, 20, 1, tzinfo=UTC), "XXX")


def test_what_has_a_word_waits_for_no_other_sentence():
    receipts = json.dumps({"+33612345678": {"state": "underway", "word": "ACK", "at": ""}})
    assert accepted_then(datetime(2026, 11, 22, 1, tzinfo=UTC), receipts=receipts) == ""


@pytest.mark.parametrize("field", ["outcomes", "receipts", "parts"])
@pytest.mark.parametrize("odd", ['{"x": null}', '{"x": "0"}', '{"x": [1]}', "[]", "x"])
def test_an_odd_entry_is_left_out_and_the_record_stays_readable(field, odd):
    assert Record.from_hash("a" * 32, {"state": "accepted", field: odd}).as_json()["recipients"] == {}
