"""The supervisor of a worker's processes: never silently fewer, ended together, and their health as one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from harness import PATIENCE, until

LINUX = pytest.mark.skipif(
    sys.platform != "linux", reason="elsewhere a process does not hear that its supervisor is gone"
)


class Supervised:
    """Processes that do as little as one word says."""

    def __init__(self, what, folder):
        self.folder, self.health = folder, folder / "health"
        self.process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("supervised.py")), what, str(folder)],
            env={**os.environ, "OCTOWORKER_HEALTH_DIR": str(self.health)},
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def pids(self, index):
        file = self.folder / f"{index}.pids"
        return [int(line) for line in file.read_text().split()] if file.exists() else []

    def ready(self):
        until((self.health / "ready").exists)

    def wait(self):
        return self.process.wait(PATIENCE)


@contextmanager
def supervised(what, folder):
    it = Supervised(what, folder)
    try:
        yield it
    finally:
        if it.process.poll() is None:
            os.killpg(it.process.pid, signal.SIGKILL)
        it.process.communicate()


def gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


def test_a_process_that_dies_is_replaced(tmp_path):
    with supervised("works", tmp_path) as it:
        it.ready()
        os.kill(it.pids(1)[0], signal.SIGKILL)
        until(lambda: len(it.pids(1)) == 2)
        it.ready()
        assert len(it.pids(2)) == 1


def test_a_worker_is_not_ready_while_one_of_its_processes_is_missing(tmp_path):
    with supervised("works", tmp_path) as it:
        it.ready()
        os.kill(it.pids(2)[0], signal.SIGKILL)
        until(lambda: not (it.health / "ready").exists())
        it.ready()
        assert (it.health / "alive").exists()


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 0), (signal.SIGINT, 1)])
def test_a_signal_to_the_supervisor_ends_all_processes_and_then_itself(tmp_path, number, status):
    with supervised("works", tmp_path) as it:
        it.ready()
        it.process.send_signal(number)
        assert it.wait() == status
        assert all(gone(pid) for index in (1, 2) for pid in it.pids(index))
        assert not (it.health / "alive").exists()
        assert not (it.health / "ready").exists()


def test_an_interrupt_at_the_terminal_of_all_is_heard_once(tmp_path):
    with supervised("works", tmp_path) as it:
        it.ready()
        os.killpg(it.process.pid, signal.SIGINT)
        assert it.wait() == 1


def test_a_process_that_cannot_start_ends_the_worker_with_its_status(tmp_path):
    with supervised("exits", tmp_path) as it:
        assert it.wait() == 3
        assert all(gone(pid) for pid in it.pids(2))


def test_a_process_that_was_told_to_end_ends_the_worker(tmp_path):
    with supervised("told", tmp_path) as it:
        assert it.wait() == 0


@LINUX
def test_processes_do_not_outlive_a_supervisor_that_is_killed(tmp_path):
    with supervised("works", tmp_path) as it:
        it.ready()
        it.process.kill()
        until(lambda: all(gone(pid) for index in (1, 2) for pid in it.pids(index)))
