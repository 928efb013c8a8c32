"""Several messages in one call of a script, on a real server: what is about one record fails for that one, what is about Redis for all."""

from __future__ import annotations

import pytest
import redis
from store_kit import id_of, open_store, outcome, record_of, request

from octoworker.errors import RecordError, StoreError
from octoworker.sms.record import State
from octoworker.store import Lease, connect, embedded

JOBS = [request(n) for n in (1, 2, 3)]


@pytest.fixture
def server():
    with embedded.Server(save="") as server, redis.Redis(port=server.port, decode_responses=True) as admin:
        yield server, admin


@pytest.fixture
def store(server):
    store = open_store(connect(server[0].url))
    for each in JOBS:
        store.create(each.message_id, "print", "normal", "{}")
    return store


def kinds(answers):
    return [type(each) for each in answers]


@pytest.mark.parametrize("written", ["no hash", None], ids=["a key of another type", "a word in place of a number"])
def test_a_record_that_cannot_be_handled_stops_no_other(store, server, written):
    _, admin = server
    if written:
        admin.set(record_of(2), written)
    else:
        admin.hset(record_of(2), mapping={"state": "submitting", "crashes": "many"})
    assert kinds(store.claim_many(JOBS)) == [Lease, RecordError, Lease]


def test_one_that_broke_while_it_was_sent_stops_no_other_outcome(store, server):
    _, admin = server
    wanted = [(id_of(n), lease.token, outcome(State.ACCEPTED)) for n, lease in enumerate(store.claim_many(JOBS), 1)]
    admin.set(record_of(1), "no hash")
    assert kinds(store.settle_many(wanted))[0] is RecordError
    assert [store.get(id_of(n)).state for n in (2, 3)] == [State.ACCEPTED] * 2


def test_a_redis_that_became_a_replica_claims_none_and_says_so(store, server):
    _, admin = server
    admin.replicaof("127.0.0.1", 1)
    answers = store.claim_many(JOBS)
    assert kinds(answers) == [StoreError] * 3
    assert all("ReadOnlyError" in str(each) for each in answers)


def test_a_full_redis_claims_none_and_changes_nothing(store, server):
    _, admin = server
    before = [admin.hgetall(record_of(n)) for n in (1, 2, 3)]
    admin.config_set("maxmemory", 1)
    answers = store.claim_many(JOBS)
    assert all("OutOfMemoryError" in str(each) for each in answers)
    assert [admin.hgetall(record_of(n)) for n in (1, 2, 3)] == before
    admin.config_set("maxmemory", 0)
    assert kinds(store.claim_many(JOBS)) == [Lease] * 3


def test_what_a_full_redis_did_not_take_is_settled_once_it_can(store, server):
    _, admin = server
    wanted = [(id_of(n), lease.token, outcome(State.ACCEPTED)) for n, lease in enumerate(store.claim_many(JOBS), 1)]
    admin.config_set("maxmemory", 1)
    assert kinds(store.settle_many(wanted)) == [StoreError] * 3
    admin.config_set("maxmemory", 0)
    assert not any(each.fenced for each in store.settle_many(wanted))
    assert [store.get(id_of(n)).state for n in (1, 2, 3)] == [State.ACCEPTED] * 3


@pytest.mark.parametrize(("people", "calls"), [(1, 2), (500, 21)])
def test_messages_to_many_people_share_no_call(store, server, people, calls):
    """Redis answers nobody else while a script runs: twenty messages go together, or one to hundreds of people."""
    _, admin = server
    hashes = {f"+336{n:08d}": (f"{n:032x}",) for n in range(people)}
    jobs = [request(n, opt_outs=hashes) for n in range(4, 25)]
    for each in jobs:
        store.create(each.message_id, "print", "normal", "{}")
    store.claim_many(JOBS)
    admin.config_resetstat()
    assert kinds(store.claim_many(jobs)) == [Lease] * 21
    assert admin.info("commandstats")["cmdstat_evalsha"]["calls"] == calls
