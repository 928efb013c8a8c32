"""With OCTOWORKER_CONFIRM=replica nothing counts as written before so many replicas have it. A real primary, real replicas."""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager
from datetime import timedelta

import pytest
import redis
from store_kit import ID, KEEP, KEY_WINDOW, LEASE, MAX_CRASHES, PAYLOAD, REQUEST, REQUEUE_AFTER, outcome, seconds

from octoworker.errors import StoreError
from octoworker.sms.record import State
from octoworker.store import Confirm, Lease, Store, Wait, embedded
from octoworker.store.confirm import UnconfirmedError
from octoworker.store.functions import load
from octoworker.store.inbox import Arrival

PATIENT, SHORT = timedelta(seconds=3), timedelta(milliseconds=50)


@pytest.fixture(scope="module")
def pair():
    """A primary and its replica."""
    with embedded.Server(repl_diskless_sync_delay="0") as primary, embedded.Server() as replica:
        client = redis.Redis.from_url(replica.url, decode_responses=True)
        client.replicaof("127.0.0.1", primary.port)
        yield primary, replica
        client.close()


@pytest.fixture
def primary(pair):
    client = redis.Redis.from_url(pair[0].url, decode_responses=True, socket_timeout=30)
    client.flushall()
    # Until the replica follows: the first time it copies everything.
    client.set("there", "")
    assert client.wait(1, 20_000) == 1
    yield client
    client.close()


@pytest.fixture
def replica(pair):
    with redis.Redis.from_url(pair[1].url, decode_responses=True) as client:
        yield client


@contextmanager
def frozen(pair):
    """The replica stays connected, and answers nothing."""
    os.kill(pair[1].pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pair[1].pid, signal.SIGCONT)


def opened(client, confirm, **more):
    return Store(
        client,
        keep_for=seconds(KEEP),
        requeue_after=seconds(REQUEUE_AFTER),
        lease=seconds(LEASE),
        key_window=seconds(KEY_WINDOW),
        max_crashes=MAX_CRASHES,
        confirm=confirm,
        **more,
    )


def patient(client, **more):
    return opened(client, Confirm(1, PATIENT), **more)


def hurried(client, **more):
    return opened(client, Confirm(1, SHORT), **more)


def take(store):
    return store.create(ID, "print", "normal", PAYLOAD)


def refused(store):
    """Its first key was refused: the next one is to be used."""
    lease = store.claim(REQUEST)
    store.settle(ID, lease.token, outcome(State.WAITING, key="next", delay=seconds(0)))


def test_what_is_taken_claimed_and_settled_is_on_the_replica_when_the_call_returns(primary, replica):
    store = patient(primary)
    for act, state in (
        (lambda: take(store), "queued"),
        (lambda: store.claim(REQUEST), "submitting"),
        (lambda: store.settle(ID, 1, outcome(State.ACCEPTED)), "accepted"),
    ):
        act()
        assert replica.hget(f"ow:message:{ID}", "state") == state


def test_what_no_replica_confirms_in_time_is_not_taken(primary, pair):
    take(hurried(primary))
    with frozen(pair), pytest.raises(UnconfirmedError, match="0 of 1 replicas confirmed it in time"):
        hurried(primary).create("b" * 32, "print", "normal", PAYLOAD)


def test_a_repeat_that_writes_nothing_is_not_confirmed_by_an_earlier_write(primary, pair):
    store = hurried(primary)
    take(store)
    with frozen(pair):
        primary.set("another's", "write")
        with pytest.raises(UnconfirmedError):
            take(store)
    assert take(patient(primary)) == "same"


def test_a_repeat_of_what_was_not_confirmed_is_not_confirmed_on_a_new_connection_either(primary, pair):
    with frozen(pair):
        for _ in range(2):
            store = hurried(redis.Redis.from_url(pair[0].url, decode_responses=True))
            with pytest.raises(UnconfirmedError):
                take(store)
            store.close()


def test_a_claim_that_is_not_confirmed_is_no_lease_and_costs_the_message_nothing(primary, pair):
    store = hurried(primary)
    take(store)
    with frozen(pair), pytest.raises(UnconfirmedError):
        store.claim(REQUEST)
    record = store.get(ID)
    assert (record.state, record.attempts) == (State.WAITING, 0)
    assert record.reason == "not sent: 0 of 1 replicas confirmed it in time."
    primary.hset(f"ow:message:{ID}", "due", 0)
    lease = patient(primary).claim(REQUEST)
    assert isinstance(lease, Lease)
    assert (lease.generation, lease.key_used_before) == (0, False)


def test_claims_of_a_bulk_job_that_are_not_confirmed_are_no_leases(primary, pair):
    store = hurried(primary)
    take(store)
    with frozen(pair), pytest.raises(UnconfirmedError):
        store.claim_many([REQUEST])
    assert store.get(ID).state == State.WAITING


@pytest.mark.parametrize(
    "act", [lambda store: store.claim(REQUEST), take, lambda store: store.claim_many([REQUEST])[0]]
)
def test_a_primary_that_takes_nothing_for_want_of_replicas_says_so_itself(primary, act):
    primary.config_set("min-replicas-to-write", 2)
    try:
        try:
            error = act(hurried(primary))
        except StoreError as raised:
            error = raised
    finally:
        primary.config_set("min-replicas-to-write", 0)
    assert isinstance(error, StoreError)
    assert not isinstance(error, UnconfirmedError)


def test_an_outcome_that_is_not_confirmed_may_be_written_again(primary, pair):
    store = hurried(primary)
    take(store)
    lease = patient(primary).claim(REQUEST)
    with frozen(pair), pytest.raises(UnconfirmedError):
        store.settle(ID, lease.token, outcome(State.ACCEPTED))
    settled = patient(primary).settle(ID, lease.token, outcome(State.ACCEPTED))
    assert settled.record.state == State.ACCEPTED


def test_functions_are_confirmed_as_scripts_are(primary, pair):
    load(primary)
    assert take(patient(primary, by_function=True)) == "created"
    with frozen(pair), pytest.raises(UnconfirmedError):
        take(hurried(primary, by_function=True))


def test_more_replicas_than_there_are_confirm_nothing(primary):
    with pytest.raises(UnconfirmedError, match="1 of 2 replicas"):
        take(opened(primary, Confirm(2, SHORT)))


def test_scripts_that_the_server_forgot_are_loaded_and_confirmed(primary, replica):
    primary.script_flush()
    take(patient(primary))
    assert replica.hget(f"ow:message:{ID}", "state") == "queued"


def test_a_replica_confirms_nothing(primary, replica):
    with pytest.raises(StoreError):
        take(hurried(replica))


@pytest.mark.parametrize("confirm", [None, Confirm(1, PATIENT)], ids=["none", "replica"])
def test_a_second_key_waits_until_every_connected_replica_knows_of_the_refusal(primary, pair, confirm):
    store = opened(primary, None)
    take(store)
    refused(store)
    with frozen(pair):
        claim = store.claim(REQUEST)
    assert isinstance(claim, Wait)
    assert claim.record.reason == "not sent: a replica may not know yet that its first key was refused"
    primary.hset(f"ow:message:{ID}", "due", 0)
    lease = opened(primary, confirm).claim(REQUEST)
    assert isinstance(lease, Lease)
    assert (lease.generation, lease.key_used_before) == (1, False)


def test_a_second_key_without_replicas_waits_for_nobody(redis_client):
    store = opened(redis_client, None)
    take(store)
    refused(store)
    assert isinstance(store.claim(REQUEST), Lease)


@pytest.mark.parametrize("confirm", [None, Confirm(1, SHORT)], ids=["none", "replica"])
def test_what_no_replica_confirmed_teaches_no_worker(primary, pair, confirm):
    one, other = opened(primary, None), opened(primary, confirm)
    take(one)
    refused(one)
    with frozen(pair):
        one.claim(REQUEST)
        assert other.epoch.look()
    assert (one.epoch.seen, other.epoch.seen) == (0, 0)
    until_confirmed(primary)
    assert other.epoch.look()
    assert other.epoch.seen == 1


def until_confirmed(primary):
    primary.set("there", "")
    assert primary.wait(1, 20_000) == 1


@pytest.mark.parametrize(
    "act",
    [
        lambda store: store.codes.start("i" * 32, ["p"], "k", country="FR", address="", guard="off"),
        lambda store: store.codes.check("i" * 32, {"1": True}),
        lambda store: store.inbox.put([Arrival("{}", "e", "receipt")]),
    ],
    ids=["a code", "a guess", "a call of the provider's"],
)
def test_what_answers_somebody_else_is_confirmed_too(primary, pair, act):
    with frozen(pair), pytest.raises(UnconfirmedError):
        act(hurried(primary))
