"""The checks that a worker makes before it takes its first job: it refuses to start on a setting that breaks a promise."""

from __future__ import annotations

import contextlib
from contextlib import closing
from typing import Any

from celery import Celery, bootsteps

from octoworker.config import Settings, unknown_names
from octoworker.errors import SettingsError, StoreError, UnfitRedisError
from octoworker.sms import lanes
from octoworker.store import connect, connect_to_jobs
from octoworker.store.server import appendfsync, fitness
from octoworker.telemetry import log
from octoworker.worker.runtime import LOOK_TIMEOUT

REFUSED_POOLS = {
    "gevent": "it never gives back the jobs of a dead worker, and its acknowledgements fail above ten connections",
    "eventlet": "it never gives back the jobs of a dead worker",
}


CLUSTER = (
    "This Redis is a cluster, which cannot change several keys in one step: name another with OCTOWORKER_REDIS_URL."
)

EVICTS = (
    "it may throw messages away: set maxmemory-policy noeviction, or give octoworker its own with OCTOWORKER_REDIS_URL"
)


NOT_ALWAYS = (
    "OCTOWORKER_CONFIRM=disk needs a Redis that writes to its disk before it answers, and this one does not ({}): set "
    "appendonly yes and appendfsync always there."
)

UNCHECKED = "OCTOWORKER_CONFIRM=disk: this user of Redis may not ask for appendfsync (CONFIG); it must be always"


class BootChecks(bootsteps.Step):
    """Refuse to start on a setting that breaks a promise."""

    def __init__(self, worker: Any, **options: Any) -> None:
        super().__init__(worker, **options)
        pool = getattr(worker.pool_cls, "__module__", "").rpartition(".")[2]
        check(worker.app, pool, prefetch=worker.prefetch_multiplier)
        for sentence in unknown_names():
            log.warning("settings.unknown", says=sentence)
        look_at_redis(Settings.load())


def check(app: Celery, pool: str, prefetch: int = 1) -> None:
    """SettingsError that lists everything wrong with this worker. Nothing has been started yet."""
    settings = Settings.load()
    problems = [*settings.missing_account(), *settings.refused_in_tests(), *_celery_problems(app, prefetch)]
    if unknown := sorted(set(app.amqp.queues.consume_from) - {*lanes.QUEUES.values()}):
        # Celery would make it, read nothing from it for ever, and call itself ready.
        problems.append(
            f"-Q: no message ever comes to {', '.join(unknown)}; there are {', '.join(lanes.QUEUES.values())}."
        )
    if pool in REFUSED_POOLS:
        problems.append(f"The {pool} pool is refused: {REFUSED_POOLS[pool]}. Use threads (the default) or prefork.")
    if problems:
        raise SettingsError(problems)


def look_at_redis(settings: Settings) -> None:
    """SettingsError when this Redis can never do; an event when it may lose messages. One that is away is waited for."""
    client = connect(settings.redis.records_url, timeout=LOOK_TIMEOUT, retries=0)
    policy: str | None = None
    try:
        cluster, eviction = fitness(client)
        if settings.redis.confirm_by == "disk":
            policy = appendfsync(client)
    except UnfitRedisError as error:
        raise SettingsError([str(error)]) from None
    except StoreError:
        return
    finally:
        client.close()
    if cluster:
        raise SettingsError([CLUSTER])
    if policy is None and settings.redis.confirm_by == "disk":
        log.warning("redis.unchecked", hint=UNCHECKED)
    elif policy not in (None, "always"):
        raise SettingsError([NOT_ALWAYS.format(policy)])
    _warn_of(eviction)
    if settings.redis.broker != settings.redis.records_url:
        _look_at_jobs(settings.redis.broker)


def _look_at_jobs(url: str) -> None:
    client = connect_to_jobs(url, timeout=LOOK_TIMEOUT)
    if client is None:
        return
    with closing(client), contextlib.suppress(StoreError):
        _warn_of(fitness(client)[1])


def _warn_of(eviction: str) -> None:
    if eviction not in ("", "noeviction"):
        log.warning("redis.evicts", policy=eviction, hint=EVICTS)


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
