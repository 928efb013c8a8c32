"""Several messages in one call of a script: each ends as it would have ended alone, and one that cannot be handled stops no other."""

from __future__ import annotations

import fakeredis
import pytest
from store_kit import A, B, at, failed, id_of, open_store, outcome, record_of, request, seconds, seconds_of, settle

from octoworker.errors import RecordError, StoreError
from octoworker.sms.record import State
from octoworker.store import Busy, Conflict, Done, Lease, Wait, scripts
from octoworker.store.opt_outs import OptOut

LIMITS = {"account": "legacy-1", "breaker_calls": 4, "rate": 10.0, "burst": 3}


def kinds(claims):
    return [type(each) for each in claims]


def crowd(store, client):
    """Messages of all kinds, and the jobs for them: fresh, later, opted out, sent, in hand, of other content, without a record."""
    for n in range(1, 10):
        store.create(id_of(n), "print", "normal", "{}")
    settle(store, store.claim(request(4)), request(4))
    store.claim(request(5))
    hour = at(seconds_of(client) + 3600)
    store.opt_outs.add(["hash"], OptOut("operator"))
    return [
        request(1),
        request(2, hold_until=hour),
        request(3, opt_outs={A: ("hash",)}, marketing=True),
        request(4),
        request(5),
        request(6, found_by=("123456789abc",)),
        request(7, segments=3),
        request(8),
        request(9, lane="urgent"),
        request(10),
        request(11, marketing=True, opt_outs={B: ("other",)}),
    ]


def all_that_is_kept(client):
    """But for what differs from one claim to the next by chance."""
    kept = {}
    for key in sorted(client.keys("*")):
        match client.type(key):
            case "hash":
                fields = client.hgetall(key)
                fields.pop("claim_nonce", None)
                kept[key] = fields
            case "zset":
                kept[key] = client.zrange(key, 0, -1, withscores=True)
            case _:
                kept[key] = client.dump(key)
    return kept


@pytest.fixture
def two(still):
    """The same messages on two servers."""
    clients = [fakeredis.FakeRedis(server=fakeredis.FakeServer(), decode_responses=True) for _ in range(2)]
    stores = [open_store(each, **LIMITS) for each in clients]
    jobs = [crowd(*each) for each in zip(stores, clients, strict=True)]
    return clients, stores, jobs


def test_several_are_claimed_as_each_would_be_alone(two):
    (one_client, other_client), (one, other), (jobs, same_jobs) = two
    alone = [one.claim(each) for each in jobs]
    together = other.claim_many(same_jobs)
    assert kinds(together) == kinds(alone)
    assert {Lease, Wait, Done, Busy} <= set(kinds(alone))
    assert all_that_is_kept(other_client) == all_that_is_kept(one_client)


def test_several_are_settled_as_each_would_be_alone(two):
    (one_client, other_client), (one, other), (jobs, same_jobs) = two
    ends = [
        outcome(State.ACCEPTED, key="used", health="ok", fields={"ticket": "t1", "balance": "10", "currency": "EUR"}),
        outcome(State.WAITING, key="unused", delay=seconds(5), health="fault"),
        outcome(State.WAITING, key="next", delay=seconds(5), health="fault"),
        outcome(State.UNKNOWN, key="used", delay=seconds(5), health="fault"),
        outcome(State.REJECTED, key="next", health="ok", fields={"error_code": "102"}),
    ]
    leases = [(job.message_id, one.claim(job)) for job in jobs]
    wanted = [(name, lease.token) for name, lease in leases if isinstance(lease, Lease)]
    for job in same_jobs:
        other.claim(job)
    alone = [one.settle(name, token, ends[n % len(ends)]) for n, (name, token) in enumerate(wanted)]
    together = other.settle_many([(name, token, ends[n % len(ends)]) for n, (name, token) in enumerate(wanted)])
    assert [each.fenced for each in together] == [each.fenced for each in alone]
    assert [each.alerts for each in together] == [each.alerts for each in alone]
    assert all_that_is_kept(other_client) == all_that_is_kept(one_client)


def test_more_than_one_call_takes_are_all_claimed(store):
    jobs = [request(n) for n in range(2 * scripts.AT_ONCE + 1)]
    for each in jobs:
        store.create(each.message_id, "print", "normal", "{}")
    assert kinds(store.claim_many(jobs)) == [Lease] * len(jobs)


def test_the_pace_is_the_same_for_several(client):
    store = open_store(client, rate=1.0, burst=3)
    jobs = [request(n) for n in range(6)]
    for each in jobs:
        store.create(each.message_id, "print", "normal", "{}")
    assert kinds(store.claim_many(jobs)) == [Lease] * 3 + [Wait] * 3


def test_the_calls_of_a_minute_are_counted_one_by_one(client):
    store = open_store(client, account="legacy-1")
    for n in range(3):
        store.create(id_of(n), "print", "normal", "{}")
    store.claim_many([request(n, segments=2) for n in range(3)])
    assert client.hget("ow:flow-control:legacy-1", "sent") == "6"


def test_the_breaker_opens_at_the_same_call(client):
    store = open_store(client, breaker_calls=4)
    for n in range(4):
        store.create(id_of(n), "print", "normal", "{}")
    leases = store.claim_many([request(n) for n in range(4)])
    fault = outcome(State.WAITING, key="unused", delay=seconds(1000), health="fault")
    settled = store.settle_many([(id_of(n), lease.token, fault) for n, lease in enumerate(leases)])
    assert [each.alerts for each in settled] == [(), ("breaker_opened",), (), ()]


def test_a_breaker_that_opened_holds_up_all_of_them(client):
    store = open_store(client, breaker_calls=4)
    for n in range(4):
        store.create(id_of(n), "print", "normal", "{}")
    for n in (0, 1):
        failed(store, n)
    assert kinds(store.claim_many([request(2), request(3)])) == [Wait, Wait]


def test_each_that_goes_on_to_another_key_is_counted(client, store):
    for n in range(3):
        store.create(id_of(n), "print", "normal", "{}")
        settle(store, store.claim(request(n)), request(n), state=State.WAITING, key="next", delay=seconds(0))
    leases = store.claim_many([request(n) for n in range(3)])
    assert [each.epoch for each in leases] == [1, 2, 3]
    assert client.hget("ow:epoch", "second_keys") == "3"


def test_a_record_that_cannot_be_handled_stops_no_other(store, client):
    for n in (1, 3):
        store.create(id_of(n), "print", "normal", "{}")
    client.set(record_of(2), "no hash")
    assert kinds(store.claim_many([request(n) for n in (1, 2, 3)])) == [Lease, RecordError, Lease]


def test_nor_does_one_of_other_content(store):
    store.create(id_of(1), "another print", "normal", "{}")
    store.create(id_of(2), "print", "normal", "{}")
    assert kinds(store.claim_many([request(1), request(2)])) == [Conflict, Lease]


def test_nothing_is_claimed_where_redis_is_away(store, client):
    client.connection_pool.connection_kwargs["server"].connected = False
    with pytest.raises(StoreError):
        store.claim_many([request(1)])
