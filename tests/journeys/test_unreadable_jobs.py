"""What lies in a queue and is no job costs one line of the log: not the worker, and no message."""

from __future__ import annotations

import base64
import json

import pytest
from harness import TEXT, until

from octoworker.sms.record import State

SECRET = "MARKERGARBAGE"

ENVELOPE = {
    "body": base64.b64encode(json.dumps([[], {"text": SECRET}, {}]).encode()).decode(),
    "content-encoding": "utf-8",
    "content-type": "application/json",
    "headers": {"lang": "py", "task": "octoworker.send_sms", "id": "1" * 32, "root_id": "1" * 32, "parent_id": None},
    "properties": {
        "correlation_id": "1" * 32,
        "delivery_mode": 2,
        "delivery_info": {"exchange": "", "routing_key": "sms"},
        "body_encoding": "base64",
        "delivery_tag": "tag-1",
    },
}


def envelope(**changes):
    return json.dumps({**ENVELOPE, **changes})


def headers(**changes):
    return envelope(headers={**ENVELOPE["headers"], **changes})


GARBAGE = {
    "not JSON": f"{SECRET} +33600000000",
    "not text": b"\xff\xfe" + SECRET.encode(),
    "a number": "42",
    "a list": f'["{SECRET}"]',
    "an empty object": "{}",
    "too deep": "[" * 100_000,
    "no properties": json.dumps({"body": SECRET}),
    "a body that is no base64": envelope(body=f"{SECRET}!"),
    "a body of another type": envelope(body=5),
    "a body that is no JSON": envelope(body=base64.b64encode(SECRET.encode()).decode()),
    "a body of the wrong shape": envelope(body=base64.b64encode(b'{"text": "MARKERGARBAGE"}').decode()),
    "another content type": envelope(**{"content-type": "application/x-python-serialize"}),
    "an unknown content type": envelope(**{"content-type": "application/x-unheard-of"}),
    "an unknown task": headers(task=f"shop.{SECRET}"),
    "a task that is a list": headers(task=[SECRET]),
    "headers that are a list": envelope(headers=[SECRET]),
    "an unknown compression": headers(compression="x-unheard-of"),
    "an eta that is no time": headers(eta=SECRET),
    "an expiry that is no time": headers(expires=SECRET),
    "an id that is a list": headers(id=[SECRET]),
    "an id with half of a surrogate pair": headers(id="\ud800"),
}


@pytest.mark.parametrize("kind", GARBAGE)
def test_a_worker_survives_what_is_no_job_and_does_the_next_ones(house, kind):
    """celery 5.7.0 ends (rc 1) on most of these. When this passes without LastingConsumer's guards, they can go."""
    worker = house.worker()
    house.redis.lpush("sms", GARBAGE[kind])
    until(lambda: house.redis.llen("sms") == 0)
    message_id = house.enqueue()
    assert house.ended(message_id).state is State.ACCEPTED
    assert worker.process.poll() is None
    assert house.times_told("job.unreadable") == 1
    assert SECRET not in worker.log()
    assert until(lambda: house.redis.hlen("unacked") == 0)
    assert house.redis.llen("ow:jobs-set-aside") == 1


DAMAGE = {
    "half of it": lambda job: job[: len(job) // 2],
    "its body": lambda job: json.dumps({**json.loads(job), "body": "!"}),
    "its content type": lambda job: json.dumps({**json.loads(job), "content-type": "application/x-unheard-of"}),
    "its task": lambda job: job.replace("octoworker.send_sms", "octoworker.unheard_of"),
    "its properties": lambda job: json.dumps({**json.loads(job), "properties": {}}),
}


@pytest.mark.parametrize("part", DAMAGE)
def test_a_message_whose_job_was_damaged_in_the_queue_is_rung_again(house, part):
    message_id = house.enqueue()
    job = house.redis.rpop("sms.urgent")
    house.redis.lpush("sms.urgent", DAMAGE[part](job))
    worker = house.worker()
    assert house.ended(message_id).state is State.ACCEPTED
    assert house.texts() == [TEXT]
    assert house.times_told("job.unreadable") == 1
    assert TEXT not in worker.log()


def test_garbage_on_the_channel_of_celerys_remote_control_does_not_end_the_worker(house):
    worker = house.worker()
    until(house.redis.pubsub_numpat)
    for number, garbage in enumerate((GARBAGE["too deep"], "{}", "[]", SECRET, json.dumps({"body": SECRET})), 1):
        house.redis.publish("/0.celery.pidbox", garbage)
        until(lambda number=number: worker.log().count("job.unreadable") == number)
    message_id = house.enqueue()
    assert house.ended(message_id).state is State.ACCEPTED
    assert worker.process.poll() is None
    assert SECRET not in worker.log()
