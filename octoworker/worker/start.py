"""`octoworker worker`: Celery's worker command, and of Celery's commands this one alone."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from celery import Celery

from octoworker.config import Settings
from octoworker.telemetry import log, metrics
from octoworker.worker import processes, runtime
from octoworker.worker.boot_checks import look_at_redis
from octoworker.worker.metrics_server import begin

LOADED = (
    *(
        "celery.bin.worker",
        "celery.apps.worker",
        "celery.app.control",
        "celery.app.events",
        "celery.concurrency.thread",
    ),
    *("celery.worker.autoscale", "celery.worker.components", "celery.worker.consumer", "celery.worker.control"),
    *("celery.worker.loops", "celery.worker.pidbox", "celery.worker.strategy", "kombu.asynchronous.semaphore"),
    *("octoworker.worker.consumer", "octoworker.worker.lane_order", "encodings.ascii"),
)
"""What each process would load for itself: found by comparing what a supervisor and a working process have loaded."""


M_ARENA_MAX = -8
"""Of glibc's mallopt(3)."""

ARENAS = 2
"""Heaps of a process. glibc gives each thread its own, up to eight a core; threads that wait for Python's lock need no more, and
what each keeps for itself is three megabytes of some seventy."""


def supervised(settings: Settings, pool: str, arguments: Sequence[str]) -> int | None:
    """Begin the processes of a worker that has several. None: this one runs the worker. Else the exit status of the worker.

    Whatever they have in common is loaded before: they share its memory.
    """
    _few_arenas()
    wanted = processes.count(settings, pool, arguments)
    if wanted == 1:
        return None
    look_at_redis(settings)
    for name in LOADED:
        import_module(name)
    folder = begin(settings)
    runtime.warm_up(settings)
    status = processes.supervise(wanted)
    if status is not None and folder is not None:
        metrics.stop(folder)
    return status


def _few_arenas() -> None:
    if "MALLOC_ARENA_MAX" not in os.environ:
        with contextlib.suppress(OSError, AttributeError):  # only glibc has it
            ctypes.CDLL(None).mallopt(M_ARENA_MAX, ARENAS)


def run(app: Celery, arguments: list[str], *, banner: bool) -> int:
    """Run Celery's worker command until it ends; its exit status.

    This command alone: all of Celery's, as `app.worker_main` has them, cost every worker seven megabytes for a shell.
    """
    from celery.apps import worker as of_celery  # noqa: PLC0415 - a producer that imports the task needs none of it
    from celery.bin.base import CLIContext  # noqa: PLC0415 - the same
    from celery.bin.worker import worker as worker_command  # noqa: PLC0415 - the same

    if not (sys.stdout and sys.stdout.isatty()):
        of_celery.safe_say = _say  # type: ignore[attr-defined]  # not in its stubs
    context = CLIContext(app=app, no_color=bool(os.environ.get("NO_COLOR")), workdir=None, quiet=not banner)
    # The prefix is the one that Celery gives it: CELERY_WORKER_QUEUES is its -Q.
    code = worker_command.main(
        args=arguments,
        prog_name="octoworker worker",
        standalone_mode=False,
        obj=context,
        auto_envvar_prefix="CELERY_WORKER",
    )
    return code if isinstance(code, int) else 0


def _say(text: str, *_: Any) -> None:
    """What Celery would write on standard output on a signal, between the lines of the log."""
    log.event("worker.says", says=text.strip())
