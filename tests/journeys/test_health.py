"""A probe looks at a file: what it says of a worker that works, of one without Redis, of one that hangs, of one that ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from harness import until

from octoworker.worker import health

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
        until(lambda: not says(house, "--ready", stale=2))
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
    pulse = health.HeartbeatFile(health.ALIVE, tmp_path / "file" / "below")
    pulse.beat()
    pulse.end()
    assert pulse.silence() is None


def test_a_worker_whose_main_thread_hangs_is_not_alive_though_its_clock_turns(house, folder):
    hangs = house.folder / "hangs"
    worker = house.worker(
        app="hanging_worker", settings={"HANGS": str(hangs), "PYTHONPATH": str(Path(__file__).parent)}
    )
    until(lambda: says(house))
    worker.signal(signal.SIGUSR2)
    until(hangs.exists)
    until(lambda: not says(house, "--live", stale=5))
    hangs.unlink()
    until(lambda: says(house, stale=5))


SELDOM = {"OCTOWORKER_SWEEP_EVERY": "60"}


@pytest.mark.parametrize(("house", "pool"), [({}, "threads"), ({}, "prefork"), (SELDOM, "threads")], indirect=["house"])
def test_a_redis_that_answers_nobody_makes_a_worker_unready_and_not_dead(house, pool):
    house.worker(pool=pool)
    until(lambda: says(house))
    os.kill(house.server.pid, signal.SIGSTOP)
    try:
        until(lambda: not says(house, "--ready", stale=20))
        assert says(house, "--live", stale=15)
    finally:
        os.kill(house.server.pid, signal.SIGCONT)
    until(lambda: says(house))


def test_a_worker_that_ends_is_unready_at_once_and_alive_until_its_call_is_recorded(house, folder):
    house.sandbox.fault(fault="gate", name="door", when="before")
    worker = house.worker(
        settings={"OCTOWORKER_HTTP_TIMEOUT": "20", "OCTOWORKER_LEASE": "40", "OCTOWORKER_VISIBILITY_TIMEOUT": "80"}
    )
    until(lambda: says(house))
    message_id = house.enqueue()
    house.sandbox.gate_reached("door")
    worker.signal(signal.SIGTERM)
    until(lambda: not (folder / "ready").exists())
    assert says(house, "--live", stale=health.STALE)
    house.sandbox.open_gate("door")
    assert worker.wait() == 0
    assert house.record(message_id).state == "accepted"
    assert not (folder / "alive").exists()


@pytest.mark.parametrize("house", [{"OCTOWORKER_SWEEP_EVERY": "20"}], indirect=True)
def test_a_clock_that_looks_seldom_is_alive_in_between(house, folder):
    house.worker()
    until(lambda: says(house))
    beat = (folder / "alive").stat().st_mtime
    until(lambda: (folder / "alive").stat().st_mtime > beat)


def test_a_worker_that_ends_leaves_the_files_of_another(house, folder):
    first = house.worker()
    until(lambda: says(house))
    house.worker()
    until(lambda: says(house))
    until(lambda: (folder / "ready").read_text().strip() not in ("", str(first.process.pid)))
    first.stop()
    assert (folder / "ready").exists()


def test_a_file_of_tomorrow_is_no_sign_of_life(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv(health.FOLDER, str(tmp_path))
    health.HeartbeatFile(health.ALIVE).beat()
    assert health.main(["--live"]) == 0
    os.utime(tmp_path / "alive", (2**31, 2**31))
    assert health.main(["--live"]) == 1
    assert "clock" in capsys.readouterr().err


@pytest.mark.parametrize("planted", ["folder", "file"])
def test_nothing_is_written_through_a_link_that_somebody_planted(tmp_path, monkeypatch, planted):
    mine, temporary = tmp_path / "mine", tmp_path / "tmp"
    mine.mkdir()
    temporary.mkdir()
    precious = mine / "alive"
    precious.write_text("precious")
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    monkeypatch.delenv(health.FOLDER, raising=False)
    place = temporary / f"octoworker-{os.getuid()}"
    if planted == "folder":
        place.symlink_to(mine)
    else:
        place.mkdir()
        (place / "alive").symlink_to(precious)
    health.HeartbeatFile(health.ALIVE).beat()
    assert precious.read_text() == "precious"
