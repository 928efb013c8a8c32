"""Which workers are there, as the workers themselves say it, and what the page, `stats` and `top` make of it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import pytest
from harness import NUMBER, TEXT, until

from octoworker import __version__
from octoworker.sms.lanes import LANES


def workers(house):
    return house.store.board({}).workers


def verdict(house):
    """Each finding of `stats` by its name."""
    return {each["name"]: each for each in json.loads(house.command("stats", "--json").stdout)["findings"]}


@pytest.mark.parametrize("pool", ["threads", "prefork"])
def test_a_worker_is_there_from_its_start_until_it_takes_no_more_jobs(house, pool):
    worker = house.worker("-Q", "sms.urgent,sms", pool=pool)
    (there,) = until(lambda: workers(house))
    assert (there.pid, there.lanes, there.version) == (worker.process.pid, ("urgent", "normal"), __version__)
    assert there.pool == {"threads": "thread", "prefork": "prefork"}[pool]
    worker.signal(signal.SIGTERM)
    worker.wait()
    assert workers(house) == ()


def test_a_house_without_workers_is_not_well_however_quiet_it_is(house):
    assert verdict(house)["workers"]["outcome"] == "problem"
    for command in (("stats",), ("top", "--once")):
        shown = house.command(*command).stdout
        assert "No worker is alive" in shown
        assert "All is well" not in shown
    house.worker()
    until(lambda: workers(house))
    assert verdict(house) == {}
    for command in (("stats",), ("top", "--once")):
        shown = house.command(*command).stdout
        assert "All is well" in shown
        assert f"1 alive: {', '.join(f'{lane} 1' for lane in LANES)}" in shown


def test_an_urgent_message_that_has_waited_for_ten_minutes_is_not_well(house):
    message_id = house.enqueue()
    seconds, _ = house.redis.time()
    house.redis.hset(f"ow:message:{message_id}", "created", (seconds - 600) * 1000)
    assert "10 min" in verdict(house)["lane urgent"]["says"]
    assert "10 min" in house.command("stats").stdout


def test_send_and_wait_says_that_nobody_is_there(house):
    command = [sys.executable, "-m", "octoworker", "send", "--to", NUMBER, "--text", TEXT, "--transactional", "--wait"]
    waiting = subprocess.Popen(command, env=house.environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert "No worker is alive" in waiting.stderr.readline()
    house.worker()
    said, more = waiting.communicate(timeout=60)
    assert (waiting.returncode, more) == (0, "")
    assert "accepted" in said


def test_send_and_wait_says_that_nobody_reads_its_lane(house):
    house.worker("-Q", "sms.bulk")
    until(lambda: workers(house))
    command = [sys.executable, "-m", "octoworker", "send", "--to", NUMBER, "--text", TEXT, "--transactional", "--wait"]
    waiting = subprocess.Popen(command, env=house.environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert "reads lane urgent" in waiting.stderr.readline()
    finally:
        waiting.kill()
        waiting.communicate()
