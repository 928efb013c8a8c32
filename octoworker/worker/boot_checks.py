"""The checks that a worker makes before it takes its first job: it refuses to start on a setting that breaks a promise."""

from __future__ import annotations

from typing import Any

from celery import Celery, bootsteps

from octoworker.config import Settings
from octoworker.errors import SettingsError
from octoworker.sms import lanes

REFUSED_POOLS = {
    "gevent": "it never gives back the jobs of a dead worker, and its acknowledgements fail above ten connections",
    "eventlet": "it never gives back the jobs of a dead worker",
}


class BootChecks(bootsteps.Step):
    """Refuse to start on a setting that breaks a promise."""

    def __init__(self, worker: Any, **options: Any) -> None:
        super().__init__(worker, **options)
        pool = getattr(worker.pool_cls, "__module__", "").rpartition(".")[2]
        check(worker.app, pool, prefetch=worker.prefetch_multiplier)


def check(app: Celery, pool: str, prefetch: int = 1) -> None:
    """SettingsError that lists everything wrong with this worker. Nothing has been started yet."""
    problems = [*Settings.load().missing_account(), *_celery_problems(app, prefetch)]
    if unknown := sorted(set(app.amqp.queues.consume_from) - {*lanes.QUEUES.values()}):
        # Celery would make it, read nothing from it for ever, and call itself ready.
        problems.append(
            f"-Q: no message ever comes to {', '.join(unknown)}; there are {', '.join(lanes.QUEUES.values())}."
        )
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
