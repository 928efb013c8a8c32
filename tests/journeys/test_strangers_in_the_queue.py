"""A stranger who can write to the queues, and do nothing else, changes, stops and reads nobody's message."""

from __future__ import annotations

import json

import pytest
import redis
from harness import NUMBER, TEXT, until

from octoworker.client import publish
from octoworker.sms import jobs
from octoworker.sms.record import State

OTHER_NUMBER, OTHER_TEXT = "+33698765432", "MARKER of a stranger"

TRUE = {"recipients": NUMBER, "text": TEXT, "transactional": True}

FORGED = {
    "another text": {**TRUE, "text": OTHER_TEXT},
    "another number": {**TRUE, "recipients": OTHER_NUMBER},
    "another person beside": {**TRUE, "recipients": [NUMBER, OTHER_NUMBER]},
    "nothing that can be read": {"recipients": 5, "text": {"a": []}},
    "nobody": {**TRUE, "recipients": []},
    "a time long past": {**TRUE, "text": OTHER_TEXT, "expires_at": "2020-01-01T00:00:00Z"},
    "an odd argument": {**TRUE, "odd": OTHER_TEXT},
    "a newer version": {**TRUE, "text": OTHER_TEXT, "version": jobs.VERSION + 1},
}


@pytest.fixture
def stranger(house):
    """A user of Redis with the right to put something into a queue, and no other."""
    house.redis.execute_command(
        "ACL", "SETUSER", "stranger", "reset", "on", ">pw", "-@all", "+lpush", "%W~sms", "%W~sms.*"
    )
    client = redis.Redis.from_url(house.redis_url.replace("//", "//stranger:pw@"), decode_responses=True)
    yield client
    client.close()


def forged(message_id, arguments):
    """A job as Celery would write it, that names somebody else's message."""
    (job,) = publish.single(message_id, json.dumps(arguments), "urgent").jobs
    return job


@pytest.mark.parametrize("what", FORGED)
@pytest.mark.parametrize("when", ["before the true job", "behind it"])
def test_a_job_that_names_anothers_message_sends_what_the_record_says(house, stranger, what, when):
    if when == "behind it":
        message_id = house.enqueue()
        stranger.lpush("sms.urgent", forged(message_id, FORGED[what]))
    else:
        message_id = house.enqueue()
        true = house.redis.rpop("sms.urgent")
        stranger.lpush("sms.urgent", forged(message_id, FORGED[what]))
        house.redis.lpush("sms.urgent", true)
    house.worker()
    record = house.ended(message_id)
    until(lambda: house.redis.llen("sms.urgent") == 0 and house.redis.hlen("unacked") == 0)
    assert record.state is State.ACCEPTED
    assert house.texts() == [TEXT]
    assert house.texts(OTHER_NUMBER) == []
    assert OTHER_TEXT not in json.dumps(house.redis.hgetall(f"ow:message:{message_id}"))


def test_a_stranger_reads_no_queue_and_no_record(house, stranger):
    message_id = house.enqueue()
    for command in (
        ("LRANGE", "sms.urgent", "0", "-1"),
        ("RPOP", "sms.urgent"),
        ("HGETALL", f"ow:message:{message_id}"),
    ):
        with pytest.raises(redis.exceptions.NoPermissionError):
            stranger.execute_command(*command)
