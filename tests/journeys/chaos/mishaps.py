"""What breaks around the workers: their processes, their clocks, Redis, and the link to it. A kill is a SIGKILL."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import subprocess
import time
from datetime import timedelta
from pathlib import Path

WEIGHTS = {
    "kill": 40,
    "receiver": 10,
    "web_app": 3,
    "child": 22,
    "term": 5,
    "freeze": 3,
    "burst": 3,
    "oom_killer": 4,
    "clock": 4,
    "redis": 3,
    "disk_full": 2,
    "out_of_memory": 2,
    "readonly": 2,
    "clients": 4,
    "swallow": 3,
    "cut": 4,
}

WORDS = {
    "kill": "SIGKILL of a worker",
    "receiver": "SIGKILL of the receiver",
    "web_app": "the web app's address refuses all that is posted, for up to three seconds",
    "child": "SIGKILL of one process of a worker that has several",
    "term": "SIGTERM of a worker",
    "freeze": "SIGSTOP of a worker, up to beyond its lease",
    "burst": "SIGSTOP and SIGCONT of all workers, ten times in two seconds",
    "oom_killer": "SIGKILL of whatever uses the most memory: a worker, a child, or Redis",
    "clock": "the wall clock of a worker set wrong by up to eleven hours",
    "redis": "SIGKILL of Redis, restarted with its append-only file",
    "disk_full": "Redis' append-only file may not grow: Redis ends in the middle of an entry, and is restarted",
    "out_of_memory": "maxmemory with noeviction, for longer than a lease",
    "readonly": "Redis turned replica",
    "clients": "CLIENT KILL of every connection",
    "swallow": "a link that takes bytes and gives none back",
    "cut": "a link that is cut in the middle of a command",
}

LEASE = 3.0
"""Seconds; the setting of the run."""

CLOCKS = (0, 0, 1, 30, 7200, -7200, 39_600, -39_600)
"""Seconds by which a worker's wall clock is wrong."""


class Mishaps:
    """One method for each. They return how many kills that was."""

    def __init__(self, house, proxy, workers, admin, chance, pause, receiver):
        self.house, self.proxy, self.workers, self.admin = house, proxy, workers, admin
        self.chance, self.pause, self.receiver_ = chance, pause, receiver

    def kill(self):
        place = self.workers.some()
        self.workers.revive()
        self.workers.all[place].kill()
        self.workers.start(place)
        return 1

    def receiver(self):
        self.receiver_.kill()
        self.pause(self.chance.uniform(0, 0.5))
        self.receiver_.start()
        return 1

    def web_app(self):
        away = self.house.web_app.away
        away.set()
        self.pause(self.chance.uniform(0.5, 3))
        away.clear()
        return 0

    def child(self):
        children = self.workers.children(self.workers.some())
        with contextlib.suppress(ProcessLookupError, IndexError):
            os.kill(self.chance.choice(children), signal.SIGKILL)
            return 1
        return 0

    def term(self):
        place = self.workers.some()
        self.workers.revive()
        self.workers.all[place].signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.workers.all[place].wait(20)
        self.workers.all[place].kill()
        self.workers.start(place)
        return 0

    def freeze(self):
        frozen = self.workers.all[self.workers.some()]
        self._signal(frozen, signal.SIGSTOP)
        self.pause(self.chance.uniform(0.5, LEASE + 2))
        self._signal(frozen, signal.SIGCONT)
        return 0

    def burst(self):
        for number in (signal.SIGSTOP, signal.SIGCONT) * 10:
            for worker in self.workers.all.values():
                self._signal(worker, number)
            self.pause(self.chance.uniform(0.02, 0.18))
        return 0

    def oom_killer(self):
        pids = [self.house.server.pid, *self.workers.pids()]
        largest = max(pids, key=_memory)
        if largest == self.house.server.pid:
            return self.redis()
        with contextlib.suppress(ProcessLookupError):
            os.kill(largest, signal.SIGKILL)
        self.workers.expected.add(largest)
        return 1

    def clock(self):
        self.workers.clocks[self.workers.some()].move(timedelta(seconds=self.chance.choice(CLOCKS)))
        return 0

    def redis(self):
        self.house.server.kill()
        self.pause(self.chance.uniform(0.1, 2))
        self.house.server.start()
        return 1

    def disk_full(self):
        folder = Path(self.admin.config_get("dir")["dir"])
        size = max(path.stat().st_size for path in folder.rglob("*.aof"))
        room = size + self.chance.randint(0, 300)
        resource.prlimit(self.house.server.pid, resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
        self.pause(self.chance.uniform(0.3, 2))
        return self.redis()

    def out_of_memory(self):
        self.admin.config_set("maxmemory", "1")
        self.pause(self.chance.uniform(1.1 * LEASE, 2 * LEASE))
        self.admin.config_set("maxmemory", "0")
        return 0

    def readonly(self):
        self.admin.execute_command("REPLICAOF", "127.0.0.1", "1")
        self.pause(self.chance.uniform(0.3, 1))
        self.admin.execute_command("REPLICAOF", "NO", "ONE")
        return 0

    def clients(self):
        self.admin.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        return 0

    def swallow(self):
        self.proxy.swallow()
        self.pause(self.chance.uniform(1, 8))
        self.proxy.heal()
        return 0

    def cut(self):
        """Until it has happened, for workers ask all the while: what comes next shall find the link cut."""
        before = self.proxy.cuts
        self.proxy.cut_after(self.chance.randint(1, 3000))
        for _ in range(30):
            if self.proxy.cuts > before or self.pause(0.1):
                break
        return 0

    @staticmethod
    def _signal(worker, number):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(worker.process.pid, number)


def _memory(pid):
    with contextlib.suppress(OSError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return 0


def quiet(admin):
    """Redis is as it should be: writable, with room. A Redis that was killed meanwhile has lost what was set."""
    for attempt in range(50):
        with contextlib.suppress(Exception):
            admin.execute_command("REPLICAOF", "NO", "ONE")
            admin.config_set("maxmemory", "0")
            return
        time.sleep(0.1 * (attempt > 0))
