"""The workers' application whose children die while they tell their parent what became of a job.

The child that reaches the step named by CRASH_AT first takes the file CRASH_FLAG away, writes what is no pickle on its pipe,
and is killed.
"""

from __future__ import annotations

import os
import signal
import struct
from pathlib import Path

from billiard.process import current_process

from octoworker.worker import runtime
from octoworker.worker.app import app  # noqa: F401 - `celery -A stammering`

MIDDLE_OF_A_WORD = b"the middle of a pickle"


def at_step(name: str) -> None:
    if name != os.environ["CRASH_AT"]:
        return
    try:
        Path(os.environ["CRASH_FLAG"]).unlink()
    except FileNotFoundError:
        return
    pipe = current_process()._target.outq._writer.fileno()  # noqa: SLF001 - the pipe to its parent
    whole = struct.pack(">i", len(MIDDLE_OF_A_WORD)) + MIDDLE_OF_A_WORD
    half = struct.pack(">i", 100) + MIDDLE_OF_A_WORD
    os.write(pipe, whole + half)
    os.kill(os.getpid(), signal.SIGKILL)


runtime.at_step = at_step
