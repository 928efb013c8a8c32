"""What workers count and what `octoworker metrics` reads from Redis: exact, complete, and without a secret."""

from __future__ import annotations

import os
import re
import resource
import shlex
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from harness import API_KEY, NUMBER, STEADY, TEXT, own_port, until
from prometheus_client.parser import text_string_to_metric_families

from octoworker.sms.record import State
from octoworker.telemetry import metric_files

COUNTERS = {
    "octoworker_calls": {"outcome", "code"},
    "octoworker_messages_ended": {"state", "lane"},
    "octoworker_retries": set(),
    "octoworker_duplicates_stopped": set(),
    "octoworker_unknown": set(),
    "octoworker_segments": {"lane"},
    "octoworker_spend": {"currency"},
    "octoworker_sweep_finds": {"found"},
    "octoworker_alerts": {"alert"},
    "octoworker_receipts": {"says", "outcome"},
    "octoworker_handsets": {"says", "lane", "sender"},
    "octoworker_callbacks_unreadable": set(),
    "octoworker_events": {"way", "outcome"},
    "octoworker_replies": {"outcome"},
}
HISTOGRAMS = {
    "octoworker_handover_seconds": {"lane"},
    "octoworker_call_seconds": set(),
    "octoworker_receipt_age_seconds": set(),
}
GAUGES = {
    "octoworker_codes": {"outcome", "country"},
    "octoworker_redis_writable": set(),
    "octoworker_redis_memory_bytes": set(),
    "octoworker_balance": {"currency"},
    "octoworker_spend_today": {"currency"},
    "octoworker_queue_depth": {"lane"},
    "octoworker_backlog_depth": {"lane"},
    "octoworker_oldest_seconds": {"lane"},
    "octoworker_workers": {"lane"},
    "octoworker_due_lag_seconds": set(),
    "octoworker_clock_drift_seconds": set(),
    "octoworker_unconfirmed": set(),
    "octoworker_inbox_depth": set(),
    "octoworker_outbox_depth": set(),
    "octoworker_unreadable": set(),
    "octoworker_webhooks": {"state"},
    "octoworker_webhooks_blocked": set(),
    "octoworker_messages": {"state"},
    "octoworker_breaker_open": set(),
    "octoworker_account_hold": set(),
    "octoworker_paused": {"what"},
    "octoworker_pace_used": set(),
    "octoworker_pace_limit": set(),
    "octoworker_redis_up": set(),
}
"""The names that are promised, and their labels."""


def port_settings(**more):
    return {"OCTOWORKER_METRICS_PORT": str(own_port()), "OCTOWORKER_METRICS_HOST": "127.0.0.1", **more}


def scrape(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        return answer.read().decode()


def families(port):
    return {family.name: family for family in text_string_to_metric_families(scrape(port))}


def value(found, name, /, **labels):
    """The sum of a family's samples of this name with these labels."""
    family = name.removesuffix("_total").removesuffix("_count").removesuffix("_sum").removesuffix("_bucket")
    return sum(
        sample.value
        for sample in found[family].samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )


def once_ended(port, count):
    """The metrics when so many messages have ended: a record is written a moment before it is counted."""
    return until(lambda: (it := families(port)) and value(it, "octoworker_messages_ended_total") == count and it)


def labels_of(family):
    return {label for sample in family.samples for label in sample.labels} - {"le"}


def numbers(count):
    return [f"+336123{n:05d}" for n in range(count)]


@contextmanager
def metrics_process(environ):
    """`octoworker metrics` on a port of its own."""
    port = own_port()
    command = [sys.executable, "-m", "octoworker", "metrics", "--port", str(port), "--host", "127.0.0.1"]
    process = subprocess.Popen(command, env=environ, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr.readline().startswith("metrics http://")
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        process.stderr.close()


# On a busy machine a job stands for longer than a second before it is claimed, and a bulk job outlasts the short
# visibility timeout: neither is lost, and neither is to be counted twice.
@pytest.mark.parametrize("house", [{"OCTOWORKER_REQUEUE_AFTER": "60", **STEADY}], indirect=True, ids=["patient"])
@pytest.mark.parametrize(("pool", "at_once"), [("prefork", "3"), ("threads", "4")])
def test_every_message_is_counted_exactly(house, pool, at_once):
    settings = port_settings(OCTOWORKER_CONCURRENCY=at_once)
    house.worker(settings=settings, pool=pool)
    port = settings["OCTOWORKER_METRICS_PORT"]
    house.sandbox.fault(fault="code", code="153", times=2, recipient=NUMBER)
    retried = house.enqueue()
    refused = house.enqueue("+33612345679", text="Soldes !", transactional=False)
    sent = [house.enqueue(number, lane="normal") for number in numbers(60)]
    many = house.client.enqueue_many(
        [{"recipients": n, "text": TEXT, "transactional": True, "lane": "bulk"} for n in numbers(160)[60:]]
    )
    for message_id in [retried, refused, *sent, *many]:
        house.ended(message_id)
    found = once_ended(port, 162)
    assert value(found, "octoworker_messages_ended_total", state="accepted") == 161
    assert value(found, "octoworker_messages_ended_total", state="accepted", lane="normal") == 60
    assert value(found, "octoworker_messages_ended_total", state="accepted", lane="bulk") == 100
    assert value(found, "octoworker_messages_ended_total", state="rejected") == 1
    assert value(found, "octoworker_calls_total", outcome="accepted", code="000") == 161
    assert value(found, "octoworker_calls_total", outcome="refused", code="153") == 2
    assert value(found, "octoworker_retries_total") == 2
    assert value(found, "octoworker_segments_total") == 161
    assert value(found, "octoworker_handover_seconds_count") == 161
    assert value(found, "octoworker_call_seconds_count") == value(found, "octoworker_calls_total")
    assert value(found, "octoworker_unknown_total") == value(found, "octoworker_duplicates_stopped_total") == 0
    board = house.store.board({})
    assert value(found, "octoworker_spend_total", currency="EUR") == pytest.approx(float(board.spent))


def test_what_a_child_counted_outlives_it(house):
    settings = port_settings(OCTOWORKER_CONCURRENCY="2")
    worker = house.worker(settings=settings, pool="prefork")
    port = settings["OCTOWORKER_METRICS_PORT"]
    for number in numbers(20):
        house.ended(house.enqueue(number))
    once_ended(port, 20)
    first = worker.children()
    for child in first:
        os.kill(child, signal.SIGKILL)
    until(lambda: len(worker.children()) == 2 and not set(first) & set(worker.children()))
    assert value(families(port), "octoworker_messages_ended_total") == 20
    for number in numbers(20):
        house.ended(house.enqueue(number))
    once_ended(port, 40)
    (folder,) = {path.parent for path in files_of(worker)}
    assert {path.stem.partition("_")[2] for path in folder.glob("*.db")} <= {
        "dead",
        *map(str, [worker.process.pid, *worker.children()]),
    }
    worker.stop()
    assert not folder.exists()


def files_of(worker):
    """What a worker keeps open to count in."""
    opened = map(_target, Path(f"/proc/{worker.process.pid}/fd").iterdir())
    return [Path(link) for link in opened if metric_files.FOLDER in link]


def _target(link):
    try:
        return str(link.readlink())
    except OSError:
        return ""


def test_doubts_and_repeats_are_counted(house):
    settings = port_settings()
    house.worker(settings=settings)
    house.sandbox.fault(fault="reset_after", times=1)
    message_id = house.enqueue()
    assert house.ended(message_id).state is State.ACCEPTED
    found = once_ended(settings["OCTOWORKER_METRICS_PORT"], 1)
    assert value(found, "octoworker_calls_total", outcome="maybe") == 1
    assert value(found, "octoworker_calls_total", outcome="duplicate", code="120") == 1
    assert value(found, "octoworker_duplicates_stopped_total") == 1
    assert value(found, "octoworker_unknown_total") == 1
    assert value(found, "octoworker_retries_total") == 1
    assert house.texts() == [TEXT]


def test_the_hand_over_is_counted_from_enqueue_and_for_held_messages_from_when_they_are_due(house):
    """Taken before there was a worker, and held: told apart by what each waited for."""
    settings = port_settings()
    due = datetime.now(UTC) + timedelta(seconds=4)
    held = house.enqueue(lane="normal", send_at=due, hold=True)
    waiting = house.enqueue(lane="urgent")
    taken_at = house.record(waiting).created_at
    until(lambda: datetime.now(UTC) > taken_at + timedelta(seconds=2))
    house.worker(settings=settings)
    stories = {each: house.ended(each) for each in (held, waiting)}
    found = once_ended(settings["OCTOWORKER_METRICS_PORT"], 2)
    told = {lane: value(found, "octoworker_handover_seconds_sum", lane=lane) for lane in ("normal", "urgent")}
    lasted = {each: (it.history[-1].at - it.created_at).total_seconds() for each, it in stories.items()}
    late = lasted[held] - (due - stories[held].created_at).total_seconds()
    # A worker looks at its clock before it claims and after the outcome is recorded: it never tells less than the record.
    assert told["urgent"] > lasted[waiting] - 0.01
    assert told["normal"] > late - 0.01
    # Nor as much as if the four seconds of the held one counted; and seconds, not milliseconds.
    assert told["normal"] < lasted[held]
    assert told["urgent"] < 2 * (datetime.now(UTC) - taken_at).total_seconds()


def test_what_ends_without_a_call_is_counted_too(house):
    settings = port_settings()
    house.store.flow_control.pause("bulk")
    house.worker(settings=settings)
    soon = (datetime.now(UTC) + timedelta(seconds=2)).isoformat()
    in_line = house.enqueue(lane="bulk", expires_at=soon)
    late = house.enqueue(lane="normal", expires_at=(datetime.now(UTC) - timedelta(seconds=1)).isoformat())
    for message_id in (in_line, late):
        assert house.ended(message_id).state is State.EXPIRED
    port = settings["OCTOWORKER_METRICS_PORT"]
    for lane in ("bulk", "normal"):
        until(
            lambda lane=lane: value(families(port), "octoworker_messages_ended_total", state="expired", lane=lane) == 1
        )
    assert value(families(port), "octoworker_calls_total") == 0


def test_a_worker_that_died_in_a_call_is_found_and_counted_once(house):
    settings = port_settings()
    house.sandbox.fault(fault="gate", name="door", when="after")
    first = house.worker()
    message_id = house.enqueue()
    house.sandbox.gate_reached("door")
    first.kill()
    house.sandbox.open_gate("door")
    house.worker(settings={**STEADY, **settings})
    assert house.ended(message_id).state is State.ACCEPTED
    found = once_ended(settings["OCTOWORKER_METRICS_PORT"], 1)
    assert value(found, "octoworker_sweep_finds_total", found="lease") == 1
    assert value(found, "octoworker_messages_ended_total") == value(found, "octoworker_duplicates_stopped_total") == 1


def test_the_names_and_labels_are_those_promised_and_hold_no_secret(house):
    settings = port_settings()
    house.worker(settings=settings)
    house.ended(house.enqueue(reference="MARKERREFERENCE"))
    house.store.codes.start("c" * 32, ["place"], "key", country="FR", address="", guard="off")
    house.sandbox.fault(fault="code", code="101", times=1, recipient="+33612345679")
    house.enqueue("+33612345679")
    port = settings["OCTOWORKER_METRICS_PORT"]
    until(lambda: value(families(port), "octoworker_alerts_total", alert="on_hold") == 1)
    with metrics_process(house.environ) as gauges:
        of_worker, of_all = families(port), families(gauges)
        text = scrape(gauges) + scrape(port)
    assert {name: labels_of(family) for name, family in of_worker.items()} == {**COUNTERS, **HISTOGRAMS}
    assert {name: labels_of(family) for name, family in of_all.items()} == GAUGES
    assert value(of_all, "octoworker_codes_total", outcome="started", country="FR") == 1
    assert value(of_all, "octoworker_account_hold") == 1
    for secret in (NUMBER, NUMBER[3:], "MARKERTEXT", "MARKERREFERENCE", API_KEY):
        assert secret not in text


def test_the_gauges_say_what_stats_says(house):
    house.store.flow_control.pause("bulk")
    for number in numbers(3):
        house.enqueue(number)
    house.worker()
    house.ended(house.enqueue())
    held = house.enqueue(lane="bulk")
    house.ended(held, State.WAITING)
    with metrics_process({**house.environ, "OCTOWORKER_RATE": "7"}) as port:
        found = families(port)
    assert value(found, "octoworker_redis_up") == 1
    assert value(found, "octoworker_messages", state="accepted") == 4
    assert value(found, "octoworker_backlog_depth", lane="bulk") == 1
    assert value(found, "octoworker_oldest_seconds", lane="bulk") > 0
    assert value(found, "octoworker_paused", what="bulk") == 1
    assert value(found, "octoworker_paused", what="all") == 0
    assert value(found, "octoworker_pace_limit") == 7
    assert value(found, "octoworker_balance", currency="EUR") > 0


def test_what_redis_uses_is_told_and_its_limit_when_it_has_one(house):
    with metrics_process(house.environ) as port:
        assert value(families(port), "octoworker_redis_memory_bytes") > 0
        assert "octoworker_redis_memory_limit_bytes" not in families(port)
        house.redis.config_set("maxmemory", 1_000_000_000)
        assert value(families(port), "octoworker_redis_memory_limit_bytes") == 1_000_000_000


def test_a_redis_that_answers_and_writes_nothing_is_told(house):
    with metrics_process(house.environ) as port:
        assert value(families(port), "octoworker_redis_writable") == 1
        house.redis.replicaof("127.0.0.1", "1")
        assert value(families(port), "octoworker_redis_up") == 1
        assert value(families(port), "octoworker_redis_writable") == 0


def test_the_oldest_job_of_a_queue_is_seen_also_when_it_is_a_bulk_job(house):
    house.client.enqueue_many([{"recipients": n, "text": TEXT, "lane": "bulk"} for n in numbers(5)])
    house.enqueue()
    with metrics_process(house.environ) as port:
        found = families(port)
    assert value(found, "octoworker_oldest_seconds", lane="bulk") > 0
    assert value(found, "octoworker_oldest_seconds", lane="urgent") > 0
    assert value(found, "octoworker_queue_depth") == 2


def test_a_user_of_redis_who_may_only_count_gets_all_but_the_age_of_what_it_may_not_read(house):
    """The user `viewer`, by its very line in deploy/redis.conf."""
    conf = (Path(__file__).parents[2] / "deploy" / "redis.conf").read_text()
    (rules,) = re.findall(r"^user viewer (.*)$", conf, re.MULTILINE)
    house.redis.execute_command("ACL", "SETUSER", "viewer", *shlex.split(rules), "nopass")
    house.store.flow_control.pause("normal")
    house.worker("-Q", "sms")
    house.ended(house.enqueue(lane="normal"), State.WAITING)
    house.enqueue(lane="urgent")
    with metrics_process({**house.environ, "REDIS_URL": house.redis_url.replace("//", "//viewer:x@")}) as port:
        found = families(port)
    assert value(found, "octoworker_redis_up") == value(found, "octoworker_queue_depth", lane="urgent") == 1
    ages = {sample.labels["lane"]: sample.value for sample in found["octoworker_oldest_seconds"].samples}
    assert ages.keys() == {"normal", "bulk"}
    assert value(found, "octoworker_redis_memory_bytes") > 0  # else the alert of a full Redis could not fire
    assert ages["normal"] > 0


def test_redis_away_is_an_answer(house):
    with metrics_process(house.environ) as port:
        house.server.kill()
        found = families(port)
        assert {name: value(found, name) for name in found} == {"octoworker_redis_up": 0}
        house.server.start()
        assert value(families(port), "octoworker_redis_up") == 1


def test_a_redis_that_hangs_is_an_answer_too(house):
    with metrics_process(house.environ) as port:
        families(port)
        os.kill(house.server.pid, signal.SIGSTOP)
        try:
            assert value(families(port), "octoworker_redis_up") == 0
        finally:
            os.kill(house.server.pid, signal.SIGCONT)


def test_a_taken_port_does_not_keep_a_worker_from_sending(house):
    settings = port_settings()
    house.worker(settings=settings)
    second = house.worker(settings=settings)
    until(lambda: "metrics.not_served" in second.log())
    assert house.ended(house.enqueue()).state is State.ACCEPTED


def test_a_worker_without_room_for_its_metrics_sends(house):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (metric_files.ROOM - 1, before[1]))
    try:
        worker = house.worker(settings=port_settings())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    until(lambda: "metrics.off" in worker.log())
    assert house.ended(house.enqueue()).state is State.ACCEPTED


def test_nobody_asks_nobody_counts(house):
    worker = house.worker()
    house.ended(house.enqueue())
    assert files_of(worker) == []


def test_a_killed_workers_folder_is_removed_by_the_next(house, tmp_path):
    settings = port_settings(TMPDIR=str(tmp_path))
    house.worker(settings=settings).kill()
    (left,) = tmp_path.glob("octoworker-metrics-*")
    house.worker(settings=settings)
    (own,) = tmp_path.glob("octoworker-metrics-*")
    assert own != left


def test_an_unknown_path_is_not_found(house):
    with metrics_process(house.environ) as port, pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10)
    assert refused.value.code == 404
    refused.value.close()


DRIPPING = 1000
"""Connections that say a byte now and then."""


@contextmanager
def dripping(port):
    """As many callers that never come to an end, and that come again when they are hung up on."""
    stop, all_there = threading.Event(), threading.Event()

    def drip():
        callers = [None] * DRIPPING
        while not stop.is_set():
            for n in range(DRIPPING):
                try:
                    callers[n] = callers[n] or socket.create_connection(("127.0.0.1", port), timeout=10)
                    callers[n].send(b"G")
                except OSError:
                    callers[n] = callers[n] and callers[n].close()
            all_there.set()
        for caller in filter(None, callers):
            caller.close()

    thread = threading.Thread(target=drip)
    thread.start()
    try:
        assert all_there.wait(60)
        yield
    finally:
        stop.set()
        thread.join()


def test_a_thousand_dripping_connections_take_nothing_from_the_messages_nor_from_prometheus(house):
    settings = port_settings()
    worker = house.worker(settings=settings)
    resource.prlimit(worker.process.pid, resource.RLIMIT_NOFILE, (256, 256))
    with dripping(settings["OCTOWORKER_METRICS_PORT"]):
        sent = [house.enqueue(number) for number in numbers(100)]
        assert {house.ended(each).state for each in sent} == {State.ACCEPTED}
        once_ended(settings["OCTOWORKER_METRICS_PORT"], 100)
