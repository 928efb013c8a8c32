"""All that a call asks of Redis shares one budget: no step of it, nor their sum, takes longer."""

from __future__ import annotations

import uuid

import pytest
import redis
from harness import TEXT

from octoworker.store import connect
from octoworker.store.budget import within

LONG = 60.0


def test_nothing_is_asked_once_the_budget_is_spent(house):
    client = connect(house.redis_url, timeout=LONG, retries=0)
    with within(0), pytest.raises(redis.TimeoutError):
        client.ping()
    assert client.ping()
    client.close()


def test_a_connection_waits_no_longer_than_what_is_left_and_its_own_time_comes_back(house):
    client = connect(house.redis_url, timeout=LONG, connections=1, retries=0)
    client.ping()
    connection = client.connection_pool.get_connection()
    with within(LONG / 2):
        connection.send_command("PING")
        connection.read_response()
        hurried = connection._sock.gettimeout()  # noqa: SLF001 - what the kernel was told
    connection.send_command("PING")
    connection.read_response()
    assert hurried <= LONG / 2
    assert connection._sock.gettimeout() == LONG  # noqa: SLF001 - the same
    client.connection_pool.release(connection)
    client.close()


def test_a_budget_inside_another_ends_with_it(house):
    client = connect(house.redis_url, timeout=LONG, retries=0)
    with within(0):
        with within(LONG):
            assert client.ping()
        with pytest.raises(redis.TimeoutError):
            client.ping()
    client.close()


def test_the_id_of_a_job_is_the_id_of_its_message_with_or_without_dashes(house):
    job_id = str(uuid.uuid4())
    house.client.app.send_task(
        "octoworker.send_sms",
        kwargs={"recipients": "+33612345678", "text": TEXT, "transactional": True},
        task_id=job_id,
        queue="sms",
    )
    house.worker()
    house.ended(job_id.replace("-", ""))
    assert (
        house.command("status", job_id, "--json").stdout
        == house.command("status", job_id.replace("-", ""), "--json").stdout
    )
