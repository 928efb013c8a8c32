"""Jobs for a broker that is not the Redis of the records: no script can write both, so Celery publishes each of them.

A job that could not be published is no loss: the record stands, and the scheduler publishes it again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from celery import Celery
from kombu.exceptions import OperationalError

from octoworker import correlation
from octoworker.sms import jobs, lanes
from octoworker.store import Wakeup


@dataclass(frozen=True)
class PublishedJob:
    """One job. `job_id`: None lets Celery draw one. `at`: its instant, Redis' time; None: at once. `headers`: beside Celery's own."""

    task: str
    kwargs: Mapping[str, Any] = field(repr=False)
    lane: str
    job_id: str | None = None
    at: datetime | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    with_result: bool = False


def single(
    message_id: str, arguments: Mapping[str, Any], lane: str, incarnation: str = "", *, with_result: bool = False
) -> PublishedJob:
    """The first job of a message."""
    kwargs = jobs.job_kwargs(message_id, arguments, incarnation)
    return PublishedJob(jobs.TASK, kwargs, lane, message_id, headers=correlation.headers(), with_result=with_result)


def bulk(ids: Sequence[str], lane: str) -> Iterator[PublishedJob]:
    """The bulk jobs of these messages."""
    for start in range(0, len(ids), jobs.BULK_SIZE):
        some = list(ids[start : start + jobs.BULK_SIZE])
        yield PublishedJob(jobs.BULK_TASK, {"ids": some, "version": jobs.VERSION}, lane, headers=correlation.headers())


def woken(wakeup: Wakeup, *, with_results: bool = False) -> PublishedJob:
    """The next job of a message that came due or was found. `with_results`: as in publish.packed."""
    kwargs = jobs.job_kwargs(wakeup.message_id, wakeup.arguments, wakeup.incarnation, published_at=wakeup.published_at)
    return PublishedJob(
        jobs.TASK,
        kwargs,
        wakeup.lane,
        wakeup.job_id,
        wakeup.at if wakeup.delay else None,
        correlation.headers_of(wakeup.correlation),
        with_results or wakeup.by_job,
    )


def publish(app: Celery, some: Sequence[PublishedJob]) -> None:
    """Publish them over one connection of `app`. OperationalError or OSError: the broker is away, and the rest is not published."""
    with app.producer_or_acquire() as producer:
        for job in some:
            app.send_task(
                job.task,
                kwargs=dict(job.kwargs),
                task_id=job.job_id,
                queue=lanes.queue_of(job.lane),
                eta=job.at,
                argsrepr="()",
                kwargsrepr=jobs.MASKED_KWARGS,
                headers={**job.headers, **_shared(job)},
                **jobs.of_result(job.with_result),
                producer=producer,
            )


def _shared(job: PublishedJob) -> dict[str, int]:
    if job.task != jobs.TASK:
        return {}
    return jobs.may_go_together(with_result=job.with_result, with_eta=job.at is not None)


AWAY = (OperationalError, OSError)
"""How a broker that is away shows."""
