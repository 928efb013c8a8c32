"""octoworker, one message per job, as `octoworker worker` starts it: validation, claim, settle, history, log and all."""

from __future__ import annotations

import os
import sys

from contenders import sending
from octoworker.client.client import Client

CONCURRENCY = os.environ.get("BENCH_CONCURRENCY")
POOL = os.environ.get("BENCH_POOL", "threads")


def prepare(count):
    client = Client()
    for message in sending.messages(count):
        client.enqueue(message)


def run():
    more = ["-c", CONCURRENCY] if CONCURRENCY else []
    return [[sys.executable, "-m", "octoworker", "worker", "-P", POOL, *more]]
