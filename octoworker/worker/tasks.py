"""The Celery task. It turns what became of a message into Celery's words; all deciding is done in `sending`."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, Unpack

from celery import Task
from celery.exceptions import Ignore, Reject
from celery.result import AsyncResult, EagerResult

from octoworker import correlation
from octoworker.client import client
from octoworker.errors import KeyConflictError, OctoworkerError, RecordError, StoreError
from octoworker.sending.batch import TakenJob
from octoworker.sms import identity, jobs
from octoworker.sms.record import Record, State
from octoworker.sms.shapes import SmsArguments
from octoworker.telemetry import log, sentry
from octoworker.worker import runtime
from octoworker.worker.application import app
from octoworker.worker.masks import MASKED_ARGS

T = TypeVar("T")

STORE_PAUSE = 1.0
"""Seconds a thread rests when Redis cannot be used, so that returned jobs do not go round in a circle."""


class MessageFailed(OctoworkerError):  # noqa: N818 - reads as what it says in Flower's list
    """The message ended without being sent. One sentence says why; the record has the rest."""


class MessageWaits(OctoworkerError):  # noqa: N818 - the same
    """The message has not ended. The record says what it waits for."""


class SmsTask(Task):  # type: ignore[type-arg]
    """A task whose arguments are shown nowhere. Celery drops the producer's own masks on a retry; this one does not."""

    Request = "octoworker.worker.masks:MaskedRequest"

    def apply_async(self, args: Any = None, kwargs: Any = None, *rest: Any, **options: Any) -> Any:
        if (instead := client.stand_in()) is not None:
            job_id = str(options.get("task_id") or uuid.uuid4())
            instead.take_job(kwargs or {}, job_id)
            return EagerResult(job_id, None, "SUCCESS", name=self.name)
        options |= {"argsrepr": MASKED_ARGS, "kwargsrepr": jobs.MASKED_KWARGS}
        options["headers"] = {**correlation.headers(), **(options.get("headers") or {})}
        return super().apply_async(args, kwargs, *rest, **options)


class SendSms(SmsTask):
    """`send_sms` as a type checker sees it: with the arguments of a message."""

    if TYPE_CHECKING:

        def delay(self, **message: Unpack[SmsArguments]) -> AsyncResult[Any]:
            """Take an SMS."""


RESULT_SHOWN = 100
"""Characters of a result that Celery writes out for its events: the id and the state. More costs more than it tells."""


@app.task(
    name=jobs.TASK,
    base=SendSms,
    bind=True,
    shared=False,
    typing=False,
    throws=(MessageFailed,),
    max_retries=0,
    resultrepr_maxsize=RESULT_SHOWN,
)
def send_sms(self: SmsTask, *positional: Any, **arguments: Any) -> dict[str, Any]:
    """Send one SMS. Keyword arguments only, JSON types only; the README lists them.

    Returns the record with its numbers masked once the message is accepted. A message that is rejected or dead
    makes the task fail with one sentence; one that waits leaves the task in RETRY until the scheduler publishes it again.
    """
    if positional:
        arguments = {**arguments, "positional": len(positional)}
    arguments |= dict.fromkeys(getattr(self.request, "refused_options", None) or (), True)
    job_id, asked_by = self.request.id or "", _asked_by(self)
    try:
        record = _safely(self, lambda: runtime.current().sender.handle(arguments, job_id, asked_by))
    except KeyConflictError as error:
        raise MessageFailed(str(error)) from None
    if record is None:
        raise Ignore
    return _in_celerys_words(self, record)


BULK_ARGUMENTS = {"ids", "version", "published_at"}
"""What a bulk job says."""


@app.task(
    name=jobs.BULK_TASK,
    base=SmsTask,
    bind=True,
    shared=False,
    typing=False,
    throws=(MessageFailed,),
    max_retries=0,
    ignore_result=True,
)
def send_many(self: SmsTask, *positional: Any, **arguments: Any) -> None:
    """Move many messages one step: those with these `ids`, whose records say what to send.

    Each keeps its own record, outcome and retries. The job itself has no result.
    """
    ids, readable = arguments.get("ids"), arguments.get("version", jobs.VERSION) == jobs.VERSION
    if positional or not readable or not arguments.keys() <= BULK_ARGUMENTS:
        ids = None
    if not isinstance(ids, list) or len(ids) > jobs.BULK_SIZE:
        log.warning("job.unreadable", **log.known(job_id=self.request.id))
        raise MessageFailed("This worker cannot read this bulk job; its messages are found by the scheduler.")
    known = [each for each in ids if identity.is_message_id(each)]
    _safely(self, lambda: runtime.current().bulk.handle(known, arguments.get("published_at")))


@app.task(
    name=jobs.TOGETHER_TASK,
    base=SmsTask,
    bind=True,
    shared=False,
    typing=False,
    throws=(MessageFailed,),
    max_retries=0,
    ignore_result=True,
    Strategy="octoworker.worker.together:strategy",
)
def send_together(self: SmsTask, some: Sequence[Mapping[str, Any]]) -> None:
    """Move the messages of single jobs that this worker took together one step. Each keeps its own record, outcome and retries.

    `some`: of each job its id, its arguments and its further headers (worker/together.py). No other job of this name comes here.
    """
    taken = [TakenJob(each["arguments"], each["id"], each["headers"]) for each in some]
    _safely(self, lambda: runtime.current().bulk.handle_together(taken))


def _asked_by(task: SmsTask) -> str:
    """The web request that the job's headers name, or ""."""
    return correlation.clean(getattr(task.request, correlation.HEADER, ""))


def _safely(task: SmsTask, handle: Callable[[], T]) -> T:
    """Keep the job when Redis is away; let no bug show what it was handling, or lose the message."""
    facts = log.known(job_id=task.request.id, correlation=_asked_by(task))
    try:
        return handle()
    except RecordError as error:
        # The job would fail in the same way for ever, and hold a thread each time.
        log.warning("job.unreadable", **facts, kind=type(error).__name__)
        raise MessageFailed(str(error)) from None
    except StoreError as error:
        log.warning("sms.store_unavailable", **facts, reason=str(error))
        time.sleep(STORE_PAUSE)
        raise Reject(str(error), requeue=True) from None
    except OctoworkerError:
        raise
    except Exception as error:  # noqa: BLE001 - see above
        sentry.bug(error, job_id=task.request.id or "")
        log.warning("sms.bug", **facts, kind=type(error).__name__, where=log.where(error))
        raise MessageFailed(
            f"A bug in octoworker stopped this job ({type(error).__name__}); the scheduler tries again."
        ) from None


def _in_celerys_words(task: SmsTask, record: Record) -> dict[str, Any]:
    if record.state in (State.ACCEPTED, State.DELIVERED, State.UNDELIVERED):
        return record.masked()
    if record.final:
        raise MessageFailed(record.reason or f"The message is {record.state}.")
    waits = MessageWaits(f"{record.state}: {record.reason}" if record.reason else record.state.value)
    if not task.request.ignore_result:
        task.backend.mark_as_retry(task.request.id or "", waits, request=task.request)
    raise Ignore
