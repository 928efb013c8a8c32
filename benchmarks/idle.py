"""Workers that have nothing to do: what they cost, and how soon one takes a job. `python benchmarks/idle.py [--workers N]`

1. All workers stand idle for a while; the CPU of their processes and of Redis is read from the kernel.
2. Then one message after the other comes into the empty house. Its record says, by Redis' clock alone, how long it stood in its
   queue until a worker claimed it.

Once with two workers, where the goal stands, and once with many: their bells ring all of them, and on a small machine they are in
each other's way. Writes benchmarks/results/idle.json. Exit status 1 when the median of the two exceeds the goal.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

from octoworker.client.client import Client
from octoworker.config import Settings
from octoworker.sandbox import Sandbox
from octoworker.store import embedded
from octoworker.worker import runtime

RESULTS = Path(__file__).parent / "results" / "idle.json"
GOAL = 5.0
"""Milliseconds in its queue that a message may stand, at the median, where a few workers wait for it."""

FEW = 2

TICK = os.sysconf("SC_CLK_TCK")


def cpu(pid):
    """Seconds of CPU of a process, its threads included."""
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / TICK


@contextmanager
def idle_workers(environ, folder, count):
    found = []
    try:
        start(found, environ, folder, count)
        yield [each.pid for each in found]
    finally:
        for each in found:
            each.send_signal(signal.SIGTERM)
        for each in found:
            each.wait(120)


def start(found, environ, folder, count):
    for n in range(count):
        log = Path(folder, f"{n}.log")
        command = [sys.executable, "-m", "octoworker", "worker", "-n", f"w{n}@%h"]
        process = subprocess.Popen(command, env=environ, stdout=log.open("wb"), stderr=subprocess.STDOUT)
        found.append(process)
        while b" ready." not in log.read_bytes():
            assert process.poll() is None, log.read_text()
            time.sleep(0.05)


def in_queue(store, client, number):
    """Milliseconds from a message's record to its claim."""
    taken = {"recipients": f"+336{number:08d}", "text": f"message {number}", "transactional": True, "lane": "urgent"}
    message_id = client.enqueue(taken)
    while not (record := store.get(message_id)).final:
        time.sleep(0.02)
    begun = next(move.at for move in record.history if move.state == "submitting")
    return (begun - record.history[0].at).total_seconds() * 1000


def measured(workers, seconds, messages):
    with embedded.Server() as server, Sandbox(credit="1000000") as sandbox, tempfile.TemporaryDirectory() as folder:
        environ = {
            **os.environ,
            "REDIS_URL": server.url,
            "OCTOPUSH_URL": sandbox.url,
            "OCTOPUSH_USER_LOGIN": sandbox.user_login,
            "OCTOPUSH_API_KEY": sandbox.api_key,
            "OCTOWORKER_SENDER": "Octo",
            "OCTOWORKER_HEALTH_DIR": folder,
        }
        with idle_workers(environ, folder, workers) as pids:
            time.sleep(5)  # what a start still does in the background is no idling
            before, redis_before, began = [cpu(pid) for pid in pids], cpu(server.pid), time.monotonic()
            time.sleep(seconds)
            took = time.monotonic() - began
            idle = [after - was for after, was in zip(map(cpu, pids), before, strict=True)]
            redis_idle = cpu(server.pid) - redis_before
            client, store = Client(environ, timeout=10), runtime.open_store(Settings.load(environ))
            waits = sorted(in_queue(store, client, n) for n in range(messages))
    return {
        "workers": workers,
        "idle, CPU of a worker, % of a core": round(100 * statistics.mean(idle) / took, 2),
        "idle, CPU of Redis, % of a core": round(100 * redis_idle / took, 2),
        "in its queue p50, ms": round(statistics.median(waits), 1),
        "in its queue p99, ms": round(waits[int(len(waits) * 0.99)], 1),
        "load of the machine": round(os.getloadavg()[0], 1),
    }


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--workers", type=int, default=20, help="of the second round")
    options.add_argument("--seconds", type=float, default=30, help="for which they stand idle")
    options.add_argument("--messages", type=int, default=200)
    given = options.parse_args()
    found = [measured(count, given.seconds, given.messages) for count in (FEW, given.workers)]
    print(json.dumps(found, indent=1))
    RESULTS.write_text(json.dumps(found, indent=1) + "\n")
    sys.exit(1 if found[0]["in its queue p50, ms"] > GOAL else 0)


if __name__ == "__main__":
    main()
