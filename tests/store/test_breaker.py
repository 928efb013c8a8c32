"""The breaker (lua/lib/breaker.lua): what opens it, what a probe does, and how it closes again."""

from __future__ import annotations

import pytest
from store_kit import (
    at,
    failed,
    look,
    open_store,
    pass_time,
    released,
    request,
    seconds,
    seconds_of,
    settle,
    submitted,
    verdicts,
)

from octoworker.sms.record import State
from octoworker.store import Lease, Wait

BREAKER = {"breaker_calls": 4, "breaker_base": seconds(60), "breaker_cap": seconds(600), "breaker_ramp": seconds(1000)}


def opened(client, clock):
    """A store whose breaker has just opened, and ten messages that wait."""
    store = open_store(client, **BREAKER)
    failed(store, 1)
    failed(store, 2)
    for n in range(10, 20):
        assert type(store.claim(request(n))) is Wait
        clock.shift(0.001)  # of two that came at once either may be the first
    return store


def test_the_breaker_opens_when_most_of_the_last_calls_failed(client):
    store = open_store(client, breaker_calls=4)
    assert [failed(store, n).alerts for n in (1, 2)] == [(), ("breaker_opened",)]
    assert type(store.claim(request(9))) is Wait


def test_one_bad_message_does_not_open_the_breaker(client):
    store = open_store(client, breaker_calls=4)
    each = request(1)
    for _ in range(10):
        claim = store.claim(each)
        settle(store, claim, each, state=State.WAITING, key="unused", delay=seconds(0), health="fault")
        client.hdel(f"ow:message:{each.message_id}", "due")
    assert type(store.claim(request(2))) is Lease


def test_after_many_calls_that_went_well_another_writes_nothing_and_a_fault_still_counts(client):
    store = open_store(client, breaker_calls=4)

    def breakers():
        return {key: client.hgetall(key) for key in client.scan_iter("ow:breaker*")}

    for n in range(3):
        submitted(store, request(n), state=State.ACCEPTED, health="ok")
    few = breakers()
    submitted(store, request(3), state=State.ACCEPTED, health="ok")
    full = breakers()
    assert few != full
    submitted(store, request(4), state=State.ACCEPTED, health="ok")
    assert breakers() == full
    failed(store, 5)
    submitted(store, request(6), state=State.ACCEPTED, health="ok")
    after = breakers()
    submitted(store, request(7), state=State.ACCEPTED, health="ok")
    assert breakers() != after, "a fault among the last calls is looked at until it has gone"


def test_refusals_of_a_message_do_not_open_the_breaker(client):
    store = open_store(client, breaker_calls=4)
    for n in range(10):
        submitted(store, request(n), state=State.REJECTED, health="ok")
    assert type(store.claim(request(99))) is Lease


def test_an_open_breaker_lets_one_probe_through_when_its_time_has_come(client, still):
    store = opened(client, still)
    assert released(store) == []
    pass_time(client, 61)
    assert released(store) == [10]
    assert released(store) == []
    assert verdicts(store, [request(10), request(99)]) == [Lease, Wait]


def test_a_probe_that_fails_costs_no_attempt_and_doubles_the_wait(client, still):
    store = opened(client, still)
    pass_time(client, 61)
    look(store)
    claim = store.claim(request(10))
    record = settle(
        store, claim, request(10), state=State.WAITING, key="unused", delay=seconds(0), health="fault"
    ).record
    assert record.attempts == 0
    pass_time(client, 61)
    assert released(store) == []
    pass_time(client, 60)
    assert len(released(store)) == 1


def test_a_probe_that_never_came_back_is_followed_by_another(client, still):
    store = opened(client, still)
    pass_time(client, 61)
    assert released(store) == [10]
    pass_time(client, 31)
    assert released(store) == [11]


def test_after_a_probe_that_came_through_the_pace_comes_back_slowly(client, still):
    store = opened(client, still)
    pass_time(client, 61)
    look(store)
    settled = submitted(store, request(10), health="ok")
    assert settled.alerts == ("breaker_closed",)
    assert len(released(store, ahead=0.9)) == 2
    pass_time(client, 1000)
    assert len(released(store)) == 7


def test_a_recovery_that_fails_opens_the_breaker_again(client, still):
    store = opened(client, still)
    pass_time(client, 61)
    look(store)
    submitted(store, request(10), health="ok")
    look(store, ahead=0.1)
    settled = submitted(store, request(11), state=State.WAITING, key="unused", delay=seconds(9), health="fault")
    assert settled.alerts == ("breaker_opened",)


@pytest.mark.parametrize("broken", [lambda c: c.set("ow:breaker", "x"), lambda c: c.hset("ow:breaker", "state", "?")])
def test_a_breaker_that_cannot_be_read_lets_messages_go(client, broken):
    store = open_store(client, breaker_calls=4)
    broken(client)
    assert type(store.claim(request(1))) is Lease
    assert failed(store, 2).record.state is State.WAITING


def test_a_clock_that_jumped_back_does_not_keep_the_breaker_open(client, still):
    store = opened(client, still)
    pass_time(client, -86400)
    assert released(store) == [10]
    pass_time(client, -86400)
    assert released(store) == [11]


def test_a_probe_that_may_not_go_is_followed_by_another_at_once(client, still):
    store = opened(client, still)
    pass_time(client, 601)
    assert released(store) == [10]
    store.claim(request(10, closed_until=at(seconds_of(client) + 3600)))
    assert released(store) == [11]
    store.claim(request(11, expires_at=at(seconds_of(client) - 1)))
    assert released(store) == [12]


def test_a_probe_has_its_whole_lease_for_the_call(client, still):
    store = opened(client, still)
    pass_time(client, 601)
    look(store)
    pass_time(client, 29)
    assert type(store.claim(request(10))) is Lease
    pass_time(client, 20)
    assert released(store) == []


def test_messages_that_fail_whenever_they_are_called_do_not_keep_the_breaker_open(client, still):
    store = opened(client, still)
    pass_time(client, 601)
    assert released(store) == [10]
    failed(store, 10, state=State.UNKNOWN, key="used", delay=seconds(0))
    store.claim(request(10))
    pass_time(client, 601)
    assert released(store) == [11]


def test_when_all_have_been_probes_the_oldest_is_one_again(client):
    store = open_store(client, **BREAKER)
    failed(store, 1)
    failed(store, 2)
    store.claim(request(10))
    for _ in range(2):
        pass_time(client, 601)
        assert released(store) == [10]
        failed(store, 10, delay=seconds(0))
        assert type(store.claim(request(10))) is Wait
