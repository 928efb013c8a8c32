"""Each option that an ordinary Celery producer may give is honoured, ignored or refused, as docs/celery-producers.md says."""

from __future__ import annotations

import pytest
from celery import Celery, signature
from harness import NUMBER, TEXT, until

from octoworker.client.campaigns import loading
from octoworker.client.campaigns.campaign import taken_by
from octoworker.client.campaigns.spool import Spool
from octoworker.client.campaigns.template import Template
from octoworker.sms.record import State

ARGUMENTS = {"recipients": NUMBER, "text": TEXT, "transactional": True}
ELSEWHERE = "shop.anything"


@pytest.fixture
def plain(house):
    """A web app that has Celery and nothing of ours."""
    app = Celery("shop", broker=house.redis_url, backend=house.redis_url, set_as_current=False)
    yield app
    app.close()


def send(plain, **options):
    return plain.send_task("octoworker.send_sms", kwargs=ARGUMENTS, queue="sms", **options)


def id_of(job):
    return job.id.replace("-", "")


HONOURED = {
    "nothing": {},
    "the highest priority": {"priority": 0},
    "a priority": {"priority": 5},
    "the lowest priority": {"priority": 9},
    "a countdown": {"countdown": 0.2},
    "expires, in time": {"expires": 600},
    "compression": {"compression": "gzip"},
    "other compression": {"compression": "zlib"},
    "headers": {"headers": {"x-shop": "17", "traceparent": "no trace"}},
    "an id of its own": {"task_id": "order 17"},
    "no result": {"ignore_result": True},
    "a shadow name": {"shadow": "shop.sms"},
    "time limits": {"time_limit": 0.01, "soft_time_limit": 0.01},
    "nothing to link": {"link": [], "chain": []},
}


@pytest.mark.parametrize("pool", ["threads", "prefork"])
def test_options_that_are_honoured_or_ignored_cost_no_message(house, plain, pool):
    jobs = {name: send(plain, **options) for name, options in HONOURED.items()}
    old = Celery("old shop", broker=house.redis_url, set_as_current=False, task_protocol=1)
    jobs["protocol 1"] = send(old)
    old.close()
    house.worker(pool=pool)
    until(lambda: len(house.texts()) == len(jobs))
    assert house.texts() == [TEXT] * len(jobs)
    assert house.redis.exists("ow:jobs-set-aside") == 0
    known = [house.ended(id_of(job)) for name, job in jobs.items() if name != "an id of its own"]
    assert all(record.state is State.ACCEPTED for record in known)


def other_task():
    return signature(ELSEWHERE, queue="celery")


REFUSED = {
    "link": lambda: {"link": other_task()},
    "link_error": lambda: {"link_error": other_task()},
    "chain": lambda: {"chain": [other_task()]},
    "chord": lambda: {"chord": other_task()},
}


@pytest.mark.parametrize("pool", ["threads", "prefork"])
def test_a_job_that_would_make_the_worker_publish_others_is_refused_by_name_and_publishes_none(house, plain, pool):
    house.worker(pool=pool)
    jobs = {option: send(plain, **given()) for option, given in REFUSED.items()}
    for option, job in jobs.items():
        record = house.ended(id_of(job))
        assert record.state is State.REJECTED
        assert f"{option}: it would make this worker publish another task" in record.reason
    until(lambda: house.redis.hlen("unacked") == 0)
    assert house.texts() == []
    assert house.redis.llen("celery") == 0


def test_a_job_that_expired_in_its_queue_is_not_sent(house, plain):
    job = send(plain, expires=0.001)
    worker = house.worker()
    until(lambda: job.state == "REVOKED")
    assert house.texts() == []
    assert worker.process.poll() is None


@pytest.mark.parametrize("serializer", ["pickle", "yaml"])
def test_a_job_in_another_serializer_is_set_aside(house, plain, serializer):
    pytest.importorskip(serializer)
    send(plain, serializer=serializer)
    house.worker()
    until(lambda: house.redis.llen("ow:jobs-set-aside") == 1)
    assert house.times_told("job.unreadable") == 1
    assert house.texts() == []


def of_campaign(client, text):
    with Spool([{"recipient": NUMBER}], Template(text), "recipient") as rows:
        campaign = taken_by(client, loading.Asked(text, {"transactional": True}, rows.digest), rows, "")
    ((message_id, _),) = client.store.campaigns.ids(campaign)
    return message_id


DOORS = {
    "enqueue": lambda client, text: client.enqueue({**ARGUMENTS, "text": text}),
    "enqueue with a key": lambda client, text: client.enqueue({**ARGUMENTS, "text": text, "idempotency_key": "k"}),
    "enqueue_many": lambda client, text: client.enqueue_many([{**ARGUMENTS, "text": text}])[0],
    "campaign": of_campaign,
}


def test_a_job_that_names_somebody_elses_message_sends_nothing_in_its_place(house, plain):
    """It comes before the message's own job, which is sent as it was taken, whichever door that was."""
    ids = {door: take(house.client, f"by {door}") for door, take in DOORS.items()}
    for message_id in ids.values():
        plain.send_task(
            "octoworker.send_sms", kwargs={**ARGUMENTS, "message_id": message_id}, queue="sms.urgent", priority=0
        )
    queued = house.redis.lrange("sms.urgent", 0, -1)
    house.redis.delete("sms.urgent")
    house.redis.rpush("sms.urgent", *queued[len(ids) :], *queued[: len(ids)])
    house.worker()
    assert {house.ended(message_id).state for message_id in ids.values()} == {State.ACCEPTED}
    assert sorted(house.texts()) == sorted(f"by {door}" for door in ids)


MARK = "MARKERLARGE"

LARGE = {
    "a text": {"text": MARK * 100_000},
    "a reference": {"reference": MARK * 100_000},
    "a number": {"recipients": NUMBER + " " * 1_000_000},
    "a list": {"recipients": [f"{MARK}{n}" for n in range(50_000)]},
    "numbers in a list": {"recipients": [MARK * 1_000] * 1_000},
    "a list in place of a word": {"sender": [MARK] * 100_000},
    "the name of an argument": {MARK * 100_000: 1},
    "names of arguments": {f"{MARK}{n}": 1 for n in range(50_000)},
    "an argument that does not exist": {"colour": MARK * 100_000},
}


@pytest.mark.parametrize("what", LARGE)
def test_what_is_too_large_is_refused_and_not_kept(house, plain, what):
    """A megabyte is in the job. Its record lives for weeks, its result for a day, and a log for as long as somebody likes."""
    arguments = {**ARGUMENTS, **LARGE[what]}
    job = plain.send_task("octoworker.send_sms", kwargs=arguments, queue="sms")
    house.worker()
    record = house.ended(id_of(job))
    assert record.state is State.REJECTED
    assert len(record.reason) < 500
    kept = house.redis.hgetall(f"ow:message:{id_of(job)}")
    assert sum(map(len, kept.values())) < 60_000
    until(lambda: job.state == "FAILURE")
    assert len(house.redis.get(f"celery-task-meta-{job.id}")) < 4_000
    assert max(map(len, house.logs().splitlines())) < 2_000
    assert house.texts() == []


@pytest.mark.parametrize("what", LARGE)
def test_what_was_too_large_is_so_when_an_operator_sends_it_back(house, plain, what):
    job = plain.send_task("octoworker.send_sms", kwargs={**ARGUMENTS, **LARGE[what]}, queue="sms")
    house.worker()
    house.ended(id_of(job))
    house.command("replay", id_of(job))
    record = house.ended(id_of(job))
    assert [move.state for move in record.history].count(State.REJECTED) == 2
    assert house.texts() == []


def test_a_job_whose_record_no_script_can_handle_costs_one_line_and_no_loop(house, plain):
    house.redis.set(f"ow:message:{'a' * 32}", "no hash")
    house.worker()
    job = send(plain, task_id="a" * 32)
    until(lambda: job.state == "FAILURE")
    until(lambda: house.redis.hlen("unacked") == 0)
    assert house.times_told("job.unreadable") == 1
    assert house.redis.llen("sms") == 0
    assert "sms.store_unavailable" not in house.logs()
    send(plain)
    assert until(house.texts) == [TEXT]
