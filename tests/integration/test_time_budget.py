"""All that a call asks of Redis shares one budget: no step of it, nor their sum, takes longer."""

from __future__ import annotations

import uuid

import pytest
import redis
from harness import NUMBER, TEXT

from octoworker.client.campaigns import loading
from octoworker.client.campaigns.campaign import taken_by
from octoworker.client.campaigns.spool import Spool
from octoworker.client.campaigns.template import Template
from octoworker.client.client import Client
from octoworker.errors import EnqueueError
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


ASKED = {"recipients": NUMBER, "text": TEXT, "transactional": True}


def campaign(client):
    with Spool([{"recipient": NUMBER}], Template(TEXT), "recipient") as rows:
        taken_by(client, loading.Asked(TEXT, {"transactional": True}, rows.digest), rows, "")


DOORS = {
    "enqueue": lambda client: client.enqueue(ASKED),
    "enqueue with a key": lambda client: client.enqueue({**ASKED, "idempotency_key": "k"}),
    "replace": lambda client: client.replace({**ASKED, "idempotency_key": "k"}),
    "enqueue_many": lambda client: client.enqueue_many([ASKED]),
    "campaign": campaign,
}


@pytest.mark.parametrize("door", DOORS)
def test_each_door_has_one_budget_for_all_that_it_asks(house, door):
    """With none left it asks nothing, says so, and has taken nobody. With its own it does."""
    client = Client(house.environ)
    its_own, client.budget = client.budget, 0
    with pytest.raises(EnqueueError, match="try again"):
        DOORS[door](client)
    assert house.redis.keys("ow:message:*") == []
    client.budget = its_own
    DOORS[door](client)
    assert len(house.redis.keys("ow:message:*")) == 1
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
