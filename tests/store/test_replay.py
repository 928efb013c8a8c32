"""replay.lua: what is over goes again under the next key, when an operator wants it."""

from __future__ import annotations

import json

import pytest
from store_kit import (
    ID,
    MAX_CRASHES,
    PAYLOAD,
    REQUEST,
    REQUEUE_AFTER,
    A,
    found,
    look,
    outcome,
    rewind,
    seconds,
    submitted,
    told,
)

from octoworker.errors import RefusedError
from octoworker.sms.record import State

EMPTY = {"normal": "sms"}
"""Queues in which no job stands."""


@pytest.mark.parametrize("state", [State.ACCEPTED, State.UNKNOWN])
def test_replaying_what_may_have_been_sent_needs_force(store, state):
    lease = store.claim(REQUEST)
    store.settle(ID, lease.token, outcome(state))
    with pytest.raises(RefusedError, match="ring twice"):
        store.replay(ID, force=False)
    assert store.replay(ID, force=True).state is State.QUEUED


def test_replaying_a_stopped_message_that_may_have_been_sent_needs_force(store, client):
    for _ in range(3):
        store.claim(REQUEST)
        rewind(client, 31)
    store.claim(REQUEST)
    with pytest.raises(RefusedError, match="ring twice"):
        store.replay(ID, force=False)


def test_a_replayed_message_takes_a_new_key_and_starts_its_age_again(store):
    lease = store.claim(REQUEST)
    store.settle(ID, lease.token, outcome(State.REJECTED, key="next"))
    store.replay(ID, force=False)
    again = store.claim(REQUEST)
    assert again.generation > lease.generation
    assert (again.key_used_before, again.attempts) == (False, 1)


def test_a_message_on_its_way_cannot_be_replayed(store):
    store.create(ID, "print", "normal", PAYLOAD)
    with pytest.raises(RefusedError, match="still on its way"):
        store.replay(ID, force=True)


def test_what_has_been_delivered_is_not_replayed_even_by_force(store):
    submitted(store, REQUEST, fields={"ticket": "api1", "outcomes": json.dumps({A: {"state": "accepted"}})})
    told(store, A)
    with pytest.raises(RefusedError):
        store.replay(ID, force=True)
    assert store.get(ID).state is State.DELIVERED


@pytest.mark.parametrize("where", ["in its call", "before it is asked for again"])
def test_what_a_machine_still_works_at_is_not_replayed_even_by_force(store, where):
    lease = store.claim(REQUEST)
    if where == "before it is asked for again":
        store.settle(ID, lease.token, outcome(State.UNKNOWN, delay=seconds(5)))
    with pytest.raises(RefusedError, match="still on its way"):
        store.replay(ID, force=True)


def test_the_job_of_a_replayed_message_is_looked_for_when_it_has_had_its_time(store, client):
    submitted(store, REQUEST, state=State.REJECTED, key="next")
    store.replay(ID, force=False)
    assert found(store, queues=EMPTY) == []
    rewind(client, REQUEUE_AFTER + 1)
    assert found(store, queues=EMPTY) == ["job"]


def test_jobs_that_vanished_before_a_replay_do_not_count_after_it(store, client):
    store.create(ID, "print", "normal", PAYLOAD)
    states = []
    for _ in range(MAX_CRASHES + MAX_CRASHES - 1):
        if states[-1:] == [State.DEAD]:
            store.replay(ID, force=False)
        rewind(client, 3600)
        look(store, queues=EMPTY)
        states.append(store.get(ID).state)
    assert states == [State.QUEUED, State.QUEUED, State.DEAD, State.QUEUED, State.QUEUED]
