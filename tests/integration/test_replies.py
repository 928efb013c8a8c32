"""A recipient answers on a handset, and the answer stands with the message that it answers."""

from __future__ import annotations

import json

import pytest
from harness import EITHER_API, NUMBER, until
from store_kit import give_ticket, id_of, open_store, request, submitted
from test_receiver import TOKEN, serving

from octoworker.sending.inbound import Inbound
from octoworker.sms.record import State
from octoworker.store.inbox import Arrival

ACCEPTED = {"ticket": "api1", "outcomes": json.dumps({NUMBER: {"state": "accepted"}})}

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


@pytest.mark.parametrize(
    "odd",
    [
        r'{"kind": "reply", "number": "+33612345678", "ticket": "api1", "text": "\ud800"}',
        '{"kind": "reply", "number": "+33612345678", "ticket": "odd", "text": "oui"}',
        '{"kind": "receipt", "number": "+33612345678", "ticket": "odd", "word": "DELIVERED"}',
        '{"kind": "reply", "number": 33612345678, "text": "oui"}',
        '{"kind": "letter", "number": "+33612345678", "text": "oui"}',
        "[" * 100_000,
    ],
    ids=["half of a pair", "a reply to an odd record", "a receipt to an odd record", "a number", "a kind", "brackets"],
)
def test_what_no_script_can_apply_is_set_aside_and_keeps_nothing_back_that_came_behind_it(redis_client, odd):
    store = open_store(redis_client)
    redis_client.set("ow:message:" + id_of(2), "a record that is none")
    give_ticket(redis_client, "odd", id_of(2))
    submitted(store, request(1, payload=json.dumps({"recipients": NUMBER})), fields=ACCEPTED)
    behind = {"kind": "reply", "number": NUMBER, "ticket": "api1", "text": "oui"}
    store.inbox.put([Arrival(odd, "e1", "reply"), Arrival(json.dumps(behind), "e2", "reply")])
    Inbound(store, "FR").process(store.inbox.take("one", 0))
    assert [each.text for each in store.get(id_of(1)).replies] == ["oui"]
    ((_, kept),) = redis_client.xrange("ow:unreadable")
    assert (kept["reason"], redis_client.xlen("ow:inbox")) == ("it could not be processed", 0)
