"""What we change in Celery's worker, and the checks it makes before it takes its first job.

Each change says which fault it answers; tests/journeys/test_worker_life.py says when it can go.
"""

from __future__ import annotations

import sys
from typing import Any

from celery import Celery, bootsteps
from celery.worker.consumer import Consumer
from celery.worker.request import Request

from octoworker import wire
from octoworker.config import Settings
from octoworker.errors import SettingsError

MASKED_ARGS = "()"

REFUSED_POOLS = {
    "gevent": "it never gives back the jobs of a dead worker, and its acknowledgements fail above ten connections",
    "eventlet": "it never gives back the jobs of a dead worker",
}


class LastingConsumer(Consumer):
    """Celery 5.7.0 closes a lost connection twice; with a job in flight the second close ends the worker (rc 1).

    `collect()` has cleaned up by then, so closing again has nothing left to do.
    """

    def on_connection_error_after_connected(self, exc: Exception) -> None:
        connection = self.connection
        if connection is not None:
            connection.close = connection.release = lambda: None  # type: ignore[method-assign]
        super().on_connection_error_after_connected(exc)


class MaskedRequest(Request):
    """A job whose arguments are not shown: in logs, in events, and so in Flower. Also for jobs sent without our client."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._argsrepr, self._kwargsrepr = MASKED_ARGS, wire.MASKED_KWARGS
        self.request_dict.update(argsrepr=MASKED_ARGS, kwargsrepr=wire.MASKED_KWARGS)


SWITCH_INTERVAL = 0.0002
"""Seconds a thread keeps Python's lock when others want it. At the usual 0.005 the thread that fetches and acknowledges
jobs waits after each answer of Redis' for a sender to let go: half as much again per message, measured with 16 threads."""


class QuickSwitching(bootsteps.Step):
    """Threads take turns quickly: each of ours waits for the network most of its time."""

    def __init__(self, worker: Any, **options: Any) -> None:
        super().__init__(worker, **options)
        sys.setswitchinterval(SWITCH_INTERVAL)


class BootChecks(bootsteps.Step):
    """Refuse to start on a setting that breaks a promise."""

    def __init__(self, worker: Any, **options: Any) -> None:
        super().__init__(worker, **options)
        pool = getattr(worker.pool_cls, "__module__", "").rpartition(".")[2]
        check(worker.app, pool, prefetch=worker.prefetch_multiplier)


def check(app: Celery, pool: str, prefetch: int = 1) -> None:
    """SettingsError that lists everything wrong with this worker. Nothing has been started yet."""
    problems = [*Settings.load().missing_account(), *_celery_problems(app, prefetch)]
    if pool in REFUSED_POOLS:
        problems.append(f"The {pool} pool is refused: {REFUSED_POOLS[pool]}. Use threads (the default) or prefork.")
    if problems:
        raise SettingsError(problems)


def _celery_problems(app: Celery, prefetch: int) -> list[str]:
    conf, settings = app.conf, Settings.load()
    visibility = dict(conf.broker_transport_options or {}).get("visibility_timeout")
    required = {
        "task_acks_late must be true: an early acknowledgement loses the job of a worker that dies.": conf.task_acks_late,
        "task_reject_on_worker_lost must be false: a poison job would loop for ever.": not conf.task_reject_on_worker_lost,
        "accept_content must be json alone: pickle in a queue is code of a stranger's.": list(conf.accept_content)
        == ["json"],
        "worker_prefetch_multiplier must be 1: what one worker hoards, a kill delays.": prefetch == 1,
        "worker_deduplicate_successful_tasks must be false: the claim does this.": not conf.worker_deduplicate_successful_tasks,
        "visibility_timeout of the broker must be OCTOWORKER_VISIBILITY_TIMEOUT.": visibility
        == settings.visibility_timeout,
    }
    return [sentence for sentence, holds in required.items() if not holds]
