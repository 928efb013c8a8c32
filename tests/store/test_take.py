"""take.lua and restore.lua: a job stands in its list or in the notes, never in a worker's hands alone."""

from __future__ import annotations

import json

import pytest
from store_kit import seconds_of

from octoworker.store.scripts import source

INDEX, NOTES, DELIVERIES, ASIDE = "unacked_index", "unacked", "ow:deliveries", "ow:jobs-set-aside"
URGENT, NORMAL = "sms.urgent", "sms"
MOST = 2


def job(tag, **headers):
    properties = {"delivery_tag": tag, "delivery_info": {"exchange": "", "routing_key": NORMAL}}
    return json.dumps(
        {
            "body": "e30=",
            "headers": {"id": f"id of {tag}", "eta": None, "stamps": [], **headers},
            "properties": properties,
        }
    )


def take(client, *lists):
    places = (INDEX, NOTES, DELIVERIES, ASIDE, *(lists or (URGENT, NORMAL)))
    return client.eval(source("take"), len(places), *places, MOST, 60_000, 10)


def restore(client, *, after=30, tag=""):
    return client.eval(source("restore"), 3, INDEX, NOTES, DELIVERIES, after * 1000, 10, tag, 60_000)


def test_the_first_job_of_the_first_queue_that_has_one_is_taken(client):
    client.lpush(NORMAL, job("a"), job("b"))
    client.lpush(URGENT, job("c"))
    assert [take(client)[:3] for _ in range(3)] == [
        [URGENT, job("c"), "c"],
        [NORMAL, job("a"), "a"],
        [NORMAL, job("b"), "b"],
    ]
    assert take(client) is None


def test_what_is_taken_is_noted_as_kombu_would_by_redis_clock(client):
    client.lpush(NORMAL, job("a"))
    take(client)
    assert json.loads(client.hget(NOTES, "a")) == [json.loads(job("a")), "", NORMAL]
    assert client.zscore(INDEX, "a") == pytest.approx(seconds_of(client), abs=1)


def test_a_job_whose_worker_does_not_come_back_is_put_in_front_again_as_it_was(client, still):
    client.lpush(NORMAL, job("a"), job("b"))
    take(client)
    assert restore(client) == [0]
    still.shift(31)
    assert restore(client) == [1]
    assert client.lrange(NORMAL, 0, -1) == [job("b"), job("a")]
    assert (client.hlen(NOTES), client.zcard(INDEX)) == (0, 0)
    assert take(client) == [NORMAL, job("a"), "a", 1]


def test_a_job_goes_back_to_the_queue_that_it_was_taken_from(client, still):
    client.lpush(URGENT, job("a"))
    take(client)
    still.shift(31)
    restore(client)
    assert client.lrange(URGENT, 0, -1) == [job("a")]


def test_a_job_that_ends_every_worker_is_set_aside(client):
    client.lpush(NORMAL, job("b"), job("a"))
    for _ in range(MOST):
        assert take(client)[2] == "b"
        restore(client, tag="b")
    assert take(client) == [NORMAL, "aside", "it ended 2 workers", ""]
    aside = json.loads(client.lindex(ASIDE, 0))
    assert (aside["queue"], aside["reason"], aside["job"]) == (NORMAL, "it ended 2 workers", job("b"))
    assert client.hlen(DELIVERIES) == 0
    assert take(client)[2] == "a"


def test_a_job_that_waits_for_its_instant_is_not_taken_for_one_that_ends_workers(client):
    """It may wait in a worker for longer than a worker is waited for."""
    later = job("a", eta="2027-01-01T00:00:00+00:00")
    client.lpush(NORMAL, later)
    for _ in range(MOST + 1):
        assert take(client)[1] == later
        restore(client, tag="a")


NO_JOB = {
    "not JSON": "+33600000000",
    "a list": "[]",
    "a number": "4",
    "no properties": "{}",
    "no delivery tag": '{"properties": {}}',
    "a delivery tag that is a number": '{"properties": {"delivery_tag": 5}}',
    "half a surrogate pair": '{"properties": {"delivery_tag": "\\ud800"}}',
    "too deep": "[" * 2000,
}


@pytest.mark.parametrize("kind", NO_JOB)
def test_what_is_no_job_is_set_aside_and_holds_nobody_up(client, kind):
    client.lpush(NORMAL, NO_JOB[kind], job("a"))
    assert take(client) == [NORMAL, "aside", "unreadable", ""]
    assert json.loads(client.lindex(ASIDE, 0))["job"] == NO_JOB[kind]
    assert take(client)[2] == "a"


def test_jobs_set_aside_have_an_end_in_number_and_time(client):
    for _ in range(12):
        client.lpush(NORMAL, "{}")
        take(client)
    assert client.llen(ASIDE) == 10
    assert 0 < client.pttl(ASIDE) <= 60_000


def test_what_somebody_else_noted_is_left_to_its_own_way_back(client, still):
    """A note by kombu itself: a worker of an older version, until all are new."""
    client.hset(NOTES, "a", json.dumps([json.loads(job("a")), "", NORMAL]))
    client.zadd(INDEX, {"a": seconds_of(client)})
    still.shift(31)
    assert restore(client) == [0, "a"]
    assert client.hexists(NOTES, "a")


def test_a_place_in_the_index_without_a_note_is_cleared_away(client, still):
    client.zadd(INDEX, {"a": seconds_of(client)})
    still.shift(31)
    assert restore(client) == [0]
    assert client.zcard(INDEX) == 0
