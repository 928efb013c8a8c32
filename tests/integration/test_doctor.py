"""The doctor, with one thing broken at a time. It names it, says what to do, and sends nothing."""

from __future__ import annotations

import json

import pytest
from harness import NUMBER, TEXT, house, until

from octoworker.embedded import free_port


def examined(house):
    """Exit status, and what it found by name."""
    done = house.command("doctor", "--json", check=False)
    return done.returncode, {finding["name"]: finding for finding in json.loads(done.stdout)}


def verdict(house, name):
    return examined(house)[1][name]["verdict"]


def test_a_house_in_order_has_no_problem(house):
    house.environ["OCTOWORKER_CAP_DAY"] = "100"
    house.worker()
    code, found = examined(house)
    assert {name: it for name, it in found.items() if it["verdict"] == "problem"} == {}
    assert code == 0
    for name in (
        "account",
        "sender",
        "caps",
        "zone",
        "gateway",
        "login",
        "balance",
        "version",
        "persistence",
        "eviction",
    ):
        assert found[name]["verdict"] == "ok", name
    assert found["workers"]["says"] == "1 answer; every queue is read"
    assert house.sandbox.handsets() == {}


def test_each_finding_says_what_to_do(house):
    house.worker()
    house.redis.config_set("maxmemory-policy", "allkeys-lru")
    done = house.command("doctor", check=False)
    assert done.returncode == 1
    assert "problem  eviction" in done.stdout
    assert "-> set it to noeviction" in done.stdout
    house.redis.config_set("maxmemory-policy", "noeviction")


def test_without_workers(house):
    assert verdict(house, "workers") == "problem"


def test_a_lane_that_nobody_reads(house):
    house.worker("-Q", "sms.urgent,sms")
    code, found = examined(house)
    assert code == 1
    assert "sms.bulk" in found["workers"]["says"]


def test_a_redis_that_keeps_nothing(tmp_path):
    with house(tmp_path, appendonly="no") as it:
        assert verdict(it, "persistence") == "problem"


def test_a_redis_that_is_away(house):
    house.server.kill()
    code, found = examined(house)
    assert code == 3
    assert found["redis"]["verdict"] == "problem"
    assert found["login"]["verdict"] == "ok"


def test_a_user_of_redis_who_may_not_ask(house):
    house.redis.acl_setuser(
        "shy", enabled=True, passwords=["+pw"], keys=["*"], channels=["*"], commands=["+@all", "-config", "-info"]
    )
    house.environ["REDIS_URL"] = house.redis_url.replace("redis://", "redis://shy:pw@")
    _, found = examined(house)
    assert {found[name]["verdict"] for name in ("version", "persistence", "eviction")} == {"warning"}
    assert "may not ask" in found["version"]["says"]


def test_a_wrong_key(house):
    house.environ["OCTOPUSH_API_KEY"] = "wrong"
    code, found = examined(house)
    assert code == 1
    assert found["login"]["verdict"] == "problem"
    assert "octoworker errors 101" in found["login"]["do"]


def test_an_octopush_that_is_not_there(house):
    house.environ["OCTOPUSH_URL"] = f"http://127.0.0.1:{free_port()}"
    assert verdict(house, "gateway") == "problem"


def test_an_account_without_credit_and_without_key(house):
    house.sandbox.settings(credit="0")
    assert verdict(house, "balance") == "problem"
    del house.environ["OCTOPUSH_API_KEY"]
    assert verdict(house, "account") == "problem"


def test_settings_that_are_likely_a_mistake(house):
    house.environ |= {"OCTOWORKER_SIMULATE": "1", "HTTPS_PROXY": "http://127.0.0.1:1"}
    del house.environ["OCTOWORKER_SENDER"]
    _, found = examined(house)
    assert {found[name]["verdict"] for name in ("simulate", "sender", "caps", "proxy")} == {"warning"}


def test_messages_that_a_person_should_look_at(house):
    house.sandbox.fault(fault="code", code="104", times=-1)
    house.worker()
    house.enqueue()
    until(lambda: house.redis.hget("ow:traffic", "brake"))
    house.client.store.gates.pause("bulk")
    _, found = examined(house)
    assert found["brake"]["verdict"] == "problem"
    assert "octoworker resume" in found["brake"]["do"]
    assert found["paused"]["verdict"] == "warning"


def test_nothing_of_a_message_and_no_secret_is_shown(house):
    house.enqueue()
    done = house.command("doctor", check=False)
    for secret in (NUMBER[3:], TEXT, house.environ["OCTOPUSH_API_KEY"], house.environ["OCTOPUSH_USER_LOGIN"]):
        assert secret not in done.stdout + done.stderr


@pytest.mark.parametrize("variable", ["REDIS_URL", "CELERY_BROKER_URL"])
@pytest.mark.parametrize("command", ["worker", "stats", "send --to +33612345678 --text Bonjour --transactional"])
def test_an_address_that_verifies_nobody_is_refused_and_says_what_to_add(house, variable, command):
    house.environ[variable] = "rediss://127.0.0.1:6390/0"
    done = house.command(*command.split(), check=False)
    assert done.returncode == 2
    assert f"{variable}: add ?ssl_cert_reqs=required" in done.stderr
