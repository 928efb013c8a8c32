"""Octopush says that it had the key of a message whose answer was lost: what that proves, and what an operator does."""

from __future__ import annotations

import json

import pytest
from harness import TEXT, until

from octoworker.sms.record import State

REVIEW = {"OCTOWORKER_UNCONFIRMED": "review"}


def answer_lost(house):
    """The first call is taken, and its answer is lost."""
    house.sandbox.fault("reset_after")
    house.worker()
    return house.enqueue()


def key_burnt(house, *, credit_first):
    """The first call is refused, which uses its key up, and that answer is lost."""
    house.sandbox.settings(consume_on_refusal=True, credit_first=credit_first, credit="0")
    return answer_lost(house)


def listed(house):
    return [each["message_id"] for each in json.loads(house.command("list", "--unconfirmed", "--json").stdout)]


def test_a_message_that_octopush_had_is_accepted_unconfirmed(house):
    message_id = answer_lost(house)
    record = house.ended(message_id)
    assert (record.state, record.confirmed, record.ticket) == (State.ACCEPTED, False, None)
    assert house.texts() == [TEXT]
    assert listed(house) == [message_id]
    assert json.loads(house.command("stats", "--json").stdout)["unconfirmed"] == 1
    assert '"confirmed": false' in house.logs()
    assert "confirmed  no" in house.command("status", message_id).stdout


def test_a_burnt_key_that_octopush_looks_at_first_is_unconfirmed_and_rings_when_an_operator_replays_it(house):
    message_id = key_burnt(house, credit_first=False)
    assert house.ended(message_id).confirmed is False
    assert house.texts() == []
    house.command("decide", message_id, "dead")
    assert listed(house) == []
    house.sandbox.settings(credit="100")
    house.command("replay", message_id, "--force")
    assert house.ended(message_id, State.ACCEPTED).confirmed is True
    assert house.texts() == [TEXT]


def test_a_burnt_key_behind_the_credit_is_left_to_an_operator(house):
    message_id = key_burnt(house, credit_first=True)
    until(lambda: "104" in str(house.record(message_id).history))
    house.sandbox.settings(credit="100")
    record = house.ended(message_id, State.UNKNOWN)
    until(lambda: house.record(message_id).due_at is None)
    assert record.confirmed is None
    assert house.texts() == []


@pytest.mark.parametrize("house", [REVIEW], indirect=True)
def test_a_setting_leaves_them_to_an_operator(house):
    message_id = answer_lost(house)
    until(lambda: "operator decides" in house.record(message_id).reason)
    record = house.record(message_id)
    assert (record.state, record.due_at) == (State.UNKNOWN, None)
    house.command("decide", message_id, "sent")
    assert house.record(message_id).confirmed is True
    assert house.texts() == [TEXT]


def test_one_that_was_seen_to_be_accepted_is_confirmed(house):
    house.worker()
    message_id = house.enqueue()
    assert house.ended(message_id).confirmed is True
    assert listed(house) == []
