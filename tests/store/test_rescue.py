"""rescue.lua: leases that ran out, jobs that vanished, backlogged messages that expired or lost their backlog."""

from __future__ import annotations

from dataclasses import replace

import pytest
from store_kit import (
    ID,
    LEASE,
    PAYLOAD,
    REQUEST,
    REQUEUE_AFTER,
    age,
    at,
    found,
    id_of,
    look,
    look_now,
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

from octoworker import correlation
from octoworker.sms.record import State


def test_the_scheduler_brings_the_arguments_with_it(store, client):
    store.create(ID, "print", "normal", PAYLOAD)
    rewind(client, 61)
    wakeups = look(store).wakeups
    assert wakeups[0].arguments["text"] == "secret words"


def test_the_job_that_is_published_again_says_who_asked_and_whether_somebody_may_hold_the_result(store, client):
    with correlation.bound("request-1"):
        store.create(id_of(1), "print", "bulk", PAYLOAD)
    store.claim(request(2))
    for n in (1, 2):
        client.hset(record_of(n), "lease_until", 1)
        look_now(client, id_of(n))
    one, other = sorted(look(store).wakeups, key=lambda wakeup: wakeup.message_id)
    assert (one.job_id, one.lane, one.payload, one.correlation, one.by_job) == (
        id_of(1),
        "bulk",
        PAYLOAD,
        "request-1",
        False,
    )
    assert (other.lane, other.correlation, other.by_job) == ("normal", "", True)


def test_a_job_that_vanished_is_found(store, client):
    store.create(ID, "print", "normal", PAYLOAD)
    assert look(store).wakeups == []
    rewind(client, 61)
    wakeups = look(store, queues={"normal": "sms"}).wakeups
    assert [wakeup.found for wakeup in wakeups] == ["job"]


def test_a_job_that_still_stands_in_its_queue_is_left_there(store, client):
    store.create(ID, "print", "normal", PAYLOAD)
    client.lpush("sms", "its job")
    rewind(client, 61)
    assert look(store, queues={"normal": "sms"}).wakeups == []


def test_a_job_that_younger_jobs_have_overtaken_is_gone_although_the_queue_is_full(store, client):
    store.create(ID, "print", "normal", PAYLOAD)
    client.lpush("sms", "some other job")
    rewind(client, 61)
    store.create("b" * 32, "print", "normal", "{}")
    store.claim(replace(REQUEST, message_id="b" * 32))
    assert found(store, queues={"normal": "sms"}) == ["job"]


def test_a_late_first_job_does_not_make_the_jobs_behind_it_look_lost(store, client):
    """A is rung again while its first job still stands in a long line; then that first job is claimed."""
    store.create(ID, "print", "normal", PAYLOAD)
    rewind(client, 61)
    look(store)
    store.create("b" * 32, "other", "normal", "{}")
    look_now(client, "b" * 32)
    client.lpush("sms", "b's job")
    store.claim(REQUEST)
    assert look(store, queues={"normal": "sms"}).wakeups == []


def test_a_job_whose_record_its_claim_makes_does_not_make_the_jobs_behind_it_look_lost(store, client):
    """As plain `send_task` jobs do. When they were published is not known: the claim's instant is none of theirs."""
    store.create(ID, "print", "normal", PAYLOAD)
    client.lpush("sms", "its job")
    rewind(client, 61)
    for _ in range(2):
        store.claim(request(2))
        assert look(store, queues={"normal": "sms"}).wakeups == []
        look_now(client, ID)


def test_a_job_that_the_scheduler_published_says_when(store, client):
    """Also that of a message whose first job came without a record."""
    store.claim(request(2, hold_until=at(seconds_of(client) + 2)))
    store.create(ID, "print", "normal", PAYLOAD)
    client.lpush("sms", "some other job")
    rewind(client, 61)
    age(client, 3, n=2)
    look_now(client, id_of(2))
    (wakeup,) = store.due.stage(10, seconds(0)).wakeups
    store.claim(request(2, published_at=wakeup.published_at))
    assert found(store, queues={"normal": "sms"}) == ["job"]


@pytest.mark.parametrize("ahead", [-1, 1, 3600])
def test_an_instant_that_no_record_knows_moves_no_place_in_a_line(store, client, ahead):
    store.create(ID, "print", "normal", PAYLOAD)
    client.lpush("sms", "its job")
    rewind(client, 61)
    store.claim(request(2, published_at=(seconds_of(client) + ahead) * 1000))
    assert look(store, queues={"normal": "sms"}).wakeups == []


def test_a_place_in_the_future_makes_no_job_look_lost(store, client):
    """Written before Redis' clock was set back."""
    store.create(ID, "print", "normal", PAYLOAD)
    client.lpush("sms", "its job")
    rewind(client, 61)
    client.hset("ow:consumed-until", "normal", (seconds_of(client) + 3600) * 1000)
    assert look(store, queues={"normal": "sms"}).wakeups == []


def test_a_job_that_kills_every_worker_before_its_claim_is_stopped(store, client):
    store.create(ID, "print", "normal", PAYLOAD)
    for _ in range(3):
        rewind(client, 3600)
        look(store, queues={"normal": "sms"})
    assert store.get(ID).state is State.DEAD


def test_a_message_that_expires_in_its_backlog_is_expired_there(client):
    store = open_store(client, rate=1.0)
    store.claim(request(1))
    now = client.time()[0]
    store.claim(request(2, expires_at=at(now + 100)))
    client.hset(record_of(2), "expires_at", now * 1000 - 1)
    look_now(client, id_of(2))
    look(store)
    assert store.get(id_of(2)).state is State.EXPIRED
    assert client.zcard("ow:backlog:normal:transactional") == 0


def test_a_message_whose_backlog_was_lost_stands_in_it_again(client):
    store = open_store(client, rate=1.0)
    verdicts(store, [request(1), request(2)])
    client.delete("ow:backlog:normal:transactional")
    look_now(client, id_of(2))
    pass_time(client, 1.1)
    assert woken(store) == [2]


def test_a_backlog_in_queues_that_nobody_can_see_kills_no_message(store, client):
    store.create(id_of(1), "print", "normal", "{}")
    for _ in range(6):
        look_now(client, id_of(1))
        age(client, 86400, n=1)
        look(store)
    assert store.get(id_of(1)).state is State.QUEUED


def test_a_job_that_others_overtook_is_stopped_also_where_nobody_can_see_the_queue(store, client):
    store.create(id_of(1), "print", "normal", "{}")
    store.create(id_of(2), "print", "normal", "{}")
    for _ in range(3):
        look_now(client, id_of(1))
        age(client, 86400, n=1)
        store.claim(request(2))
        look(store)
    assert store.get(id_of(1)).state is State.DEAD


def test_patience_with_a_job_that_nobody_takes_has_an_end(store, client):
    each = request(1)
    submitted(store, each, state=State.UNKNOWN, delay=seconds(0))
    client.hset(record_of(1), mapping={"woken": 1, "publish_count": 40, "published_at": 0})
    look_now(client, id_of(1))
    look(store)
    assert client.zscore("ow:due", each.message_id) / 1000 - seconds_of(client) < 3600


def test_a_message_that_expires_in_its_backlog_is_looked_at_when_it_does(store, client):
    store.flow_control.pause("all")
    expires_at = seconds_of(client) + 900
    store.claim(request(1, expires_at=at(expires_at)))
    client.hset(record_of(1), "expires_at", (seconds_of(client) + 300) * 1000)
    look_now(client, id_of(1))
    look(store)
    assert client.zscore("ow:due", id_of(1)) / 1000 <= seconds_of(client) + 301


def test_what_expires_within_the_look_ahead_does_not_make_the_scheduler_spin(store, client):
    store.flow_control.pause("all")
    for n in range(100):
        store.claim(request(n, expires_at=at(seconds_of(client) + 60)))
    assert look(store, ahead=120) == ([], False)


@pytest.mark.parametrize(("stood", "patience"), [(61, 61), (200, 200), (7200, 600)])
def test_a_job_in_a_long_queue_is_left_alone_for_as_long_as_it_has_stood_there_and_no_longer_than_ten_times_the_usual(
    store, client, stood, patience
):
    store.create(ID, "print", "normal", PAYLOAD)
    client.lpush("sms", "its job")
    rewind(client, stood)
    assert look(store, queues={"normal": "sms"}).wakeups == []
    assert client.zscore("ow:due", ID) / 1000 - seconds_of(client) == pytest.approx(patience, abs=2)


def test_a_job_far_behind_those_that_workers_take_is_left_alone_for_longer(store, client):
    store.create(ID, "print", "normal", PAYLOAD)
    client.lpush("sms", "its job")
    rewind(client, 61)
    client.hset("ow:consumed-until", "normal", (seconds_of(client) - 61 - 300) * 1000)
    look(store, queues={"normal": "sms"})
    assert client.zscore("ow:due", ID) / 1000 - seconds_of(client) == pytest.approx(300, abs=3)


def test_a_job_just_ahead_of_those_that_were_taken_is_not_looked_for_yet(store, client):
    """It may be of the same bulk job."""
    store.create(ID, "print", "normal", PAYLOAD)
    client.lpush("sms", "its job")
    rewind(client, 61)
    client.hset("ow:consumed-until", "normal", (seconds_of(client) - 61 + 5) * 1000)
    assert look(store, queues={"normal": "sms"}).wakeups == []


def test_a_message_is_left_to_the_worker_that_has_it_until_the_lease_ends(store, client):
    store.claim(REQUEST)
    look_now(client, ID)
    assert look(store).wakeups == []
    assert store.get(ID).state is State.SUBMITTING
    assert client.zscore("ow:due", ID) / 1000 - seconds_of(client) == pytest.approx(LEASE, abs=1)


def test_the_job_of_what_a_worker_left_behind_is_looked_for_when_it_has_had_its_time(store, client):
    store.claim(REQUEST)
    rewind(client, LEASE + 1)
    assert found(store) == ["lease"]
    rewind(client, REQUEUE_AFTER + 1)
    assert found(store, queues={"normal": "sms"}) == ["job"]


def in_backlog_past_its_time(store, client, n):
    store.flow_control.pause("all")
    store.claim(request(n, "bulk", expires_at=at(seconds_of(client) + 100)))
    client.hset(record_of(n), "expires_at", seconds_of(client) * 1000 - 1)
    look_now(client, id_of(n))


def test_what_may_have_been_sent_and_expires_in_its_backlog_is_left_to_an_operator(store, client):
    submitted(store, request(1, "bulk"), state=State.UNKNOWN, delay=seconds(0))
    in_backlog_past_its_time(store, client, 1)
    assert look(store).wakeups == []
    record = store.get(id_of(1))
    assert record.state is State.UNKNOWN
    assert record.reason.endswith("an operator decides")
    assert client.zcard("ow:due") == 0


def test_whoever_looks_is_told_of_what_ended_by_it_and_in_which_lane(store, client):
    in_backlog_past_its_time(store, client, 1)
    ends = []
    store.due.rescue(10, {}, lambda *end: ends.append(end))
    assert ends == [(id_of(1), "bulk", State.EXPIRED)]
