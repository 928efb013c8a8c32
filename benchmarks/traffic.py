"""Pace, urgency and round trips, measured. `python benchmarks/traffic.py [pace] [urgent] [trips]`

1. pace: 20 workers share 10 segments a second; what the sandbox saw in 30 s.
2. urgent: from enqueue to accepted, alone and while 100,000 bulk messages go out.
3. trips: commands that Redis saw per message (MONITOR), ours and Celery's, one by one and in bulk.

Prints what it finds and writes benchmarks/results/traffic.json.
"""

from __future__ import annotations

import collections
import hashlib
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import redis

from octoworker.client.client import Client
from octoworker.config import Settings
from octoworker.sandbox import Sandbox
from octoworker.store import embedded
from octoworker.store.scripts import OF_ONE, TOGETHER, names, source
from octoworker.worker import runtime

RESULTS = Path(__file__).parent / "results" / "traffic.json"
TEXT = "Bonjour, votre rendez-vous est demain a 9 h 15. A bientot !"


@contextmanager
def house(workers, **settings):
    with embedded.Server() as server, Sandbox(credit="1000000") as sandbox, tempfile.TemporaryDirectory() as folder:
        environ = {
            **os.environ,
            "REDIS_URL": server.url,
            "OCTOPUSH_URL": sandbox.url,
            "OCTOPUSH_USER_LOGIN": sandbox.user_login,
            "OCTOPUSH_API_KEY": sandbox.api_key,
            "OCTOWORKER_SENDER": "Octo",
            "OCTOWORKER_REQUEUE_AFTER": "600",
            **settings,
        }
        logs = [Path(folder, f"{n}.log").open("wb") for n in range(workers)]  # noqa: SIM115 - theirs for their life
        command = [sys.executable, "-m", "octoworker", "worker"]
        processes = [
            subprocess.Popen([*command, "-n", f"w{n}@%h"], env=environ, stdout=log, stderr=log)
            for n, log in enumerate(logs)
        ]
        for log in logs:
            while b" ready." not in Path(log.name).read_bytes():
                time.sleep(0.2)
        client = Client(environ)
        client.store = runtime.open_store(Settings.load(environ))
        try:
            yield client, sandbox, redis.Redis.from_url(server.url, decode_responses=True)
        finally:
            for process in processes:
                process.send_signal(signal.SIGTERM)
            for process in processes:
                process.wait(60)


def messages(count):
    return [{"recipients": f"+336{n:08d}", "text": TEXT, "transactional": True, "lane": "bulk"} for n in range(count)]


def pace(workers=20, rate=10, seconds=30):
    with house(workers, OCTOWORKER_RATE=str(rate), OCTOWORKER_CONCURRENCY="2") as (client, sandbox, _):
        for each in messages(rate * (seconds + 10)):
            client.enqueue({**each, "lane": "normal"})
        sandbox.wait(calls=rate * 3, timeout=60)
        time.sleep(seconds + 1)
        at = [datetime.fromisoformat(call["at"]).timestamp() for call in sandbox.calls()]
    first = at[rate * 2]
    seen = sum(first <= each < first + seconds for each in at)
    return {
        "workers": workers,
        "rate": rate,
        "seconds": seconds,
        "seen": seen,
        "off_percent": (seen / (rate * seconds) - 1) * 100,
    }


def one_by_one(client, count):
    times = []
    for n in range(count):
        started = time.perf_counter()
        message_id = client.enqueue({"recipients": "+33612345678", "text": f"now {n}", "transactional": True})
        while client.store.get(message_id).state != "accepted":
            time.sleep(0.002)
        times.append((time.perf_counter() - started) * 1000)
    times.sort()
    return {"p50_ms": statistics.median(times), "p99_ms": times[int(len(times) * 0.99)]}


def urgent(bulk=100_000, count=100):
    with house(1) as (client, _, server):
        alone = one_by_one(client, count)
        for start in range(0, bulk, 5000):
            client.enqueue_many(messages(bulk)[start : start + 5000])
        beside = one_by_one(client, count)
        left = server.zcard("ow:due")
    return {"bulk": bulk, "alone": alone, "beside": beside, "bulk_left_at_the_end": left}


def trips(count=200):
    def watched(server, act):
        seen = []
        with server.monitor() as monitor:
            watching = threading.Thread(target=_watch, args=(monitor, seen))
            watching.start()
            act()
            server.echo("over")
            watching.join()
        return {name: round(n / count, 3) for name, n in collections.Counter(seen).most_common()}

    def single(client):
        ids = [client.enqueue({**each, "lane": "normal"}) for each in messages(count)]
        while any(client.store.get(ids[-1 - n]).state != "accepted" for n in range(20)):
            time.sleep(0.05)

    def bulk(client, sandbox):
        client.enqueue_many([{**each, "text": TEXT + " !"} for each in messages(count)])
        sandbox.wait(handsets=2 * count, timeout=60)
        time.sleep(1)

    with house(1, OCTOWORKER_SWEEP_EVERY="60") as (client, sandbox, server):
        return {
            "per_message": watched(server, lambda: single(client)),
            "per_bulk_message": watched(server, lambda: bulk(client, sandbox)),
        }


def _watch(monitor, seen):
    while True:
        command = monitor.next_command()
        if command["command"].upper().startswith("ECHO"):
            return
        if command["client_type"] != "lua":
            name = command["command"].split()[0].upper()
            seen.append(f"EVALSHA {_script(command['command'])}" if name == "EVALSHA" else name)


def _script(command):
    sha = command.split()[1]
    every = (*names(), *(each + TOGETHER for each in OF_ONE))
    return next((name for name in every if hashlib.sha1(source(name).encode()).hexdigest() == sha), "other")


def main():
    wanted = sys.argv[1:] or ["pace", "urgent", "trips"]
    found = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for name in wanted:
        found[name] = {"pace": pace, "urgent": urgent, "trips": trips}[name]()
        print(name, json.dumps(found[name], indent=1))
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
