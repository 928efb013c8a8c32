"""`octoworker aside`, as an operator uses it: what no worker goes on with, without a word of its content."""

from __future__ import annotations

import json

import pytest
import redis
from harness import NUMBER, TEXT, until


def listed(house):
    return json.loads(house.command("aside", "list", "--json").stdout)


NO_JOB = f'{{"to": "{NUMBER}", "text": "{TEXT}\n'.encode() + b"\xff\xfe"
"""Not even text."""


@pytest.fixture
def aside(house):
    """A job that was no job, and a record that no script can handle."""
    house.redis.lpush("sms", NO_JOB)
    house.redis.zadd("ow:broken-records", {"a" * 32: 1_790_000_000_000})
    worker = house.worker()
    until(lambda: house.redis.llen("ow:jobs-set-aside"))
    worker.stop()
    return house


def test_what_is_set_aside_is_listed_put_back_and_discarded_and_never_shown(aside):
    found = {each["kind"]: each for each in listed(aside)}
    assert (found["job"]["queue"], found["job"]["reason"]) == ("sms", "unreadable")
    assert found["record"]["message_id"] == "a" * 32
    seen = aside.command("aside", "list").stdout
    assert found["job"]["id"] in seen
    assert [part for part in (NUMBER, TEXT) if part in seen + json.dumps(found)] == []
    told = aside.command("doctor", check=False).stdout
    assert told.count("octoworker aside list") == 2
    assert aside.command("aside", "put-back", found["job"]["id"]).stdout == "1 put back.\n"
    with redis.Redis.from_url(aside.redis_url) as bytes_of:
        assert bytes_of.lrange("sms", 0, -1) == [NO_JOB]
    again = aside.command("aside", "discard", found["job"]["id"], check=False)
    assert (again.returncode, again.stdout) == (1, "0 discarded.\n")
    assert aside.command("aside", "discard", "--all").stdout == "1 discarded.\n"
    assert listed(aside) == []
    assert aside.command("aside", "list").stdout == "Nothing is set aside.\n"
    assert aside.command("aside", "discard", check=False).returncode == 2
