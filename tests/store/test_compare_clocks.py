"""compare_clocks.lua: whose clock is wrong, a worker's or Redis'."""

from __future__ import annotations

from datetime import timedelta

from octoworker.store import keys
from octoworker.store.clocks import STALE, Comparison
from octoworker.store.units import span_ms

SECOND, HOUR, NONE = timedelta(seconds=1), timedelta(hours=1), timedelta()


def told(store, **drifts):
    """What each hears, when all have told."""
    for worker, drift in drifts.items():
        store.clocks.compare(worker, drift)
    return {worker: store.clocks.compare(worker, drift)[0] for worker, drift in drifts.items()}


def test_who_is_off_by_less_than_a_minute_is_right(store):
    assert told(store, a=NONE, b=-59 * SECOND, c=59.9 * SECOND) == dict.fromkeys("abc", Comparison.RIGHT)


def test_who_is_wrong_beside_one_who_is_right_is_wrong_itself(store):
    assert told(store, a=0.1 * SECOND, b=2 * HOUR, c=-HOUR) == {
        "a": Comparison.RIGHT,
        "b": Comparison.WRONG,
        "c": Comparison.WRONG,
    }


def test_workers_that_are_wrong_by_different_times_are_wrong_themselves(store):
    assert told(store, a=2 * HOUR, b=-2 * HOUR) == dict.fromkeys("ab", Comparison.WRONG)


def test_workers_that_are_wrong_by_the_same_say_that_it_is_redis_and_one_of_them_tells_it(store):
    told(store, a=2 * HOUR, b=2 * HOUR + SECOND)
    assert [store.clocks.compare(worker, 2 * HOUR)[1] for worker in "abc"] == [False] * 3
    assert store.clocks.compare("a", 2 * HOUR) == (Comparison.REDIS, False)


def test_redis_clock_is_told_again_once_it_was_right(store):
    store.clocks.compare("a", HOUR)
    assert store.clocks.compare("b", HOUR) == (Comparison.REDIS, True)
    told(store, a=NONE, b=NONE)
    store.clocks.compare("a", HOUR)
    assert store.clocks.compare("b", HOUR) == (Comparison.REDIS, True)


def test_a_lone_worker_cannot_tell_whose_clock_it_is(store):
    assert told(store, a=HOUR) == {"a": Comparison.ALONE}


def test_what_a_worker_told_long_ago_says_nothing(store, client):
    store.clocks.compare("gone", NONE)
    at, drift = client.hget(keys.CLOCKS, "gone").split("|")
    client.hset(keys.CLOCKS, "gone", f"{int(at) - span_ms(STALE) - 1}|{drift}")
    assert told(store, a=HOUR, b=HOUR) == dict.fromkeys("ab", Comparison.REDIS)
    assert client.hkeys(keys.CLOCKS) == ["a", "b", "alerted"]


def test_who_ends_leaves_nothing(store, client):
    store.clocks.compare("a", NONE)
    store.clocks.leave("a")
    assert client.hgetall(keys.CLOCKS) == {}
