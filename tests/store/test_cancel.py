"""cancel.lua: a message of which nothing has gone can be stopped."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from store_kit import ID, PAYLOAD, REQUEST, A, B, at, id_of, open_store, outcome, request, seconds, submitted, verdicts

from octoworker.errors import RefusedError, UnknownMessageError
from octoworker.sms.record import State
from octoworker.store import Done


def test_a_message_that_has_not_gone_can_be_cancelled(store):
    store.create(ID, "print", "normal", PAYLOAD)
    assert store.cancel(ID).state is State.CANCELLED
    assert isinstance(store.claim(REQUEST), Done)


@pytest.mark.parametrize("state", [State.ACCEPTED, State.REJECTED, State.UNKNOWN])
def test_a_message_that_is_over_or_doubtful_cannot_be_cancelled(store, state):
    lease = store.claim(REQUEST)
    store.settle(ID, lease.token, outcome(state))
    with pytest.raises(RefusedError, match=state):
        store.cancel(ID)


def test_there_is_nothing_to_cancel_under_an_unknown_id(store):
    with pytest.raises(UnknownMessageError):
        store.cancel("f" * 32)


def test_what_is_backlogged_can_be_cancelled_and_leaves_its_backlog(client):
    store = open_store(client, rate=1.0)
    verdicts(store, [request(1), request(2)])
    assert store.cancel(id_of(2)).state is State.CANCELLED
    assert client.zcard("ow:backlog:normal:transactional") == 0


def test_a_message_that_every_recipient_refused_for_now_can_be_cancelled(store, client):
    each = request(1)
    fields = {"pending": json.dumps([B]), "outcomes": json.dumps({B: {"state": "waiting"}})}
    submitted(store, each, state=State.WAITING, key="next", delay=seconds(99), fields=fields)
    assert store.cancel(each.message_id).state is State.CANCELLED


def test_a_message_that_one_recipient_has_cannot_be_cancelled(store):
    fields = {"pending": json.dumps([B]), "outcomes": json.dumps({A: {"state": "accepted"}, B: {"state": "waiting"}})}
    submitted(store, REQUEST, state=State.WAITING, key="next", delay=seconds(99), fields=fields)
    with pytest.raises(RefusedError):
        store.cancel(ID)


def test_what_was_held_and_is_cancelled_is_due_no_more(store, client):
    store.claim(replace(REQUEST, hold_until=at(4e9)))
    assert store.cancel(ID).due_at is None
    assert client.zcard("ow:due") == 0
