"""set_job_aside.lua, put_job_back.lua and what an operator does with them: what no worker goes on with is looked at, and tried
again or dropped."""

from __future__ import annotations

import json

import fakeredis
import pytest
from store_kit import ID, seconds_of

from octoworker.sms import jobs
from octoworker.store.scripts import source
from octoworker.store.set_aside import BrokenRecords, JobsAside

INDEX, NOTES, ASIDE, NORMAL = "unacked_index", "unacked", "ow:jobs-set-aside", "sms"


def job(tag, **headers):
    return json.dumps(
        {"body": "e30=", "headers": {"id": ID, "stamps": [], **headers}, "properties": {"delivery_tag": tag}}
    )


@pytest.fixture
def client(server):
    """As an operator's command opens it."""
    return fakeredis.FakeRedis(server=server, decode_responses=True, encoding_errors="surrogateescape")


def take(client, *lists):
    places = (INDEX, NOTES, "ow:deliveries", ASIDE, *(lists or (NORMAL,)))
    sharing = (jobs.TOGETHER, jobs.VERSION, jobs.BULK_TASK, 1, 100_000)
    return client.eval(source("take"), len(places), *places, 2, 60_000, 10, *sharing, *[1] * (len(places) - 4))


def lay_aside(client, tag):
    return client.eval(source("set_job_aside"), 3, INDEX, NOTES, ASIDE, tag, "unreadable", 60_000, 10)


def test_a_job_in_hand_is_laid_aside_as_it_was_taken_with_its_list_by_redis_clock(client):
    client.lpush("sms.bulk", job("a"))
    take(client, "sms.bulk")
    assert lay_aside(client, "a") == "done"
    kept = json.loads(client.lindex(ASIDE, 0))
    assert kept == {"at": int(seconds_of(client)), "queue": "sms.bulk", "reason": "unreadable", "job": job("a")}
    assert (client.hlen(NOTES), client.zcard(INDEX)) == (0, 0)
    assert lay_aside(client, "a") == "absent"


def test_what_somebody_else_noted_is_laid_aside_as_a_whole(client):
    client.hset(NOTES, "a", json.dumps([json.loads(job("a")), "", NORMAL]))
    assert lay_aside(client, "a") == "done"
    (kept,) = JobsAside(client).all()
    assert (kept.queue, kept.message_id) == ("", "")
    assert not JobsAside(client).put_back(kept)
    assert JobsAside(client).discard(kept)


@pytest.mark.parametrize("raw", [b"no job", b"[]", b'{"headers": {"id": [1]}}', b"[" * 3000])
def test_a_job_goes_back_to_its_queue_as_it_was(server, client, raw):
    inside = fakeredis.FakeRedis(server=server)
    inside.lpush(NORMAL, raw)
    take(client)
    jobs = JobsAside(client)
    (kept,) = jobs.all()
    assert (kept.queue, kept.reason, kept.message_id) == (NORMAL, "unreadable", "")
    assert jobs.put_back(kept)
    assert inside.lrange(NORMAL, 0, -1) == [raw]
    assert list(jobs.all()) == []
    assert not jobs.put_back(kept), "and once"
    assert inside.llen(NORMAL) == 1


@pytest.mark.parametrize(
    "raw", ["no entry", "[]", "{}", '{"at": 1e300, "queue": "", "reason": "", "job": ""}', "[" * 90_000, b"\xff"]
)
def test_an_entry_that_is_none_hides_no_other_and_can_be_dropped(client, raw):
    client.lpush(ASIDE, raw)
    client.lpush(NORMAL, "no job")
    take(client)
    jobs = JobsAside(client)
    odd = next(each for each in jobs.all() if each.reason == "this entry is not as octoworker writes it")
    assert len(list(jobs.all())) == 2
    assert not jobs.put_back(odd)
    assert jobs.discard(odd)
    assert [each.reason for each in jobs.all()] == ["unreadable"]


def test_a_job_says_its_message_and_two_that_differ_have_two_names(client):
    for tag in "ab":
        client.lpush(NORMAL, job(tag))
        take(client)
        lay_aside(client, tag)
    found = list(JobsAside(client).all())
    assert [each.message_id for each in found] == [ID, ID]
    assert len({each.id for each in found}) == 2
    assert JobsAside(client).discard(found[0])
    assert list(JobsAside(client).all()) == found[1:]


def test_a_record_that_was_mended_is_looked_at_again(client):
    client.zadd("ow:broken-records", {ID: 1000 * seconds_of(client)})
    records = BrokenRecords(client, keep_ms=5000)
    (kept,) = records.all()
    assert (kept.message_id, kept.queue) == (ID, "")
    assert records.put_back(kept)
    assert client.zscore("ow:due", ID) <= 1000 * seconds_of(client)
    assert not records.put_back(kept)


def test_a_record_that_is_left_alone_goes_in_its_time(client):
    client.set(f"ow:message:{ID}", "no record")
    client.zadd("ow:broken-records", {ID: 1000 * seconds_of(client)})
    records = BrokenRecords(client, keep_ms=5000)
    (kept,) = records.all()
    assert records.discard(kept)
    assert list(records.all()) == []
    assert 0 < client.pttl(f"ow:message:{ID}") <= 5000
