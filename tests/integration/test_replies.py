"""A recipient answers on a handset, and the answer stands with the message that it answers."""

from __future__ import annotations

import json

import pytest
from harness import EITHER_API, NUMBER, until
from test_receiver import TOKEN, serving

from octoworker.sms.record import State

ANSWER = "MARKERREPLY oui, je viens"


@pytest.fixture
def calling(house):
    """The sandbox calls a receiver."""
    with serving({"OCTOWORKER_INBOUND_TOKEN": TOKEN, "REDIS_URL": house.redis_url}) as address:
        house.sandbox.settings(callback_url=address, receipt_delay=0)
        yield house


@EITHER_API
def test_an_answer_stands_with_its_message_and_is_shown_to_those_who_may_see_it(calling):
    house = calling
    worker = house.worker()
    message_id = house.enqueue(with_replies=True)
    house.ended(message_id, State.DELIVERED)
    house.sandbox.type(NUMBER, ANSWER)
    (reply,) = until(lambda: house.record(message_id).replies)
    assert (reply.number, reply.text) == (NUMBER, ANSWER)
    shown = json.loads(house.command("status", message_id, "--json").stdout)
    assert [(each["number"], each["text"]) for each in shown["replies"]] == [(NUMBER, ANSWER)]
    story = house.command("status", message_id).stdout
    assert "replied" in story
    assert ANSWER not in story
    assert ANSWER in house.command("status", message_id, "--reveal").stdout
    assert "MARKERREPLY" not in worker.log()


def test_an_answer_to_a_message_that_cannot_be_answered_is_left_to_an_operator(calling):
    house = calling
    house.worker()
    house.ended(house.enqueue(), State.DELIVERED)
    house.sandbox.type(NUMBER, ANSWER)
    ((_, kept),) = until(lambda: house.redis.xrange("ow:unreadable"))
    assert (kept["reason"], ANSWER in kept["content"]) == ("a reply to no message of ours", True)
