"""octoworker, each message by an `enqueue()` of its own, and a worker as `octoworker worker` starts it, nothing turned off."""

from __future__ import annotations

import os
import sys

from contenders import sending
from octoworker.client.client import Client

POOL = os.environ.get("BENCH_POOL", "")

QUEUE = "sms.urgent"
"""Where these messages stand: one recipient, transactional."""


def prepare(count):
    client = Client()
    for message in sending.messages(count):
        client.enqueue(message)


def handing_over():
    """What takes one message, for `feed`."""
    return Client().enqueue


def run():
    pool = ["-P", POOL] if POOL else []
    return [[sys.executable, "-m", "octoworker", "worker", *pool]]
