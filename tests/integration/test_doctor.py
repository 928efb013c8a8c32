"""The doctor, with one thing broken at a time. It names it, says what to do, and sends nothing."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from datetime import timedelta

import pytest
from click.testing import CliRunner
from harness import NUMBER, TEXT, house, own_port, until
from test_receiver import serving

from octoworker.cli import checks, maintenance
from octoworker.store.inbox import Arrival
from octoworker.store.server import Server, refusal


def doctor(house, *arguments):
    """The command, in this process: it is the same code, and a process for each finding would take longer than all of it."""
    elsewhere = {name: None for name in os.environ if name not in house.environ}
    return CliRunner(env={**elsewhere, **house.environ}).invoke(
        maintenance.check_up, [*arguments], catch_exceptions=False
    )


def examined(house):
    """Exit status, and what it found by name."""
    done = doctor(house, "--json")
    return done.exit_code, {finding["name"]: finding for finding in json.loads(done.stdout)}


def examined_with_workers(house):
    """The same, once a worker answers: the doctor gives it half a second, and it may just be busy."""

    def told():
        code, found = examined(house)
        return (code, found) if found["workers"]["says"] != "no worker answers" else None

    return until(told)


def outcome(house, name):
    return examined(house)[1][name]["outcome"]


def test_a_house_in_order_has_no_problem(house):
    house.environ["OCTOWORKER_CAP_DAY"] = "100"
    house.worker()
    code, found = examined_with_workers(house)
    assert {name: it for name, it in found.items() if it["outcome"] == "problem"} == {}
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
        assert found[name]["outcome"] == "ok", name
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
    assert outcome(house, "workers") == "problem"


def test_a_lane_that_nobody_reads(house):
    house.worker("-Q", "sms.urgent,sms")
    code, found = examined_with_workers(house)
    assert code == 1
    assert "sms.bulk" in found["workers"]["says"]


def test_jobs_that_nobody_will_ever_do(house):
    house.client.app.send_task("octoworker.send_sms", kwargs={"recipients": NUMBER, "text": TEXT}, queue="sms.urgnt")
    _, found = examined(house)
    assert "set aside" not in found
    unread = found["unread"]
    assert unread["outcome"] == "problem"
    assert "'sms.urgnt': 1 job" in unread["says"]
    assert "sms.urgent" in unread["do"]
    house.redis.lpush("sms", "no job")
    house.worker()
    until(lambda: house.redis.llen("ow:jobs-set-aside"))
    aside = examined(house)[1]["set aside"]
    assert aside["outcome"] == "warning"
    assert aside["says"].startswith("1 job was set aside")


@pytest.mark.parametrize("queue", ["celery", "urgent", "SMS"])
def test_jobs_of_ours_in_a_queue_of_somebody_elses(house, queue):
    """Celery's own queue, where a producer forgot ours, and names that look right."""
    for task in ("shop.greet", "octoworker.send_sms", "octoworker.send_sms"):
        house.client.app.send_task(task, kwargs={"text": TEXT}, queue=queue)
    house.redis.rpush(queue, "no job", "[]", '{"headers": 5}')
    house.redis.sadd("_kombu.binding.no-list", "x")
    house.redis.hset("no-list", "x", "y")
    unread = examined(house)[1]["unread"]
    assert unread["outcome"] == "problem"
    assert unread["says"] == f"'{queue}': 2 jobs in a queue that no worker reads"


def test_a_record_that_no_script_can_handle(house):
    house.redis.zadd("ow:broken-records", {"a" * 32: 1})
    records = examined(house)[1]["records"]
    assert records["outcome"] == "problem"
    assert "octoworker aside list" in records["do"]


def test_a_redis_that_keeps_nothing(tmp_path):
    with house(tmp_path, appendonly="no") as it:
        assert outcome(it, "persistence") == "problem"


def test_a_redis_that_is_away(house):
    house.server.kill()
    code, found = examined(house)
    assert code == 3
    assert found["redis"]["outcome"] == "problem"
    assert found["login"]["outcome"] == "ok"


def test_a_user_of_redis_who_may_not_ask(house):
    house.redis.acl_setuser(
        "shy", enabled=True, passwords=["+pw"], keys=["*"], channels=["*"], commands=["+@all", "-config", "-info"]
    )
    house.environ["REDIS_URL"] = house.redis_url.replace("redis://", "redis://shy:pw@")
    _, found = examined(house)
    assert {found[name]["outcome"] for name in ("version", "persistence", "eviction")} == {"warning"}
    assert "may not ask" in found["version"]["says"]


def test_a_wrong_key(house):
    house.environ["OCTOPUSH_API_KEY"] = "wrong"
    code, found = examined(house)
    assert code == 1
    assert found["login"]["outcome"] == "problem"
    assert "octoworker errors 101" in found["login"]["do"]


def test_an_octopush_that_is_not_there(house):
    house.environ["OCTOPUSH_URL"] = f"http://127.0.0.1:{own_port()}"
    assert outcome(house, "gateway") == "problem"


def test_an_account_without_credit_and_without_key(house):
    house.sandbox.settings(credit="0")
    assert outcome(house, "balance") == "problem"
    del house.environ["OCTOPUSH_API_KEY"]
    assert outcome(house, "account") == "problem"


def test_settings_that_are_likely_a_mistake(house):
    house.environ |= {"OCTOWORKER_SIMULATE": "1"}
    del house.environ["OCTOWORKER_SENDER"]
    _, found = examined(house)
    assert {found[name]["outcome"] for name in ("simulate", "sender", "caps", "opt-outs")} == {"warning"}


@pytest.mark.parametrize(
    ("url", "environ", "warned"),
    [
        ("https://127.0.0.1:1/api", {"HTTPS_PROXY": "http://127.0.0.1:1"}, True),
        ("https://127.0.0.1:1/api", {"ALL_PROXY": "http://127.0.0.1:1"}, True),
        ("https://127.0.0.1:1/api", {"HTTPS_PROXY": "http://127.0.0.1:1", "NO_PROXY": "127.0.0.1"}, False),
        ("http://127.0.0.1:1/api", {"HTTP_PROXY": "http://127.0.0.1:1"}, False),
    ],
)
def test_a_proxy_is_told_of_when_calls_go_through_it(house, url, environ, warned):
    known = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
    house.environ = {name: value for name, value in house.environ.items() if name.lower() not in known}
    house.environ |= {"OCTOPUSH_URL": url, **environ}
    assert ("proxy" in examined(house)[1]) is warned


def test_settings_that_contradict_each_other_are_findings_too(house):
    house.environ |= {"OCTOWORKER_LEASE": "0.5", "OCTOPUSH_FORMAT": "yaml"}
    done = doctor(house, "--json")
    assert done.exit_code == 1
    assert {finding["outcome"] for finding in json.loads(done.stdout)} == {"problem"}
    assert "OCTOPUSH_FORMAT" in done.stdout


@pytest.mark.parametrize("variable", ["REDIS_URL", "CELERY_BROKER_URL", "CELERY_RESULT_BACKEND"])
def test_an_address_that_is_told_to_verify_nobody_is_warned_of(house, variable):
    house.environ[variable] = f"rediss://127.0.0.1:{own_port()}/0?ssl_cert_reqs=none"
    _, found = examined(house)
    assert found["tls"]["outcome"] == "warning"
    assert variable in found["tls"]["says"]


def test_a_redis_that_leaves_its_file_to_the_kernel(house):
    house.redis.config_set("appendfsync", "no")
    assert outcome(house, "persistence") == "problem"


def test_a_balance_below_the_one_to_be_told_of(house):
    house.sandbox.settings(credit="5")
    house.environ["OCTOWORKER_LOW_BALANCE"] = "10"
    assert outcome(house, "balance") == "warning"


def test_a_message_that_stands_in_its_queue_for_long(house):
    message_id = house.enqueue()
    house.redis.hset(f"ow:message:{message_id}", "created", 1)
    assert outcome(house, "lane urgent") == "problem"


def test_a_user_of_redis_who_may_not_call_workers(house):
    house.worker()
    house.redis.acl_setuser(
        "deaf", enabled=True, passwords=["+pw"], keys=["ow:*", "sms*", "unacked*"], commands=["+@all", "-@pubsub"]
    )
    house.environ["REDIS_URL"] = house.redis_url.replace("redis://", "redis://deaf:pw@")
    code, found = examined(house)
    assert code == 0
    assert "may not ask" in found["workers"]["says"]


SOUND = Server(
    answer=timedelta(milliseconds=1),
    drift=timedelta(),
    version="7.0.15",
    appends=True,
    appendfsync="everysec",
    eviction="noeviction",
    memory=1,
)


@pytest.mark.parametrize(
    ("change", "name", "expected"),
    [
        ({}, None, None),
        ({"drift": timedelta(seconds=5)}, "clock", "warning"),
        ({"drift": -timedelta(seconds=5)}, "clock", "warning"),
        ({"answer": timedelta(seconds=0.2)}, "latency", "warning"),
        ({"version": "6.2.14"}, "version", "problem"),
        ({"version": "7.0.0"}, None, None),
        ({"appends_well": False}, "persistence", "problem"),
        ({"refuses": "it is a replica"}, "writes", "problem"),
        ({"compact_up_to": 64}, "record size", "warning"),
        ({"compact_up_to": 2048}, None, None),
    ],
)
def test_what_no_server_here_does_is_judged_too(change, name, expected):
    found = {finding.name: finding.outcome for finding in checks.of_redis(replace(SOUND, **change))}
    assert {each: it for each, it in found.items() if it != "ok"} == ({name: expected} if name else {})


@pytest.mark.parametrize(("limit", "expected"), [(1.01, "problem"), (1.25, "warning"), (3, "ok")])
def test_a_redis_that_fills_up(house, limit, expected):
    house.redis.config_set("maxmemory", round(house.redis.info("memory")["used_memory"] * limit))
    assert outcome(house, "memory") == expected


def test_a_full_redis_is_a_finding_and_no_traceback(house):
    house.worker()
    house.redis.config_set("maxmemory", 1)
    code, found = examined(house)
    assert code == 1
    assert found["memory"]["outcome"] == "problem"
    assert "OutOfMemoryError" in found["workers"]["says"]


@pytest.mark.parametrize(
    ("command", "why"),
    [(("REPLICAOF", "127.0.0.1", "1"), "a replica"), (("CONFIG", "SET", "min-replicas-to-write", "1"), "no replica")],
    ids=["replica", "alone"],
)
def test_a_redis_that_answers_and_writes_nothing(house, command, why):
    house.redis.execute_command(*command)
    code, found = examined(house)
    assert code == 1
    assert why in found["writes"]["says"]
    assert why in house.command("stats").stdout


def test_messages_that_a_person_should_look_at(house):
    house.sandbox.fault(fault="code", code="101", times=-1)
    house.worker()
    house.enqueue()
    until(lambda: house.store.board({}).account_hold)
    house.store.flow_control.pause("bulk")
    _, found = examined(house)
    assert found["account hold"]["outcome"] == "problem"
    assert "octoworker resume" in found["account hold"]["do"]
    assert found["paused"]["outcome"] == "warning"


@pytest.mark.parametrize(
    ("info", "refuses"),
    [
        ({}, False),
        ({"role": "master", "aof_enabled": 1, "aof_last_write_status": "ok"}, False),
        ({"role": "master", "aof_enabled": 1, "aof_last_write_status": "err"}, True),
        ({"role": "master", "aof_enabled": 0, "aof_last_write_status": "err"}, False),
        ({"role": "master", "min_slaves_good_slaves": 1}, False),
    ],
)
def test_a_disk_that_is_full_is_why_redis_writes_nothing(info, refuses):
    assert bool(refusal(info)) == refuses


def test_nothing_of_a_message_and_no_secret_is_shown(house):
    house.enqueue()
    done = house.command("doctor", check=False)
    for secret in (NUMBER[3:], TEXT, house.environ["OCTOPUSH_API_KEY"], house.environ["OCTOPUSH_USER_LOGIN"]):
        assert secret not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("variable", "command"),
    [
        ("REDIS_URL", "worker"),
        ("REDIS_URL", "stats"),
        ("CELERY_BROKER_URL", "worker"),
        ("CELERY_BROKER_URL", "send --to +33612345678 --text Bonjour --transactional"),
    ],
)
def test_an_address_that_verifies_nobody_is_refused_and_says_what_to_add(house, variable, command):
    house.environ[variable] = "rediss://127.0.0.1:6390/0"
    done = house.command(*command.split(), check=False)
    assert done.returncode == 2
    assert f"{variable}: add ?ssl_cert_reqs=required" in done.stderr


# --- what Octopush calls

TOKEN = "t" * 30


@pytest.fixture
def receiving(house):
    """A receiver, and a doctor who knows where it is."""
    house.environ["OCTOWORKER_INBOUND_TOKEN"] = TOKEN
    with serving({"OCTOWORKER_INBOUND_TOKEN": TOKEN, "REDIS_URL": house.redis_url}) as address:
        house.environ["OCTOWORKER_INBOUND_URL"] = address.partition("/octopush/")[0]
        yield house


def test_a_receiver_that_answers_at_its_address_is_found(receiving):
    assert outcome(receiving, "receiver") == "ok"


def test_an_address_with_another_token_is_a_problem_that_shows_no_token(receiving):
    receiving.environ["OCTOWORKER_INBOUND_TOKEN"] = "u" * 30
    done = doctor(receiving)
    assert "answers 404" in done.stdout
    assert "u" * 30 not in done.stdout


def test_an_address_where_nobody_listens_is_a_problem(receiving):
    receiving.environ["OCTOWORKER_INBOUND_URL"] = f"http://127.0.0.1:{own_port()}"
    assert outcome(receiving, "receiver") == "problem"


def test_when_the_last_call_came_is_said_and_that_none_ever_came_is_a_warning(receiving):
    assert outcome(receiving, "receipts") == "ok"
    receiving.redis.zadd("ow:state:accepted", {"a" * 32: 1})
    assert outcome(receiving, "receipts") == "warning"
    receiving.store.inbox.put([Arrival("{}", "e1", "receipt")])
    assert "came" in examined(receiving)[1]["receipts"]["says"]


def test_without_a_token_octopush_is_not_meant_to_call(house):
    assert not {"receiver", "receipts", "spool"} & set(examined(house)[1])
