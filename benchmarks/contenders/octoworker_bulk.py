"""octoworker, many messages given to `enqueue_many` at once, one call to Octopush for each. Two processes, for two cores."""

from __future__ import annotations

import os
import sys

from contenders import sending
from octoworker import enqueue_many

__all__ = ["prepare", "run"]

CONCURRENCY = os.environ.get("BENCH_CONCURRENCY")


def prepare(count):
    enqueue_many(sending.messages(count))


def run():
    """The threads of one process share one core, which is enough while Octopush is what is waited for."""
    how = ["-P", "threads", "-c", CONCURRENCY] if CONCURRENCY else ["-P", "prefork", "-c", "2"]
    return [[sys.executable, "-m", "octoworker", "worker", *how]]
