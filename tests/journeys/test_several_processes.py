"""`octoworker worker` in several processes: one worker to whoever looks, and the promises hold whichever of them dies."""

from __future__ import annotations

import os
import signal
import urllib.request

import pytest
from harness import STEADY, own_port, until

TWO = pytest.mark.parametrize("house", [{"OCTOWORKER_PROCESSES": "2"}], indirect=True)
SLOW = pytest.mark.parametrize("house", [{**STEADY, "OCTOWORKER_PROCESSES": "2"}], indirect=True)

NUMBERS = [f"+3361234{n:04}" for n in range(300)]


def ready(house):
    until((house.folder / "health" / "ready").exists)


def accepted(house, ids):
    return until(lambda: all(house.record(each).state == "accepted" for each in ids))


@TWO
def test_messages_are_sent_once_while_one_process_after_the_other_is_killed(house):
    worker = house.worker()
    ready(house)
    ids = house.client.enqueue_many(
        [{"recipients": each, "text": "Bonjour", "transactional": True} for each in NUMBERS]
    )
    for pid in worker.children():
        os.kill(pid, signal.SIGKILL)
        until(lambda pid=pid: len(worker.children()) == 2 and pid not in worker.children())
    accepted(house, ids)
    assert all(len(messages) == 1 for messages in house.sandbox.handsets().values())
    assert len(house.sandbox.handsets()) == len(NUMBERS)
    assert worker.stop() == 0


@SLOW
def test_a_worker_that_is_told_to_end_records_the_calls_of_all_its_processes(house):
    house.sandbox.fault(fault="gate", name="door", when="before", times=4)
    worker = house.worker()
    ready(house)
    ids = [house.enqueue(f"+3361234{n:04}") for n in range(4)]
    until(lambda: all(house.record(each).state == "submitting" for each in ids))
    worker.signal(signal.SIGTERM)
    until(lambda: not (house.folder / "health" / "ready").exists())
    house.sandbox.open_gate("door")
    assert worker.wait() == 0
    assert [house.record(each).state for each in ids] == ["accepted"] * 4
    assert not (house.folder / "health" / "alive").exists()


@TWO
def test_two_processes_are_one_worker_and_two_nodes(house):
    worker = house.worker()
    ready(house)
    (seen,) = until(house.store.workers.alive)
    assert seen.pid == worker.process.pid
    until(lambda: "@" in worker.log() and " ready." in worker.log() and "celery-2@" in worker.log())


@TWO
def test_the_metrics_are_those_of_all_processes_and_outlive_the_one_that_serves_them(house):
    port = own_port()
    worker = house.worker(settings={"OCTOWORKER_METRICS_PORT": str(port)})
    ready(house)
    ids = house.client.enqueue_many(
        [{"recipients": each, "text": "Bonjour", "transactional": True} for each in NUMBERS]
    )
    accepted(house, ids)

    def calls():
        try:
            text = urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5).read().decode()
        except OSError:
            return None
        lines = [line for line in text.splitlines() if line.startswith("octoworker_calls_total{")]
        return sum(float(line.rpartition(" ")[2]) for line in lines)

    until(lambda: calls() == len(NUMBERS))
    server = worker.children()[0]  # the first that was begun
    os.kill(server, signal.SIGKILL)
    until(lambda: server not in worker.children())
    until(lambda: calls() == len(NUMBERS))
