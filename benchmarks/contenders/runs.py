"""One run of one contender: its queue is filled, its workers start, and they are measured until the gateway has it all."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from contenders import measure
from contenders.gateway import Stub
from octoworker.store import embedded

HERE = Path(__file__).parent
PATIENCE = 300.0
WARM = 0.1
"""Part of the calls after which measuring starts: connections are open, code paths and allocators are warm."""


@dataclass(frozen=True)
class Entry:
    """A contender as the table has it."""

    name: str
    module: str
    count: int = 3000
    """Calls in one run."""
    delay_ms: int = 0
    per_call: int = 1
    """Messages in one call."""
    settings: dict = field(default_factory=dict)
    fed: bool = False
    """Whether its messages come one by one while it works (see `feed`), and do not stand there from the start."""
    writes: str = ""
    """What it writes to Redis for each message."""


def environ(entry, redis_url, gateway_url):
    return {
        **os.environ,
        "PYTHONPATH": str(HERE.parent),
        "REDIS_URL": redis_url,
        "OCTOPUSH_URL": gateway_url,
        "OCTOPUSH_USER_LOGIN": "bench@example.com",
        "OCTOPUSH_API_KEY": "bench",
        "OCTOWORKER_SENDER": "Octo",
        **entry.settings,
    }


def described(entry, env, *what):
    command = [sys.executable, "-m", "contenders.describe", entry.module, *what]
    return subprocess.run(command, env=env, check=True, stdout=subprocess.PIPE, cwd=HERE.parent).stdout


def started(entry, env, log):
    """The workers of a contender, in its own folder."""
    commands = json.loads(described(entry, env, "run"))
    at = time.monotonic_ns()
    options = {"env": env, "stdout": log, "stderr": log, "cwd": HERE.parent}
    return at, [subprocess.Popen(command, **options) for command in commands]


def fed(entry, env, count, log):
    """A producer beside the workers."""
    command = [sys.executable, "-m", "contenders.feed", entry.module, str(count)]
    return subprocess.Popen(command, env=env, stdout=log, stderr=log, cwd=HERE.parent)


def until(stub, calls, processes, log):
    """Wait until the gateway has had so many calls; its state then."""
    deadline = time.monotonic() + PATIENCE
    while (counted := stub.counted())[0] < calls:
        if any(process.poll() is not None for process in processes) and stub.calls < calls:
            raise RuntimeError(f"a worker ended early after {stub.calls} calls: {log.name}")
        if time.monotonic() > deadline:
            raise TimeoutError(f"{stub.calls} of {calls} calls: {log.name}")
        time.sleep(0.002)
    return counted


def run(entry, folder, count):
    """One run, with a Redis and a gateway of its own."""
    log_path = folder / f"{entry.module}.log"
    with embedded.Server() as server, Stub(folder, entry.delay_ms, entry.per_call) as stub, log_path.open("wb") as log:
        env = environ(entry, server.url, stub.url)
        filled = time.monotonic()
        if not entry.fed:
            described(entry, env, "prepare", str(count))
        filled = time.monotonic() - filled
        spawned, processes = started(entry, env, log)
        feeder = fed(entry, env, count, log) if entry.fed else None
        try:
            until(stub, int(count * WARM) or 1, processes, log)
            gateway_before = measure.cpu([stub.pid])
            pids = measure.tree(p.pid for p in processes)
            before, calls_before, at_before = measure.cpu(pids), stub.calls, time.monotonic()
            redis_before = measure.cpu([server.pid])
            until(stub, count, processes, log)
            after, calls, took = measure.cpu(pids), stub.calls, time.monotonic() - at_before
            redis_used = measure.cpu([server.pid]) - redis_before
            gateway_used = measure.cpu([stub.pid]) - gateway_before
            pids = measure.tree(p.pid for p in processes)
            memory = measure.pss(pids)
            _, messages, first_at, _ = stub.counted()
        finally:
            measure.end([*processes, *([feeder] if feeder else [])])
        done = (calls - calls_before) * entry.per_call
        if messages < count * entry.per_call:
            raise RuntimeError(f"{messages} messages in {calls} calls: {log.name}")
    return {
        "cpu_us": (after - before) / done * 1e6,
        "redis_us": redis_used / done * 1e6,
        "sum_us": (after - before + redis_used) / done * 1e6,
        "per_s": done / took,
        "pss_mb": memory,
        "start_s": (first_at - spawned) / 1e9,
        "processes": len(pids),
        "gateway_cpu_share": gateway_used / took,
        "prepare_s": filled,
    }


def medians(runs):
    return {name: statistics.median(each[name] for each in runs) for name in runs[0]}
