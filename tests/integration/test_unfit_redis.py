"""A Redis that will never do, and an address that cannot be used, are told in one sentence by everything that asks Redis."""

from __future__ import annotations

import json

import pytest
import redis
from harness import until

from octoworker import EnqueueError
from octoworker.client.client import Client
from octoworker.store import embedded

SEND = ("send", "--to", "+33612345678", "--text", "Bonjour", "--transactional")
NO_DATABASE = 4711


@pytest.fixture(params=["a node of several", "a node without slots", "no such database"])
def unfit(request, redis_server):
    """The address of a Redis that will not do."""
    if request.param == "no such database":
        yield redis_server.url.removesuffix("/0") + f"/{NO_DATABASE}"
        return
    with embedded.Server(cluster_enabled="yes", cluster_require_full_coverage="no") as server:
        if request.param == "a node of several":
            with redis.Redis(port=server.port, decode_responses=True) as client:
                elsewhere = client.execute_command("CLUSTER", "KEYSLOT", "ow:due")
                for first, last in ((0, elsewhere - 1), (elsewhere + 1, 16383)):
                    client.execute_command("CLUSTER", "ADDSLOTSRANGE", first, last)
                until(lambda: "cluster_state:ok" in str(client.execute_command("CLUSTER", "INFO")))
        yield server.url


def test_enqueue_says_so_and_does_not_advise_to_try_again(unfit):
    client = Client({"REDIS_URL": unfit}, timeout=5)
    with pytest.raises(EnqueueError) as caught:
        client.enqueue({"recipients": "+33612345678", "text": "Bonjour"})
    client.close()
    assert str(caught.value).startswith("This Redis will not do: it ")
    assert "try again" not in str(caught.value)


@pytest.mark.parametrize("command", [("stats",), SEND, ("doctor",), ("worker",)], ids=lambda command: command[0])
def test_commands_say_so_in_one_sentence(house, unfit, command):
    house.environ["OCTOWORKER_REDIS_URL"] = unfit
    done = house.command(*command, check=False)
    assert done.returncode != 0
    said = done.stdout + done.stderr
    assert "Traceback" not in said
    assert "a cluster" in said or "no database of the number" in said


@pytest.mark.parametrize("command", ["doctor", "worker"])
def test_a_cluster_of_one_node_is_told_before_it_grows(house, command):
    """It takes every command, as long as all keys are its own."""
    with embedded.Server(cluster_enabled="yes") as server:
        with redis.Redis(port=server.port, decode_responses=True) as client:
            client.execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
            until(lambda: "cluster_state:ok" in str(client.execute_command("CLUSTER", "INFO")))
        house.environ["OCTOWORKER_REDIS_URL"] = server.url
        done = house.command(command, check=False)
    assert done.returncode != 0
    assert ("problem  cluster " if command == "doctor" else "a cluster") in done.stdout + done.stderr


@pytest.mark.parametrize("command", [("stats",), SEND, ("doctor",), ("worker",)], ids=lambda command: command[0])
@pytest.mark.parametrize(
    "url", ["redis://127.0.0.1:abc/0", "redis://127.0.0.1/0?socket_timeout=soon", "redis://127.0.0.1/0?colour=blue"]
)
def test_an_address_that_cannot_be_used_is_one_sentence(house, url, command):
    house.environ["REDIS_URL"] = url
    done = house.command(*command, check=False)
    assert done.returncode == (1 if command == ("doctor",) else 2)
    said = done.stdout + done.stderr
    assert "Traceback" not in said
    assert len([line for line in said.splitlines() if "REDIS_URL" in line]) == 1


def test_a_cache_that_evicts_is_told_by_the_doctor_and_at_boot(house):
    house.redis.config_set("maxmemory-policy", "allkeys-lru")
    house.worker()
    (event,) = [json.loads(line) for line in house.logs().splitlines() if '"redis.evicts"' in line]
    assert event["policy"] == "allkeys-lru"
    assert "OCTOWORKER_REDIS_URL" in event["hint"]
    (finding,) = [
        each for each in json.loads(house.command("doctor", "--json", check=False).stdout) if each["name"] == "eviction"
    ]
    assert finding["outcome"] == "problem"
    assert "OCTOWORKER_REDIS_URL" in finding["do"]


def test_another_redis_for_the_jobs_that_evicts_and_keeps_nothing_is_told_by_the_doctor_and_at_boot(house):
    with embedded.Server(appendonly="no", maxmemory_policy="allkeys-lru") as cache:
        house.environ["OCTOWORKER_BROKER_URL"] = cache.url
        house.worker()
        (event,) = [json.loads(line) for line in house.logs().splitlines() if '"redis.evicts"' in line]
        assert event["policy"] == "allkeys-lru"
        found = json.loads(house.command("doctor", "--json", check=False).stdout)
        told = {each["outcome"]: each["says"] for each in found if each["name"] == "jobs' Redis"}
        assert "allkeys-lru" in told["problem"]
        assert "append-only" in told["warning"]
        assert [each["outcome"] for each in found if each["name"] == "eviction"] == ["ok"]


def test_a_misspelt_setting_is_told_at_boot_by_settings_and_by_the_doctor(house):
    house.environ["OCTOWORKER_SENDR"] = "MyShop"
    says = "OCTOWORKER_SENDR is no setting; did you mean OCTOWORKER_SENDER?"
    house.worker()
    assert says in house.logs()
    assert says in house.command("settings").stderr
    assert says in house.command("doctor", check=False).stdout
