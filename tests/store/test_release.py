"""release.lua: what leaves the backlogs, in which order, at which pace."""

from __future__ import annotations

from itertools import pairwise

import pytest
from store_kit import (
    REQUEUE_AFTER,
    found,
    id_of,
    look,
    open_store,
    pass_time,
    record_of,
    request,
    rewind,
    seconds,
    seconds_of,
    submitted,
    verdicts,
    woken,
)

from octoworker.sms.record import State
from octoworker.store import Lease

BREAKER = {"breaker_calls": 4, "breaker_base": seconds(60), "breaker_cap": seconds(600), "breaker_ramp": seconds(1000)}


def test_the_backlog_is_let_go_oldest_first_and_at_the_pace(client, still):
    store = open_store(client, rate=10.0)
    verdicts(store, [request(n) for n in range(20)], still)
    wakeups = look(store, ahead=0.5).wakeups
    assert [int(wakeup.message_id, 16) for wakeup in wakeups][:4] == [1, 2, 3, 4]
    gaps = [(after.delay - before.delay).total_seconds() for before, after in pairwise(wakeups)]
    assert [round(gap, 3) for gap in gaps[:3]] == [0.1, 0.1, 0.1]


def test_of_those_in_the_backlog_the_urgent_go_first_and_bulk_does_not_starve(client, still):
    store = open_store(client, rate=1000.0)
    client.hset("ow:flow-control", "tat", 10**14)
    verdicts(store, [*(request(n, "bulk") for n in range(100, 120)), *(request(n, "urgent") for n in range(40))], still)
    client.hset("ow:flow-control", mapping={"tat": 0, "turn": 1})
    gone = woken(store, ahead=0.03)
    assert gone[:3] == [0, 1, 2]
    assert sum(n >= 100 for n in gone) == len(gone) // 10


def test_resuming_lets_go_what_was_backlogged_oldest_first(store, client):
    store.flow_control.pause("all")
    verdicts(store, [request(n) for n in (3, 1, 2)])
    for place, n in enumerate((1, 2, 3)):
        client.zadd("ow:backlog:normal:transactional", {id_of(n): place})
    assert store.flow_control.resume("all")
    assert woken(store) == [1, 2, 3]


def test_a_message_that_is_over_is_not_released_however_it_came_to_stand_there(store, client):
    submitted(store, request(1))
    client.hset(record_of(1), "backlog", "normal:transactional")
    client.zadd("ow:backlog:normal:transactional", {id_of(1): 1})
    assert woken(store) == []
    assert client.zcard("ow:backlog:normal:transactional") == 0


def test_jobs_that_are_only_coming_up_neither_make_the_scheduler_spin_nor_stop_the_backlogs(store, client):
    store.flow_control.pause("bulk")
    store.claim(request(900, "bulk"))
    store.flow_control.resume("bulk")
    soon = seconds_of(client) * 1000 + 60_000
    for n in range(100):
        store.create(id_of(n), "print", "normal", "{}")
        client.zadd("ow:due", {id_of(n): soon})
    wakeups, more = look(store, ahead=120, queues={"normal": "sms"})
    assert [int(wakeup.message_id, 16) for wakeup in wakeups] == [900]
    assert not more


def test_a_clock_that_jumped_back_does_not_stop_the_pace(client):
    store = open_store(client, rate=1.0)
    store.claim(request(1))
    pass_time(client, -3600)
    store.claim(request(2))
    look(store, ahead=2.0)
    assert type(store.claim(request(2))) is Lease


def test_a_clock_that_jumped_back_in_the_ramp_does_not_put_the_pace_off_for_ever(client):
    store = open_store(client, rate=10.0, **{**BREAKER, "breaker_ramp": seconds(10)})
    client.hset("ow:breaker", mapping={"state": "ramp", "since": (seconds_of(client) + 3600) * 1000})
    store.claim(request(1))
    assert float(client.hget("ow:flow-control", "tat")) / 1000 - seconds_of(client) < 2


@pytest.mark.parametrize(
    ("turn", "lanes"),
    [
        (1, ["urgent", "normal", "bulk"]),
        (5, ["normal", "urgent", "bulk"]),
        (6, ["urgent", "normal", "bulk"]),
        (10, ["bulk", "urgent", "normal"]),
    ],
)
def test_of_ten_releases_one_begins_with_the_lowest_lane_and_one_with_the_middle_one(store, client, turn, lanes):
    store.flow_control.pause("all")
    for n, lane in enumerate(("urgent", "normal", "bulk")):
        store.claim(request(n, lane))
    store.flow_control.resume("all")
    client.hset("ow:flow-control", "turn", turn)
    assert [("urgent", "normal", "bulk")[n] for n in woken(store)] == lanes


def test_what_is_let_go_is_queued_and_its_job_is_looked_for_when_it_has_had_its_time(store, client):
    store.flow_control.pause("all")
    store.claim(request(1))
    store.flow_control.resume("all")
    assert woken(store) == [1]
    assert store.get(id_of(1)).state is State.QUEUED
    rewind(client, REQUEUE_AFTER + 1, id_of(1))
    assert found(store, queues={"normal": "sms"}) == ["job"]
