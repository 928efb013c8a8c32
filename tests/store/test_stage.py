"""stage.lua: what is due goes to its queue."""

from __future__ import annotations

from dataclasses import replace

import pytest
from store_kit import ID, REQUEST, REQUEUE_AFTER, at, found, look, outcome, request, rewind, seconds, submitted, woken

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


@pytest.mark.parametrize(("before", "after"), [(State.WAITING, State.QUEUED), (State.UNKNOWN, State.UNKNOWN)])
def test_what_is_to_be_tried_again_is_queued_and_what_may_have_been_sent_stays_in_doubt(store, client, before, after):
    submitted(store, REQUEST, state=before, delay=seconds(5))
    rewind(client, 6)
    assert found(store) == ["due"]
    assert store.get(ID).state is after


def test_the_job_of_what_was_due_is_looked_for_when_it_has_had_its_time(store, client):
    store.claim(replace(REQUEST, hold_until=at(4e9)))
    rewind(client, 4e9)
    assert found(store) == ["due"]
    rewind(client, REQUEUE_AFTER + 1)
    assert found(store, queues={"normal": "sms"}) == ["job"]


def test_all_that_are_due_go_in_one_look(store, client):
    for n in (1, 2, 3):
        store.claim(request(n, hold_until=at(4e9)))
    rewind(client, 4e9)
    assert sorted(woken(store)) == [1, 2, 3]
