"""A message that ended long ago is shortened to a tombstone: what must never be forgotten stays, what a person reads goes."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from store_kit import (
    ID,
    PAYLOAD,
    REQUEST,
    A,
    owner_of,
    record_of,
    seconds,
    submitted,
    told,
)

from octoworker.errors import OctoworkerError
from octoworker.sms import terms
from octoworker.sms.record import State
from octoworker.store import Done, keys

KEY = "k" * 32
DETAIL_FOR = seconds(300)
FIELDS = {"ticket": "api1", "cost": "0.055", "outcomes": json.dumps({A: {"state": "accepted"}})}


@pytest.fixture
def ended(store, client):
    """A message that was accepted, and has not moved since for longer than details are kept."""
    store.create(ID, "print", "normal", PAYLOAD)
    submitted(store, REQUEST, fields=FIELDS)
    return ID


def later(client, span):
    for state in ("accepted", "delivered", "dead"):
        for message_id, score in client.zrange(f"ow:state:{state}", 0, -1, withscores=True):
            client.zadd(f"ow:state:{state}", {message_id: score - span * 1000})


def shortened(store, client, span=301):
    later(client, span)
    store.tombstones.shorten(DETAIL_FOR)
    return store.get(ID)


def test_state_ticket_and_cost_stay_and_the_story_says_that_it_was_shortened(store, client, ended):
    record = shortened(store, client)
    assert (record.state, record.ticket, record.cost) == (State.ACCEPTED, "api1", "0.055")
    assert record.as_json()["shortened_at"]
    assert record.history == ()


def test_number_and_text_are_gone(store, client, ended):
    shortened(store, client)
    assert not any(A in value or "secret words" in value for value in client.hgetall(record_of(int(ID, 16))).values())
    assert owner_of(client, "api1") is None


def test_no_search_looks_at_what_has_neither_number_nor_reference_any_more(store, client):
    payload = json.dumps({"recipients": "06 12 34 56 78", "text": "secret words", "reference": "order 4711"})
    found_by = terms.of_message([A], "order 4711", [KEY])
    submitted(store, replace(REQUEST, payload=payload, found_by=found_by), fields=FIELDS)
    assert client.keys(f"{keys.FOUND_PREFIX}*")
    later(client, 301)
    store.tombstones.shorten(DETAIL_FOR, [KEY])
    assert not client.keys(f"{keys.FOUND_PREFIX}*")


def test_a_repeat_is_still_the_same_message_and_other_content_a_conflict(store, client, ended):
    shortened(store, client)
    assert store.create(ID, "print", "normal", PAYLOAD) == "same"
    assert store.create(ID, "other", "normal", PAYLOAD) == "conflict"


def test_a_late_job_of_it_sends_nothing(store, client, ended):
    shortened(store, client)
    assert isinstance(store.claim(REQUEST), Done)


def test_it_cannot_be_replayed(store, client, ended):
    shortened(store, client)
    with pytest.raises(OctoworkerError):
        store.replay(ID, force=True)
    assert store.get(ID).state is State.ACCEPTED


def test_it_lives_as_long_as_it_would_have(store, client, ended):
    before = client.pttl(f"ow:message:{ID}")
    shortened(store, client)
    assert 0 < client.pttl(f"ow:message:{ID}") <= before


def test_it_is_left_alone_until_its_time_has_come(store, client, ended):
    assert shortened(store, client, span=200).history
    assert not shortened(store, client, span=200).history


@pytest.mark.parametrize(
    "facts", [{"confirmed": "0"}, {"parent": "b" * 32}, {"recall": "requested"}, {"deliver_at": "9999999999999"}]
)
def test_one_of_which_more_may_be_asked_or_said_is_left_as_it_is(store, client, ended, facts):
    client.hset(f"ow:message:{ID}", mapping=facts)
    shortened(store, client)
    assert client.hexists(f"ow:message:{ID}", "payload")


def test_a_receipt_that_comes_after_that_moves_nothing(store, client, ended):
    shortened(store, client)
    told(store, A)
    assert store.get(ID).state is State.ACCEPTED


def test_a_crowd_is_shortened_in_slices_and_each_is_looked_at_once(store, client):
    for n in range(250):
        client.hset(record_of(n), mapping={"state": "accepted", "fingerprint": "print", "payload": PAYLOAD})
        client.pexpire(record_of(n), 1_000_000)
        client.zadd("ow:state:accepted", {f"{n:032x}": 1_000_000 + n // 30})
    while store.tombstones.shorten(DETAIL_FOR):
        pass
    assert not any(client.hexists(record_of(n), "payload") for n in range(250))


def test_what_is_taken_anew_under_its_key_goes_on_with_the_keys_that_it_has_had(store, client):
    store.create(ID, "print", "normal", PAYLOAD)
    store.cancel(ID)
    client.hset(f"ow:message:{ID}", mapping={"key_generation": 2, "in_doubt_since": 5})
    [(message_id, score)] = client.zrange("ow:state:cancelled", 0, -1, withscores=True)
    client.zadd("ow:state:cancelled", {message_id: score - 301_000})
    store.tombstones.shorten(DETAIL_FOR)
    assert client.hmget(f"ow:message:{ID}", "key_generation", "in_doubt_since", "payload") == ["2", "5", None]


def test_of_one_that_ended_unsent_for_some_alone_it_is_not_forgotten_who_has_it(store, client):
    store.create(ID, "print", "normal", PAYLOAD)
    store.cancel(ID)
    client.hset(f"ow:message:{ID}", "outcomes", json.dumps({A: {"state": "accepted"}}))
    [(message_id, score)] = client.zrange("ow:state:cancelled", 0, -1, withscores=True)
    client.zadd("ow:state:cancelled", {message_id: score - 301_000})
    store.tombstones.shorten(DETAIL_FOR)
    assert client.hexists(f"ow:message:{ID}", "outcomes")
