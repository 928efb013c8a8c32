"""The workers' application that dies of a message before its claim, as one would whose text cannot be read without harm.

Each process that reaches the step named by CRASH_AT is killed as long as the file POISON is there.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

from octoworker.worker import runtime
from octoworker.worker.app import app  # noqa: F401 - `celery -A poisoned`


def at_step(name: str) -> None:
    if name == os.environ["CRASH_AT"] and Path(os.environ["POISON"]).exists():
        os.kill(os.getpid(), signal.SIGKILL)


runtime.at_step = at_step
