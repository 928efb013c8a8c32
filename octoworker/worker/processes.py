"""`octoworker worker` in several processes: Python's lock lets the threads of one process use one core.

1. The command's own process is the supervisor. It loads what all need, has no thread and no connection, and forks the others;
   so it can fork one anew at any time.
2. Each of the others is a whole worker with its share of threads and connections (`share`). What holds for all together is in
   Redis, as between the workers of several machines.
3. One that dies is replaced, at once or, when it dies young, after a growing pause. One that cannot even start the first time
   ends the worker: its log says why.
4. TERM and INT end them all, and the supervisor goes with the last. Where it is killed, Linux tells them.
5. The health files are the supervisor's: alive as the process that has been silent for longest, ready while all are.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import FrameType
from typing import Any

from celery.utils import sysinfo

from octoworker.config import Settings
from octoworker.errors import SettingsError
from octoworker.telemetry import log
from octoworker.worker import health, share
from octoworker.worker.share import Share

_sysinfo: Any = sysinfo
"""Its stubs know half of it."""

BY_DEFAULT = 2
"""Processes where nothing is set and the machine has as many cores. Two use up what 128 connections bring at 100 ms a call, and
each one more costs its memory and its part of Redis."""

POOL = "threads"
"""The pool that may have several: prefork has children of its own."""

OF_ONE = {
    "pidfile": ("--pidfile",),
    "statedb": ("--statedb", "-S"),
    "detach": ("--detach", "-D"),
    "beat": ("--beat", "-B"),
}
"""Options of Celery's that belong to one process, and how they are written."""

ENDS = {signal.SIGTERM: 0, signal.SIGINT: 1, signal.SIGHUP: 0, signal.SIGQUIT: 1}
"""The exit status after each signal that ends the worker, as a worker of one process has it."""

HEARD = (*ENDS, signal.SIGUSR1, signal.SIGCHLD)

YOUNG = 10.0
"""Seconds: a process that dies before is not replaced at once."""

LONGEST_PAUSE = 30.0
"""Seconds until the next try to replace a process that dies young again and again."""

STARTS_WITHIN = 60.0
"""Seconds that a process may take before it counts as silent."""

PR_SET_PDEATHSIG = 1


def count(settings: Settings, pool: str, arguments: Sequence[str], environ: Mapping[str, str] = os.environ) -> int:
    """How many processes this worker has. SettingsError when several are asked for that cannot be."""
    of_one = [
        option
        for name, written in OF_ONE.items()
        for option in written
        if any(each.split("=")[0] == option for each in arguments) or f"CELERY_WORKER_{name.upper()}" in environ
    ]
    wanted = settings.processes
    if pool != POOL or of_one:
        if wanted > 1:
            which = f"the {pool} pool" if pool != POOL else of_one[0]
            raise SettingsError([f"OCTOWORKER_PROCESSES ({wanted}) must be 1 with {which}."])
        return 1
    return min(wanted or min(BY_DEFAULT, _sysinfo.cpu_budget().count), settings.concurrency, settings.bulk_lines)


def named(arguments: Sequence[str], mine: Share, environ: Mapping[str, str] = os.environ) -> list[str]:
    """These arguments, with a node name of its own for each process but the first: Celery's tools know workers by it."""
    name = environ.get("CELERY_WORKER_HOSTNAME") or "celery@%h"
    for at, each in enumerate(arguments):
        option, equals, value = each.partition("=")
        if option in {"-n", "--hostname"}:
            name = value if equals else "".join(arguments[at + 1 : at + 2])
    if mine.index == 1:
        return [*arguments]
    first, _, host = name.partition("@")
    return [*arguments, "-n", f"{first}-{mine.index}@{host or '%h'}"]


@dataclass
class Process:
    """One of them, and how it has done."""

    index: int
    pid: int = 0
    """0: it is not there."""
    began_at: float = 0.0
    begins_at: float = 0.0
    died_young: int = 0
    was_ready: bool = False


def supervise(processes: int) -> int | None:
    """None: this is one of the new processes, which now runs the worker. Else the exit status: all of them have ended."""
    return Supervisor(processes).run()


class Supervisor:
    """Begins the processes, replaces them, ends them."""

    def __init__(self, processes: int) -> None:
        self._all = [Process(index) for index in range(1, processes + 1)]
        self._alive = health.HeartbeatFile(health.ALIVE)
        self._ready = health.HeartbeatFile(health.READY)
        self._signals: list[int] = []
        self._exit_status: int | None = None
        self._woken, self._wake = os.pipe()
        for end in (self._woken, self._wake):
            os.set_blocking(end, False)

    def run(self) -> int | None:
        """As `supervise`."""
        log.event("worker.processes", processes=len(self._all))
        if self._ready.of_another():
            log.warning("health.shared", hint=health.SHARED)
        signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)
        for number in HEARD:
            signal.signal(number, self._hear)
        while True:
            for each in self._all:
                if self._due(each) and self._forked(each):
                    return None
            self._beat()
            if self._exit_status is not None and not any(each.pid for each in self._all):
                break
            self._wait()
            self._obey()
            self._bury()
        self._alive.end()
        self._ready.end()
        return self._exit_status

    def _hear(self, number: int, _frame: FrameType | None) -> None:
        self._signals.append(number)

    def _due(self, process: Process) -> bool:
        return self._exit_status is None and not process.pid and time.monotonic() >= process.begins_at

    def _forked(self, process: Process) -> bool:
        """True in the new process. No signal reaches it before it is what it will be."""
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        supervisor = os.getpid()
        signal.pthread_sigmask(signal.SIG_BLOCK, HEARD)
        process.pid = os.fork()
        if process.pid == 0:
            self._become(Share(process.index, len(self._all), supervisor))
            return True
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HEARD)
        process.began_at, process.was_ready = time.monotonic(), False
        return False

    def _become(self, mine: Share) -> None:
        signal.set_wakeup_fd(-1)
        os.close(self._woken)
        os.close(self._wake)
        for each in HEARD:
            signal.signal(each, signal.SIG_DFL)
        # A terminal sends the first two to all processes: the supervisor hears them for all. The third is for Celery, later.
        for each in (signal.SIGINT, signal.SIGHUP, signal.SIGUSR1):
            signal.signal(each, signal.SIG_IGN)
        if sys.platform == "linux":
            with contextlib.suppress(OSError, AttributeError):
                ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
            if os.getppid() != mine.supervisor:
                os._exit(0)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HEARD)
        share.mine = mine

    def _wait(self) -> None:
        """Until a signal, or the next thing to do."""
        now = time.monotonic()
        pauses = [each.begins_at - now for each in self._all if not each.pid] if self._exit_status is None else []
        select.select([self._woken], [], [], max(0.0, min([health.BEAT / 2, *pauses])))
        with contextlib.suppress(BlockingIOError):
            os.read(self._woken, 4096)

    def _obey(self) -> None:
        heard, self._signals = self._signals, []
        for number in heard:
            if number == signal.SIGUSR1 or (number == signal.SIGQUIT and self._exit_status is not None):
                self._send(number)
            elif number == signal.SIGINT and self._exit_status is not None:  # Ctrl-C twice: now
                self._send(signal.SIGQUIT)
            elif number in ENDS and self._exit_status is None:
                self._end(ENDS[signal.Signals(number)], signal.SIGQUIT if number == signal.SIGQUIT else signal.SIGTERM)

    def _end(self, exit_status: int, number: int = signal.SIGTERM) -> None:
        self._exit_status = exit_status
        self._ready.end()
        self._send(number)

    def _send(self, number: int) -> None:
        for each in self._all:
            if each.pid:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(each.pid, number)

    def _bury(self) -> None:
        """Look which have ended, and say when each is to be replaced."""
        for each in self._all:
            if not each.pid:
                continue
            pid, status = os.waitpid(each.pid, os.WNOHANG)
            if pid:
                self._ended(each, os.waitstatus_to_exitcode(status))

    def _ended(self, process: Process, status: int) -> None:
        """`status`: its exit status, or the number of the signal that killed it, below 0."""
        for name in (health.ALIVE, health.READY):
            health.HeartbeatFile(f"{name}-{process.index}").end(process.pid)
        pid, process.pid = process.pid, 0
        if self._exit_status is not None:
            return
        if status == 0 or (status > 0 and not process.was_ready and not process.died_young):
            # By remote control, or on a setting that only it can see.
            self._end(status)
            return
        now = time.monotonic()
        process.died_young = process.died_young + 1 if now - process.began_at < YOUNG else 0
        pause = min(LONGEST_PAUSE, 2.0 ** (process.died_young - 1)) if process.died_young else 0.0
        process.begins_at = now + pause
        log.warning("worker.process_ended", pid=pid, status=status, replaced_in=round(pause, 1))

    def _beat(self) -> None:
        """The health of the whole worker, from that of each."""
        there = [each for each in self._all if each.pid]
        silences = [self._silence(each) for each in there]
        self._alive.beat(max(silences, default=0.0))
        ready = [health.HeartbeatFile(f"{health.READY}-{each.index}").silence() for each in there]
        for each, silent in zip(there, ready, strict=True):
            each.was_ready = each.was_ready or silent is not None
        known = [max(0.0, silent) for silent in ready if silent is not None]
        if self._exit_status is None and len(known) == len(self._all):
            self._ready.beat(max(known))
        else:
            self._ready.end()

    def _silence(self, process: Process) -> float:
        silent = health.HeartbeatFile(f"{health.ALIVE}-{process.index}").silence()
        if silent is None:
            return max(0.0, time.monotonic() - process.began_at - STARTS_WITHIN)
        return max(0.0, silent)
