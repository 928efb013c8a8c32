"""The clock that counts is Redis' own: a worker whose clock is wrong decides nothing wrongly."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from store_kit import REQUEST, look, open_store, seconds

from octoworker.sms.record import State
from octoworker.store import Busy, Lease, Outcome, Wait

WRONG_CLOCKS = [timedelta(days=1), timedelta(days=-1), timedelta(days=400)]


@pytest.fixture
def store(redis_client):
    return open_store(redis_client)


@pytest.mark.parametrize("wrong", WRONG_CLOCKS)
def test_a_wrong_clock_does_not_take_a_lease_that_holds(store, wrong):
    assert isinstance(store.claim(REQUEST), Lease)
    with time_machine.travel(datetime.now(UTC) + wrong):
        assert isinstance(store.claim(REQUEST), Busy)


@pytest.mark.parametrize("wrong", WRONG_CLOCKS)
def test_a_wrong_clock_does_not_take_what_is_not_due(store, wrong):
    lease = store.claim(REQUEST)
    store.settle(REQUEST.message_id, lease.token, Outcome(State.WAITING, "later", 0, key="next", delay=seconds(50)))
    with time_machine.travel(datetime.now(UTC) + wrong):
        assert look(store, ahead=0.5).wakeups == []
        assert isinstance(store.claim(REQUEST), Wait)


@pytest.mark.parametrize("wrong", WRONG_CLOCKS)
def test_a_wrong_clock_writes_the_right_time_into_the_history(store, wrong):
    with time_machine.travel(datetime.now(UTC) + wrong):
        store.claim(REQUEST)
    assert abs(store.get(REQUEST.message_id).history[-1].at - datetime.now(UTC)) < timedelta(hours=1)
