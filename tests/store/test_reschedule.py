"""reschedule.lua: what is held here can be moved."""

from __future__ import annotations

from dataclasses import replace

import pytest
from store_kit import ID, REQUEST, at, found, outcome, rewind, seconds, seconds_of, submitted

from octoworker.errors import RefusedError
from octoworker.sms.record import State
from octoworker.store import Lease, Wait


def test_a_held_message_can_be_moved(store):
    store.claim(replace(REQUEST, hold_until=at(4e9)))
    record = store.reschedule(ID, at(3.9e9), '{"send_at": 3.9e9}', max_ahead=seconds(1e10))
    assert (record.state, record.due_at.timestamp()) == (State.SCHEDULED, 3.9e9)


def test_an_old_job_of_a_moved_message_does_not_move_it_back(store, client):
    old = replace(REQUEST, hold_until=at(4e9))
    store.claim(old)
    soon = int(client.time()[0]) + 60
    store.reschedule(ID, at(soon), "{}", max_ahead=seconds(1e10))
    assert store.claim(old).record.due_at.timestamp() == soon
    rewind(client, 61)
    assert isinstance(store.claim(old), Lease)


def test_a_time_that_has_just_passed_is_now(store, client):
    store.claim(replace(REQUEST, hold_until=at(4e9)))
    now = int(client.time()[0])
    assert store.reschedule(ID, at(now - 59), "{}", max_ahead=seconds(1e10)).due_at.timestamp() == pytest.approx(
        now, abs=1
    )
    with pytest.raises(RefusedError, match="passed"):
        store.reschedule(ID, at(now - 61), "{}", max_ahead=seconds(1e10))


@pytest.mark.parametrize(("due", "why"), [(1.0, "passed"), (9e9, "further ahead")])
def test_a_message_is_moved_to_a_possible_time_only(store, due, why):
    store.claim(replace(REQUEST, hold_until=at(4e9)))
    with pytest.raises(RefusedError, match=why):
        store.reschedule(ID, at(due), "{}", max_ahead=seconds(7e9))


def test_what_was_handed_over_cannot_be_moved(store):
    lease = store.claim(REQUEST)
    store.settle(ID, lease.token, outcome(State.ACCEPTED))
    with pytest.raises(RefusedError, match="handed over"):
        store.reschedule(ID, at(4e9), "{}", max_ahead=seconds(1e10))


def just_due_and_moved(store, client):
    """To an instant ten minutes ahead, while its job was in the queue already."""
    store.claim(replace(REQUEST, hold_until=at(seconds_of(client) + 5)))
    rewind(client, 6)
    assert found(store) == ["due"]
    return store.reschedule(ID, at(seconds_of(client) + 600), "{}", max_ahead=seconds(1e10))


def test_what_is_just_becoming_due_can_still_be_moved_and_goes_at_its_new_time(store, client):
    assert just_due_and_moved(store, client).state is State.SCHEDULED
    rewind(client, 601)
    assert found(store) == ["due"]


def test_the_job_that_was_published_before_sends_nothing_early(store, client):
    just_due_and_moved(store, client)
    assert isinstance(store.claim(REQUEST), Wait)


def test_what_was_never_held_here_is_not_moved(store):
    store.create(ID, "print", "normal", "{}")
    with pytest.raises(RefusedError):
        store.reschedule(ID, at(4e9), "{}", max_ahead=seconds(1e10))


def test_what_was_held_and_has_been_tried_is_not_moved(store, client):
    held = replace(REQUEST, hold_until=at(seconds_of(client) + 5))
    store.claim(held)
    rewind(client, 6)
    submitted(store, held, state=State.WAITING, key="next", delay=seconds(5))
    rewind(client, 6)
    assert found(store) == ["due"]
    with pytest.raises(RefusedError):
        store.reschedule(ID, at(4e9), "{}", max_ahead=seconds(1e10))
