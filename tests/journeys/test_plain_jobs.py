"""Jobs from plain `send_task`: no record stands behind them until they are claimed, so their queue must lose none."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest
from celery import Celery
from harness import NUMBER, TEXT, until

from octoworker.sms.record import State

QUICK = {
    # A worker that does not come back is noticed in seconds.
    "OCTOWORKER_HTTP_TIMEOUT": "0.5",
    "OCTOWORKER_LEASE": "2",
    "OCTOWORKER_VISIBILITY_TIMEOUT": "3",
    "OCTOWORKER_ETA_HORIZON": "0.5",
}


@pytest.fixture
def plain(house):
    """A web app that has Celery and nothing of ours."""
    app = Celery("shop", broker=house.redis_url, backend=house.redis_url, set_as_current=False)
    yield app
    app.close()


def send(plain, text=TEXT, **options):
    """The id of the message."""
    kwargs = {"recipients": NUMBER, "text": text, "transactional": True}
    return plain.send_task("octoworker.send_sms", kwargs=kwargs, queue="sms", **options).id.replace("-", "")


@pytest.mark.parametrize("pool", ["threads", "prefork"])
def test_a_job_that_comes_to_a_worker_that_is_killed_before_it_reads_it_is_done_by_another(house, plain, pool):
    """kombu takes a job out of its queue for a worker that waits: one that was frozen then took the job with it."""
    doomed = house.worker(pool=pool)
    until(lambda: house.redis.info("clients")["blocked_clients"])
    doomed.signal(signal.SIGSTOP)
    message_id = send(plain)
    doomed.kill()
    house.worker()
    assert house.ended(message_id).state is State.ACCEPTED
    assert house.texts() == [TEXT]


@pytest.mark.parametrize("house", [QUICK], indirect=True)
def test_plain_jobs_whose_workers_are_killed_all_the_while_ring_once_each(house, plain):
    ids = [send(plain, text=f"message {n}") for n in range(150)]
    for n in range(3):
        doomed = house.worker()
        until(lambda n=n: len(house.sandbox.calls()) > 10 * n)
        doomed.kill()
    house.worker()
    assert all(house.ended(message_id, timeout=60).state is State.ACCEPTED for message_id in ids)
    assert sorted(house.texts()) == sorted(f"message {n}" for n in range(150))


def poisoned(house, **options):
    """A worker that dies of each message before its claim."""
    poison = house.folder / "poison"
    poison.touch()
    settings = {"CRASH_AT": "before_claim", "POISON": str(poison), "PYTHONPATH": str(Path(__file__).parent)}
    return house.worker(settings=settings, app="poisoned", **options), poison


@pytest.mark.parametrize("house", [{**QUICK, "OCTOWORKER_MAX_CRASHES": "2"}], indirect=True)
def test_a_plain_job_that_ends_workers_before_its_claim_is_set_aside(house, plain):
    message_id = send(plain)
    for _ in range(2):
        doomed, poison = poisoned(house)
        doomed.wait()
    poison.unlink()
    house.worker()
    (aside,) = until(lambda: house.redis.lrange("ow:jobs-set-aside", 0, -1))
    assert json.loads(aside)["reason"] == "it ended 2 workers"
    assert house.times_told("job.set_aside") == 1
    assert TEXT not in house.logs()
    assert house.record(message_id) is None
    assert house.texts() == []


@pytest.mark.parametrize("house", [{**QUICK, "OCTOWORKER_MAX_CRASHES": "2"}], indirect=True)
def test_a_plain_job_that_ends_prefork_children_before_its_claim_is_set_aside(house, plain):
    send(plain)
    worker, poison = poisoned(house, pool="prefork")
    until(lambda: house.redis.lrange("ow:jobs-set-aside", 0, -1))
    poison.unlink()
    second = send(plain, text="after it")
    assert house.ended(second).state is State.ACCEPTED
    assert house.texts() == ["after it"]
    assert worker.process.poll() is None


@pytest.mark.parametrize("house", [{**QUICK, "OCTOWORKER_MAX_CRASHES": "3"}], indirect=True)
def test_a_plain_job_that_ended_one_worker_is_done_by_the_next(house, plain):
    message_id = send(plain)
    doomed, poison = poisoned(house)
    doomed.wait()
    poison.unlink()
    house.worker()
    assert house.ended(message_id).state is State.ACCEPTED
    until(lambda: house.redis.hlen("ow:deliveries") == 0)
    assert house.texts() == [TEXT]
