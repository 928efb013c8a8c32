"""A million messages held here, and what they cost. `make bench HELD=1000000`.

1. Memory: Redis per held message beyond its own text and numbers; a worker's memory before and while they wait.
2. Release: a due backlog through the whole loop of the clock (take from the due set, build the jobs, publish), and the
   longest call of a script as Redis measured it.
3. Lateness: so many messages due each second, claimed by a real worker, beside plain Celery ETA in the same run.
4. Immediate sends while they wait.

Prints a table and writes benchmarks/results/held.json.
"""

from __future__ import annotations

import argparse
import base64
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import redis
from contenders.gateway import Stub

from octoworker.client.client import Client
from octoworker.config import Settings
from octoworker.sandbox import Sandbox
from octoworker.store import ClaimRequest, NewMessage, Store, connect, embedded
from octoworker.telemetry.log import configure
from octoworker.worker import scheduler

TEXT = "Bonjour, votre rendez-vous est demain a 9 h 15. A bientot !"
KEPT = {
    "keep_for": timedelta(days=10),
    "requeue_after": timedelta(minutes=10),
    "lease": timedelta(seconds=45),
    "key_window": timedelta(days=1),
}
RESULTS = Path(__file__).parent / "results" / "held.json"
HERE = Path(__file__).parent


def filled(store, count, due):
    """Held records, made by the scripts themselves in bulk: created and claimed, a thousand in a round trip."""
    ids = []
    for start in range(0, count, 1000):
        some = [(f"{n:032x}", f"+336{n:08d}") for n in range(start, min(count, start + 1000))]
        asked = [json.dumps({"recipients": [number], "text": TEXT, "transactional": True}) for _, number in some]
        for batch in range(0, len(some), 200):
            news = [
                NewMessage(i, "", text) for (i, _), text in zip(some[batch : batch + 200], asked[batch:], strict=False)
            ]
            store.create_many("normal", news)
        store.claim_many(
            [
                ClaimRequest(
                    message_id,
                    "",
                    "normal",
                    text,
                    segments=1,
                    hold_until=datetime.fromtimestamp(due, UTC),
                    day="2026-01-01",
                )
                for (message_id, _), text in zip(some, asked, strict=True)
            ]
        )
        ids += [message_id for message_id, _ in some]
    return ids


def memory_of(pid):
    """Proportional set size of a process, MB."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def worker(environ, log):
    process = subprocess.Popen([sys.executable, "-m", "octoworker", "worker"], env=environ, stdout=log, stderr=log)
    while b" ready." not in Path(log.name).read_bytes():
        time.sleep(0.1)
    return process


def percentile(values, part):
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]


def slowest_script(client):
    """ms, of the calls that Redis' slow log kept since it was reset."""
    entries = client.slowlog_get(1000)
    scripts = [entry["duration"] / 1000 for entry in entries if b"EVALSHA" in bytes(entry["command"])]
    return max(scripts, default=0.0), len(scripts)


def _messages_in(job):
    """How many messages a job of the broker's list carries."""
    kwargs = json.loads(base64.b64decode(json.loads(job)["body"]))[1]
    return len(kwargs.get("ids", [1]))


def release(client, settings, count):
    """The clock's own loop over a due backlog, in this process."""
    store = Store(connect(settings.redis.records_url), **KEPT, max_crashes=5)
    client.config_set("slowlog-log-slower-than", 2000)
    client.slowlog_reset()
    ticking = scheduler.Scheduler(settings, store)
    started = time.perf_counter()
    rung = ticking.sweep()
    took = time.perf_counter() - started
    assert rung == count, (rung, count)
    assert sum(_messages_in(job) for job in client.lrange("sms", 0, -1)) == count
    return count / took


def lateness(environ, folder, count, rate):
    """p50 and p99, s: ours, of messages due at `rate` per second, and plain Celery's ETA at the same rate."""
    ours = _ours(environ, folder, count, rate)
    plain = _plain(environ, folder, count, rate)
    return {"ours": ours, "celery": plain}


def _ours(environ, folder, count, rate):
    client = redis.Redis.from_url(environ["REDIS_URL"])
    client.flushall()
    log = (folder / "ours.log").open("wb")
    process = subprocess.Popen(
        [sys.executable, str(HERE / "lateness.py"), "ours", str(count), str(rate)],
        env=environ,
        stdout=subprocess.PIPE,
        stderr=log,
    )
    out, _ = process.communicate()
    return json.loads(out)


def _plain(environ, folder, count, rate):
    client = redis.Redis.from_url(environ["REDIS_URL"])
    client.flushall()
    log = (folder / "plain.log").open("wb")
    process = subprocess.Popen(
        [sys.executable, str(HERE / "lateness.py"), "plain", str(count), str(rate)],
        env=environ,
        stdout=subprocess.PIPE,
        stderr=log,
    )
    out, _ = process.communicate()
    return json.loads(out)


def immediate(client, count):
    """ms from enqueue to accepted, one after the other."""
    times = []
    for n in range(count):
        started = time.perf_counter()
        message_id = client.enqueue({"recipients": "+33612345678", "text": f"now {n}", "transactional": True})
        while client.store.get(message_id).state != "accepted":
            time.sleep(0.001)
        times.append((time.perf_counter() - started) * 1000)
    return statistics.median(times)


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--held", type=int, default=1_000_000)
    options.add_argument("--due", type=int, default=5000, help="messages of the lateness run")
    options.add_argument("--rate", type=int, default=500)
    given = options.parse_args()
    configure("json", "WARNING")
    found = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "held": given.held,
    }
    with embedded.Server() as server, Sandbox(credit="1000000") as sandbox, tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        environ = {
            **os.environ,
            "REDIS_URL": server.url,
            "OCTOPUSH_URL": sandbox.url,
            "OCTOPUSH_USER_LOGIN": sandbox.user_login,
            "OCTOPUSH_API_KEY": sandbox.api_key,
            "OCTOWORKER_SENDER": "Octo",
            "OCTOWORKER_REQUEUE_AFTER": "600",
            "OCTOWORKER_LOG_LEVEL": "INFO",
        }
        admin, client = redis.Redis.from_url(server.url), Client(environ)
        settings = Settings.load(environ)
        # The sandbox is a program in Python and would be what is measured: here it is the contenders' own gateway.
        with Stub(folder) as stub:
            found["lateness"] = lateness({**environ, "OCTOPUSH_URL": stub.url}, folder, given.due, given.rate)
        admin.flushall()
        store = Store(connect(server.url), **KEPT, max_crashes=5)
        log = (folder / "worker.log").open("wb")
        process = worker(environ, log)
        try:
            found["immediate_ms_alone"] = immediate(client, 200)
            before_worker, before_redis = memory_of(process.pid), admin.info("memory")["used_memory"]
            filled(store, given.held, time.time() + 3600)
            time.sleep(3)
            found["worker_grew_mb"] = memory_of(process.pid) - before_worker
            own = len(TEXT) + len("+33612345678")
            found["redis_bytes_each"] = (admin.info("memory")["used_memory"] - before_redis) / given.held - own
            found["immediate_ms_beside_them"] = immediate(client, 200)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)
        now = time.time() * 1000
        _make_due(admin, given.held, now)
        found["release_per_s"] = release(admin, settings, given.held)
        found["slowest_script_ms"], found["scripts_over_2_ms"] = slowest_script(admin)
        client.close()
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(found, indent=1) + "\n")
    show(found)


def _make_due(admin, count, now):
    """An hour passes: due times move to now, for all of them."""
    for start in range(0, count, 5000):
        with admin.pipeline(transaction=False) as pipe:
            for n in range(start, min(count, start + 5000)):
                message_id = f"{n:032x}"
                pipe.hset(f"ow:message:{message_id}", "due", int(now))
                pipe.zadd("ow:due", {message_id: now})
            pipe.execute()


def show(found):
    ours, celery = found["lateness"]["ours"], found["lateness"]["celery"]
    rows = [
        ("worker memory while they wait, MB more", found["worker_grew_mb"], "<= 2", found["worker_grew_mb"] <= 2),
        (
            "Redis per message beyond its text and number, B",
            found["redis_bytes_each"],
            "<= 1600",
            found["redis_bytes_each"] <= 1600,
        ),
        ("release of a due backlog, messages/s", found["release_per_s"], ">= 20000", found["release_per_s"] >= 20000),
        ("slowest script call, ms", found["slowest_script_ms"], "<= 10", found["slowest_script_ms"] <= 10),
        (
            "p99 lateness, ratio to Celery ETA",
            ours["p99"] / celery["p99"],
            "<= 1.5",
            ours["p99"] <= 1.5 * celery["p99"],
        ),
        (
            "immediate sends, median ratio beside them to alone",
            found["immediate_ms_beside_them"] / found["immediate_ms_alone"],
            "<= 1.2",
            found["immediate_ms_beside_them"] <= 1.2 * found["immediate_ms_alone"],
        ),
    ]
    print(f"{found['held']} held messages on {found['machine']}")
    for name, value, goal, met in rows:
        print(f"{name:<55}{value:>12.2f}  goal {goal:<9}{'met' if met else 'MISSED'}")
    print(
        f"lateness p50/p99 ms: ours {ours['p50'] * 1000:.0f}/{ours['p99'] * 1000:.0f}, Celery ETA {celery['p50'] * 1000:.0f}/{celery['p99'] * 1000:.0f}"
    )


if __name__ == "__main__":
    main()
