"""The clock that counts is Redis' own: a worker whose clock is wrong decides nothing wrongly."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from octoworker.sms.record import State
from octoworker.store import Busy, ClaimRequest, Lease, Outcome, Store, Wait

JOB = ClaimRequest("a" * 32, "print", "normal", "{}", segments=1)
WRONG_CLOCKS = [timedelta(days=1), timedelta(days=-1), timedelta(days=400)]


@pytest.fixture
def store(redis_client):
    return Store(redis_client, keep_for=1000, requeue_after=60, lease=30, key_window=1000, max_crashes=3)


@pytest.mark.parametrize("wrong", WRONG_CLOCKS)
def test_a_wrong_clock_does_not_take_a_lease_that_holds(store, wrong):
    assert isinstance(store.claim(JOB), Lease)
    with time_machine.travel(datetime.now(UTC) + wrong):
        assert isinstance(store.claim(JOB), Busy)


@pytest.mark.parametrize("wrong", WRONG_CLOCKS)
def test_a_wrong_clock_does_not_take_what_is_not_due(store, wrong):
    lease = store.claim(JOB)
    store.settle(JOB.message_id, lease.token, Outcome(State.WAITING, "later", 0, key="next", delay=50.0))
    with time_machine.travel(datetime.now(UTC) + wrong):
        assert store.take_due(slice_size=10, look_ahead=0.5, queues={})[0] == []
        assert isinstance(store.claim(JOB), Wait)


@pytest.mark.parametrize("wrong", WRONG_CLOCKS)
def test_a_wrong_clock_writes_the_right_time_into_the_history(store, wrong):
    with time_machine.travel(datetime.now(UTC) + wrong):
        store.claim(JOB)
    assert abs(store.get(JOB.message_id).history[-1].at - datetime.now(UTC)) < timedelta(hours=1)
