"""replay.lua: what is over goes again under the next key, when an operator wants it."""

from __future__ import annotations

import pytest
from store_kit import ID, PAYLOAD, REQUEST, outcome, rewind

from octoworker.errors import RefusedError
from octoworker.sms.record import State


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
