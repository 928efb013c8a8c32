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


def shared(tag, **headers):
    """A job that may go together with others."""
    return job(tag, octoworker_together=1, **headers)


def take(client, *lists, together=1, parts=1, most_bytes=100_000):
    """`together`: most jobs taken together, of each list."""
    lists = lists or (URGENT, NORMAL)
    places = (INDEX, NOTES, DELIVERIES, ASIDE, *lists)
    sharing = ("octoworker_together", 1, "octoworker.send_many", parts, most_bytes)
    return client.eval(source("take"), len(places), *places, MOST, 60_000, 10, *sharing, *[together] * len(lists))


def restore(client, *tags, after=30, where="front", counted_for=60_000):
    return client.eval(source("restore"), 3, INDEX, NOTES, DELIVERIES, after * 1000, 10, counted_for, where, *tags)


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
        restore(client, "b")
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
        restore(client, "a")


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


def tags_of(answer):
    """The delivery tags of jobs that were taken together."""
    name, kind, *found = answer
    assert (name, kind) == (NORMAL, "together")
    return found[::2]


def test_jobs_of_a_crowd_are_taken_together_the_first_in_the_queue_first(client):
    client.lpush(NORMAL, shared("a"), shared("b"), shared("c"))
    assert take(client, together=100) == [NORMAL, "together", "a", shared("a"), "b", shared("b"), "c", shared("c")]
    assert client.llen(NORMAL) == 0


def test_each_job_of_a_crowd_is_noted_by_itself_and_comes_back_by_itself(client, still):
    waiting = [shared("a"), shared("b"), shared("c")]
    client.lpush(NORMAL, *waiting)
    take(client, together=100)
    assert json.loads(client.hget(NOTES, "b")) == [json.loads(waiting[1]), "", NORMAL]
    assert client.zcard(INDEX) == 3
    still.shift(31)
    assert restore(client) == [3]
    assert sorted(client.lrange(NORMAL, 0, -1)) == sorted(waiting)


def test_no_more_are_taken_together_than_the_worker_asks_for(client):
    client.lpush(NORMAL, *map(shared, "abcdef"))
    assert tags_of(take(client, together=4)) == ["a", "b", "c", "d"]
    assert client.lrange(NORMAL, 0, -1) == [shared("f"), shared("e")]


def test_a_part_of_those_that_wait_is_taken_so_that_others_get_theirs(client):
    client.lpush(NORMAL, *map(shared, "abcdef"))
    assert tags_of(take(client, together=100, parts=2)) == ["a", "b", "c"]
    assert tags_of(take(client, together=100, parts=2)) == ["d", "e"]
    assert take(client, together=100, parts=2)[2] == "f"


def test_one_job_alone_is_taken_as_ever(client):
    client.lpush(NORMAL, shared("a"))
    assert take(client, together=100) == [NORMAL, shared("a"), "a", 0]


NOT_TOGETHER = {
    "of a producer that does not know of it": job("b"),
    "of a newer shape": job("b", octoworker_together=2),
    "with a word for the number": job("b", octoworker_together="1"),
    "for an instant": shared("b", eta="2027-01-01T00:00:00+00:00"),
    "that nobody can read": "[",
    "with the tag of another": shared("a"),
}


@pytest.mark.parametrize("kind", NOT_TOGETHER)
def test_a_job_goes_together_with_none_before_it(client, kind):
    client.lpush(NORMAL, shared("a"), shared("c"), NOT_TOGETHER[kind], shared("d"))
    assert tags_of(take(client, together=100)) == ["a", "c"]
    assert client.lrange(NORMAL, 0, -1) == [shared("d"), NOT_TOGETHER[kind]]


def test_a_job_that_ended_a_worker_goes_alone(client):
    client.lpush(NORMAL, shared("a"), shared("b"), shared("c"), shared("d"))
    client.hset(DELIVERIES, "id of c", 1)
    assert tags_of(take(client, together=100)) == ["a", "b"]
    assert take(client, together=100) == [NORMAL, shared("c"), "c", 1]
    assert take(client, together=100)[2] == "d"


def test_large_jobs_go_together_up_to_a_size(client):
    client.lpush(NORMAL, *map(shared, "abcd"))
    assert tags_of(take(client, together=100, most_bytes=2 * len(shared("a")))) == ["a", "b"]


def test_a_crowd_and_bulk_jobs_wait_while_their_places_are_taken_and_one_alone_does_not(client):
    client.lpush(NORMAL, shared("a"), shared("b"))
    assert take(client, together=0) is None
    client.delete(NORMAL)
    client.lpush(NORMAL, job("c", task="octoworker.send_many"), job("d"))
    assert take(client, together=0) is None
    client.rpop(NORMAL)
    assert take(client, together=0)[2] == "d"
    client.lpush(NORMAL, shared("e"))
    assert take(client, together=0)[2] == "e"


@pytest.mark.parametrize(("where", "then"), [("front", "dcba"), ("end", "badc")])
def test_what_was_not_begun_goes_back_in_its_order_and_is_not_counted(client, where, then):
    client.lpush(NORMAL, *map(shared, "abcd"))
    assert tags_of(take(client, together=2)) == ["a", "b"]
    assert restore(client, "a", "b", where=where, counted_for=0) == [2]
    assert client.lrange(NORMAL, 0, -1) == [shared(tag) for tag in then]
    assert (client.hlen(NOTES), client.zcard(INDEX), client.hlen(DELIVERIES)) == (0, 0, 0)


def test_jobs_whose_process_died_of_one_of_them_go_alone_afterwards(client):
    client.lpush(NORMAL, *map(shared, "abc"))
    assert tags_of(take(client, together=2)) == ["a", "b"]
    restore(client, "a", "b")
    assert [take(client, together=100)[2:] for _ in range(3)] == [["a", 1], ["b", 1], ["c", 0]]
