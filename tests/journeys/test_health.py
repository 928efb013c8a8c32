"""A probe looks at a file: what it says of a worker that works, of one without Redis, of one that hangs, of one that ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest
from harness import until

from octoworker import health

POOLS = pytest.mark.parametrize("pool", ["threads", "prefork"])


@pytest.fixture
def folder(house):
    return house.folder / "health"


def says(house, *which, stale=3):
    return house.command("health", *which, "--stale", str(stale), check=False).returncode == 0


@POOLS
def test_a_worker_is_alive_and_ready_while_it_takes_jobs_and_neither_after_it_ended(house, folder, pool):
    assert not says(house)
    worker = house.worker(pool=pool)
    until(lambda: says(house))
    worker.stop()
    assert not (folder / "ready").exists()
    assert not (folder / "alive").exists()


@POOLS
def test_an_outage_of_redis_makes_a_worker_unready_and_not_dead(house, folder, pool):
    house.worker(pool=pool)
    until(lambda: says(house))
    house.server.kill()
    try:
        until(lambda: not says(house, "--ready"))
        beat = (folder / "alive").stat().st_mtime
        until(lambda: (folder / "alive").stat().st_mtime > beat)
    finally:
        house.server.start()
    until(lambda: says(house))


def test_a_worker_that_hangs_is_not_alive(house):
    worker = house.worker()
    until(lambda: says(house))
    os.killpg(worker.process.pid, signal.SIGSTOP)
    try:
        until(lambda: not says(house, "--live", stale=2))
        assert not says(house, "--ready", stale=2)
    finally:
        os.killpg(worker.process.pid, signal.SIGCONT)
    until(lambda: says(house, stale=2))


def test_files_of_a_worker_that_was_killed_grow_old(house, folder):
    worker = house.worker()
    until(lambda: says(house))
    worker.kill()
    assert (folder / "alive").exists()
    until(lambda: not says(house, stale=1))


def test_a_second_worker_in_the_same_folder_is_told_to_take_another(house):
    house.worker()
    until(lambda: says(house))
    second = house.worker()
    until(lambda: "health.shared" in second.log())


def test_a_probe_imports_neither_celery_nor_the_settings():
    seen = "import sys, octoworker.__main__; print(sorted({'celery', 'click', 'pydantic', 'redis'} & set(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", seen], check=True, capture_output=True, text=True).stdout
    assert out.strip() == "[]"


def test_a_folder_that_cannot_be_written_stops_nothing(tmp_path):
    (tmp_path / "file").touch()
    pulse = health.Pulse(health.ALIVE, tmp_path / "file" / "below")
    pulse.beat()
    pulse.end()
    assert pulse.silence() is None
