"""What was accepted only as far as it can be known: Octopush says that it had the key, and nobody saw its answer."""

from __future__ import annotations

import json

import pytest
from store_kit import DAY, ID, REQUEST, A, B, open_store, outcome, rewind, states

from octoworker.sms.record import State

HAD = {"confirmed": "0"}
FIRST_ANSWER = {"ticket": "api7", "outcomes": json.dumps({A: {"state": "accepted"}, B: {"state": "rejected"}})}


def all_of(*numbers, **more):
    return {"outcomes": json.dumps({number: {"state": "accepted", **more} for number in numbers})}


def had_it(store, client):
    """A worker lost its lease while its call was on the way; the next one is told that Octopush had the key."""
    first = store.claim(REQUEST)
    rewind(client, 31)
    second = store.claim(REQUEST)
    found = store.settle(ID, second.token, outcome(State.ACCEPTED, fields={**HAD, **all_of(A, B, confirmed=False)}))
    return first, found.record


def unconfirmed(store):
    return [each.message_id for each in store.unconfirmed(10)]


def test_an_acceptance_that_nobody_saw_is_told_apart_and_listed(store, client):
    _, record = had_it(store, client)
    assert (record.state, record.confirmed, record.ticket) == (State.ACCEPTED, False, None)
    assert unconfirmed(store) == [ID]
    assert store.board({}).unconfirmed == 1


def test_one_that_was_seen_is_confirmed_and_not_listed(store):
    lease = store.claim(REQUEST)
    record = store.settle(ID, lease.token, outcome(State.ACCEPTED, fields={"ticket": "api7"})).record
    assert record.confirmed is True
    assert unconfirmed(store) == []


def test_of_a_message_that_was_not_accepted_there_is_nothing_to_confirm(store):
    store.claim(REQUEST)
    assert store.get(ID).confirmed is None


def test_an_answer_that_comes_late_confirms_and_says_what_became_of_each(store, client):
    first, _ = had_it(store, client)
    record = store.settle(ID, first.token, outcome(State.ACCEPTED, fields=FIRST_ANSWER)).record
    assert (record.confirmed, record.ticket) == (True, "api7")
    assert record.recipients[B]["state"] == "rejected"
    assert states(record)[-2:] == [State.ACCEPTED, State.ACCEPTED]
    assert unconfirmed(store) == []


def test_an_answer_that_comes_before_it_says_more_than_a_key_that_is_known(store, client):
    first = store.claim(REQUEST)
    rewind(client, 31)
    second = store.claim(REQUEST)
    store.settle(ID, first.token, outcome(State.ACCEPTED, fields=FIRST_ANSWER))
    store.settle(ID, second.token, outcome(State.ACCEPTED, fields={**HAD, **all_of(A, B, confirmed=False)}))
    record = store.get(ID)
    assert (record.confirmed, record.ticket) == (True, "api7")
    assert record.recipients[B]["state"] == "rejected"
    assert unconfirmed(store) == []
    assert client.hget(f"ow:day:{DAY}", "segments") == "1"


def test_an_answer_to_another_key_confirms_nothing(store, client):
    first, _ = had_it(store, client)
    store.settle(ID, first.token, outcome(State.ACCEPTED, generation=1, fields=FIRST_ANSWER))
    assert unconfirmed(store) == [ID]


def test_a_known_key_that_is_told_late_confirms_nothing(store, client):
    first, _ = had_it(store, client)
    store.settle(ID, first.token, outcome(State.ACCEPTED, fields=HAD))
    assert store.get(ID).confirmed is False
    assert unconfirmed(store) == [ID]


@pytest.mark.parametrize(("sent", "ends"), [(True, State.ACCEPTED), (False, State.DEAD)])
def test_an_operator_who_looked_at_octopush_decides(store, client, sent, ends):
    had_it(store, client)
    record = store.decide(ID, sent=sent)
    assert (record.state, record.confirmed) == (ends, True if sent else None)
    assert {each["state"] for each in record.recipients.values()} == {ends}
    assert unconfirmed(store) == []


def test_a_replayed_one_begins_anew(store, client):
    had_it(store, client)
    store.replay(ID, force=True)
    assert unconfirmed(store) == []
    lease = store.claim(REQUEST)
    record = store.settle(ID, lease.token, outcome(State.ACCEPTED, generation=1, fields={"ticket": "api8"})).record
    assert record.confirmed is True


def test_it_is_listed_no_longer_than_it_is_kept(client):
    store = open_store(client, keep_for=0)
    lease = store.claim(REQUEST)
    store.settle(ID, lease.token, outcome(State.ACCEPTED, fields=HAD))
    store.prune()
    assert client.zcard("ow:state:unconfirmed") == 0
