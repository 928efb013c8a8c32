"""The workers' application with a way to hang: on SIGUSR2 its main thread waits until the file named by HANGS is gone."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from octoworker.worker.app import app  # noqa: F401 - `celery -A hanging_worker`

_hangs = Path(os.environ["HANGS"])


def _hang(*_):
    _hangs.touch()
    while _hangs.exists():
        time.sleep(0.05)


signal.signal(signal.SIGUSR2, _hang)
