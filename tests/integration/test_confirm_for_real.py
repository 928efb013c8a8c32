"""OCTOWORKER_CONFIRM as its users meet it: a worker that refuses to start, a doctor that says what it costs, an EnqueueError."""

from __future__ import annotations

import json

import pytest
import redis
from harness import patient, until

from octoworker import EnqueueError
from octoworker.client.client import Client
from octoworker.store import embedded

MESSAGE = {"recipients": "+33612345678", "text": "Bonjour"}


def finding(house):
    done = house.command("doctor", "--json", check=False)
    return next(each for each in json.loads(done.stdout) if each["name"] == "confirm")


def test_a_redis_that_does_not_wait_for_its_disk_is_refused_with_disk(house):
    house.environ["OCTOWORKER_CONFIRM"] = "disk"
    done = house.command("worker", check=False)
    assert done.returncode == 2
    assert "set appendonly yes and appendfsync always" in done.stdout + done.stderr
    assert finding(house)["outcome"] == "problem"
    house.redis.config_set("appendfsync", "always")
    assert finding(house)["outcome"] == "ok"
    house.worker()


def test_what_no_replica_confirms_is_an_enqueue_error_and_a_problem_for_the_doctor(house):
    house.environ["OCTOWORKER_CONFIRM"] = "replica"
    client = Client({**house.environ, "OCTOWORKER_CONFIRM_WITHIN": "0.05"})
    with pytest.raises(EnqueueError, match="0 of 1 replicas confirmed it in time: try again, with the same"):
        client.enqueue(MESSAGE)
    client.close()
    assert finding(house)["outcome"] == "problem"


def test_with_a_replica_it_is_sent_and_the_doctor_says_what_it_costs(house):
    with embedded.Server() as replica, redis.Redis.from_url(replica.url) as follower:
        house.redis.config_set("repl-diskless-sync-delay", 0)
        follower.replicaof("127.0.0.1", house.server.port)
        house.redis.set("there", "")
        until(lambda: house.redis.wait(1, 1000))
        house.environ |= {"OCTOWORKER_CONFIRM": "replica", "OCTOWORKER_CONFIRM_WITHIN": "3"}
        house.worker()
        client = patient(house.environ)
        message_id = client.enqueue({**MESSAGE, "transactional": True})
        house.ended(message_id, "accepted")
        client.close()
        assert follower.hget(f"ow:message:{message_id}", "state") == b"accepted"
        assert "1 of 1 replica confirmed a write in" in finding(house)["says"]
