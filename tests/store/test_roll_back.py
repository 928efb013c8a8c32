"""A Redis that went back to an older state: what may have been sent since is left to an operator, and nothing else is."""

from __future__ import annotations

import pytest
from store_kit import ID, PAYLOAD, REQUEST, id_of, open_store, outcome, request, seconds, settle

from octoworker.sms.record import State
from octoworker.store import Lease
from octoworker.store.epoch import RolledBackError


def take(store, n):
    store.create(id_of(n), "print", "normal", "{}")
    return request(n)


def refused_and_sent_again(store, each):
    """Its first key was refused, and the next one accepted: the count of second keys goes up."""
    settle(store, store.claim(each), each, state=State.WAITING, key="next", delay=seconds(0))
    lease = store.claim(each)
    assert lease.generation == 1
    settle(store, lease, each, generation=1)


@pytest.fixture
def restored(client, store, still):
    """Back as it was before message 1 was refused and sent again; 2 was queued by then, and 3 held for a day."""
    first, _ = take(store, 1), take(store, 2)
    store.create(id_of(3), "print", "normal", "{}")
    store.claim(request(3, hold_until=store.clock.now() + seconds(86400)))
    before = {key: client.dump(key) for key in client.keys("*")}
    refused_and_sent_again(store, first)
    client.flushall()
    for key, value in before.items():
        client.restore(key, 0, value)
    still.shift(1)
    return store


def test_nothing_is_sent_and_what_may_have_been_is_left_to_an_operator(restored):
    with pytest.raises(RolledBackError, match="octoworker list --rolled-back"):
        restored.claim(request(1))
    for n in (1, 2):
        record = restored.get(id_of(n))
        assert record.state == State.UNKNOWN
        assert record.reason.startswith("Redis went back to an older state")
    assert [record.message_id for record in restored.rolled_back(9)] == [id_of(1), id_of(2)]
    assert restored.epoch.last().to_review == 2
    assert not restored.epoch.last().under_way


def test_what_is_held_for_later_has_not_moved(restored):
    restored.go_back()
    assert restored.get(id_of(3)).state == State.SCHEDULED


def test_afterwards_what_is_taken_is_sent(restored, still):
    restored.go_back()
    still.shift(1)
    assert isinstance(restored.claim(take(restored, 4)), Lease)


def test_claims_of_a_bulk_job_are_no_leases_either(restored):
    assert [type(each) for each in restored.claim_many([request(1), request(2)])] == [RolledBackError] * 2
    assert restored.get(id_of(2)).state == State.UNKNOWN


def test_no_other_worker_gets_a_lease_while_it_is_under_way(client, restored):
    client.hset("ow:epoch", "reviewing_until", 1)
    with pytest.raises(RolledBackError):
        open_store(client).claim(request(2))


def test_a_worker_that_has_seen_nothing_learns_it_from_what_it_looks_at(client, store):
    other = open_store(client)
    refused_and_sent_again(store, take(store, 1))
    assert other.epoch.look()
    client.flushall()
    assert not other.epoch.look()


def test_an_operator_may_say_so_and_count_first(restored):
    counted = sum(some for some, _ in restored.epoch.roll_back(force=True, count_only=True))
    assert counted == 2
    assert restored.get(id_of(2)).state == State.QUEUED
    assert restored.go_back(force=True) == 2


@pytest.mark.parametrize(
    "act", [lambda store: store.decide(id_of(1), sent=False), lambda store: store.replay(id_of(1), force=True)]
)
def test_what_an_operator_has_looked_at_is_on_the_list_no_more(restored, act):
    restored.go_back()
    act(restored)
    assert [record.message_id for record in restored.rolled_back(9)] == [id_of(2)]


def test_a_redis_that_is_as_it_was_is_left_alone(store):
    refused_and_sent_again(store, take(store, 1))
    assert store.epoch.look()
    assert store.go_back() == 0
    assert store.epoch.last() is None


def test_an_answer_that_was_under_way_is_believed(client, restored):
    restored.create(ID, "print", "normal", PAYLOAD)
    lease = open_store(client).claim(REQUEST)
    restored.go_back()
    assert restored.get(ID).state == State.UNKNOWN
    restored.settle(ID, lease.token, outcome(State.ACCEPTED))
    assert restored.get(ID).state == State.ACCEPTED


def test_the_lost_stretch_begins_at_the_last_second_key_that_redis_knows_of(client, store, still):
    refused_and_sent_again(store, take(store, 1))
    known = store.clock.now()
    before = {key: client.dump(key) for key in client.keys("*")}
    still.shift(5)
    refused_and_sent_again(store, take(store, 2))
    client.flushall()
    for key, value in before.items():
        client.restore(key, 0, value)
    with pytest.raises(RolledBackError):
        store.claim(take(store, 3))
    assert abs((store.epoch.last().lost_from - known).total_seconds()) < 1
