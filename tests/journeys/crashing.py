"""The workers' application with a fault point in it, reachable from tests alone.

The process that reaches the step named by CRASH_AT first takes the file CRASH_FLAG away and gets CRASH_SIGNAL.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

from octoworker.worker import runtime
from octoworker.worker.app import app  # noqa: F401 - `celery -A crashing`


def at_step(name: str) -> None:
    if name != os.environ["CRASH_AT"]:
        return
    try:
        Path(os.environ["CRASH_FLAG"]).unlink()
    except FileNotFoundError:
        return
    os.kill(os.getpid(), getattr(signal, os.environ.get("CRASH_SIGNAL", "SIGKILL")))


runtime.at_step = at_step
