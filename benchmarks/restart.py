"""A rolling restart of prefork workers under load, measured. `python benchmarks/restart.py [--workers N]`

Urgent messages come all the while; Octopush takes 0.3 s for each. The workers are told to end (SIGTERM) one after the other,
and each is replaced once it is gone. Prints how long each took to end and how long messages waited, from enqueue to accepted,
and writes benchmarks/results/restart.json. Exit status 1 when the longest wait exceeds the goal, or a message was lost or sent
twice.
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from octoworker.client.client import Client
from octoworker.config import Settings
from octoworker.sandbox import Sandbox
from octoworker.store import embedded
from octoworker.worker import runtime

RESULTS = Path(__file__).parent / "results" / "restart.json"
GOAL = 3.0
"""Seconds that a message may wait in all."""

ANSWERS_AFTER = 0.3
"""Seconds that Octopush takes."""


class Fleet:
    """Workers of one environment, each with its log."""

    def __init__(self, environ, folder):
        self.environ, self.folder, self.started = environ, folder, 0

    def start(self):
        self.started += 1
        log = Path(self.folder, f"{self.started}.log")
        command = [sys.executable, "-m", "octoworker", "worker", "-P", "prefork", "-n", f"w{self.started}@%h"]
        process = subprocess.Popen(command, env=self.environ, stdout=log.open("wb"), stderr=subprocess.STDOUT)
        return process, log

    @staticmethod
    def ready(process, log):
        while b" ready." not in log.read_bytes():
            assert process.poll() is None, log.read_text()
            time.sleep(0.05)


def produce(client, taken, over, pace):
    number = 0
    while not over.wait(1 / pace):
        number += 1
        text = f"message {number}"
        message_id = client.enqueue(
            {"recipients": f"+336{number:08d}", "text": text, "transactional": True, "lane": "urgent"}
        )
        taken[message_id] = text


def roll(fleet, workers):
    """End each and replace it; the seconds that each took to end."""
    took = []
    for place, (process, _) in enumerate(workers):
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        process.wait(120)
        took.append(time.monotonic() - began)
        workers[place] = fleet.start()
        fleet.ready(*workers[place])
    return took


def waited(record):
    """Seconds from enqueue to accepted."""
    return (record.history[-1].at - record.history[0].at).total_seconds()


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--workers", type=int, default=10)
    options.add_argument("--pace", type=float, default=15, help="messages a second")
    given = options.parse_args()
    taken, over = {}, threading.Event()
    with embedded.Server() as server, Sandbox(credit="1000000") as sandbox, tempfile.TemporaryDirectory() as folder:
        sandbox.fault(fault="slow", seconds=ANSWERS_AFTER, times=10**6)
        environ = {
            **os.environ,
            "REDIS_URL": server.url,
            "OCTOPUSH_URL": sandbox.url,
            "OCTOPUSH_USER_LOGIN": sandbox.user_login,
            "OCTOPUSH_API_KEY": sandbox.api_key,
            "OCTOWORKER_SENDER": "Octo",
            "OCTOWORKER_CONCURRENCY": "2",
        }
        fleet = Fleet(environ, folder)
        workers = [fleet.start() for _ in range(given.workers)]
        for each in workers:
            fleet.ready(*each)
        client = Client(environ)
        store = runtime.open_store(Settings.load(environ))
        producer = threading.Thread(target=produce, args=(client, taken, over, given.pace))
        producer.start()
        time.sleep(2)
        took = roll(fleet, workers)
        over.set()
        producer.join()
        records = [store.get(message_id) for message_id in taken]
        deadline = time.monotonic() + 60
        while not all(record and record.final for record in records) and time.monotonic() < deadline:
            time.sleep(0.2)
            records = [store.get(message_id) for message_id in taken]
        for process, _ in workers:
            process.send_signal(signal.SIGTERM)
        for process, _ in workers:
            process.wait(120)
        rang = collections.Counter(each["text"] for some in sandbox.handsets().values() for each in some)
    waits = sorted(waited(record) for record in records if record)
    found = {
        "workers": given.workers,
        "messages": len(taken),
        "lost": sum(rang[text] == 0 for text in taken.values()),
        "twice": sum(rang[text] > 1 for text in taken.values()),
        "seconds to end, longest": round(max(took), 2),
        "seconds to end, median": round(statistics.median(took), 2),
        "wait p50": round(statistics.median(waits), 3),
        "wait p99": round(waits[int(len(waits) * 0.99)], 3),
        "wait, longest": round(waits[-1], 3),
    }
    print(json.dumps(found, indent=1))
    RESULTS.write_text(json.dumps(found, indent=1) + "\n")
    sys.exit(1 if found["lost"] or found["twice"] or waits[-1] > GOAL else 0)


if __name__ == "__main__":
    main()
