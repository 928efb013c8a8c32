"""Workers and web apps go where the Sentinels say that the primary is. `make check-failover` has fifty of them go under load."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from failover.cluster import Cluster, binary_of
from harness import API_KEY, LOGIN, NUMBER, House, until

import octoworker
from octoworker import EnqueueError, StoreError
from octoworker.client.client import client, close
from octoworker.sandbox import Sandbox
from octoworker.sms.record import State


@pytest.fixture
def cluster(tmp_path):
    """Without TLS, which the server of the tests was built without."""
    it = Cluster(tmp_path, binary_of("valkey"), tls=False, min_replicas=0)
    try:
        yield it.start()
    finally:
        it.close()


@pytest.fixture
def house(cluster, tmp_path, monkeypatch):
    with Sandbox(user_login=LOGIN, api_key=API_KEY) as sandbox:
        primary = cluster.servers[0]
        plain = f"redis://admin:{cluster.passwords['admin']}@127.0.0.1:{primary.real}/0"
        it = House(plain, sandbox, tmp_path)
        it.environ["OCTOWORKER_REDIS_URL"] = cluster.url("worker")
        it.redis_url = plain
        for name, value in it.environ.items():
            if name.startswith("OCTO"):
                monkeypatch.setenv(name, value)
        monkeypatch.setenv("OCTOWORKER_REDIS_URL", cluster.url("producer"))
        close()
        yield it
        close()
        it.close()


def taken(ask):
    """What a producer does that repeats its key until it is taken."""

    def try_it():
        try:
            return ask()
        except EnqueueError:
            return None

    return until(try_it)


def follows():
    """Whether this web app has noticed; until then it may write where nobody follows, which CONFIRM=replica would tell."""
    store = client().store
    with contextlib.suppress(StoreError):
        store.ping()
    return store.primary_moves == 1


def test_the_next_message_goes_by_the_new_primary(cluster, house):
    house.worker()
    before = cluster.primary()

    def message(text):
        return {"recipients": NUMBER, "text": text, "transactional": True, "idempotency_key": text}

    async def by_coroutine(text):
        try:
            return await octoworker.aenqueue(**message(text))
        finally:
            await octoworker.aclose()

    first = taken(lambda: octoworker.enqueue(**message("one")))
    until(lambda: octoworker.status(first)["state"] == State.ACCEPTED)
    until(cluster.failover)
    until(lambda: cluster.primary() not in (before, None))
    until(follows)
    ids = [taken(lambda: octoworker.enqueue(**message("two"))), taken(lambda: asyncio.run(by_coroutine("three")))]
    plain = {"recipients": NUMBER, "text": "four", "transactional": True, "sender": "Octo"}
    job = client().app.send_task("octoworker.send_sms", kwargs=plain, queue="sms")
    ids.append(job.id.replace("-", ""))
    now = cluster.admin(cluster.primary())
    for message_id in ids:
        until(lambda known=message_id: now.hget(f"ow:message:{known}", "state") == "accepted")
    assert sorted(house.texts()) == ["four", "one", "three", "two"]
    house.times_told("redis.replaced")
