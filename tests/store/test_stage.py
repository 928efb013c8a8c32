"""stage.lua: what is due goes to its queue."""

from __future__ import annotations

from dataclasses import replace

from store_kit import ID, REQUEST, at, found, look, outcome, rewind, seconds

from octoworker.sms.record import State
from octoworker.store import Lease


def test_a_due_message_is_taken_by_one_scheduler_only(store, client):
    lease = store.claim(REQUEST)
    store.settle(ID, lease.token, outcome(State.WAITING, key="next", delay=seconds(5)))
    rewind(client, 6)
    wakeups = look(store).wakeups
    assert [(wakeup.message_id, wakeup.found) for wakeup in wakeups] == [(ID, "due")]
    assert look(store).wakeups == []


def test_a_held_message_waits_until_it_is_due_and_then_goes(store, client):
    held = replace(REQUEST, hold_until=at(4e9))
    assert store.claim(held).record.state is State.SCHEDULED
    rewind(client, 4e9)
    assert found(store) == ["due"]
    assert isinstance(store.claim(held), Lease)
