"""How a job looks in the broker's list, for publishing many at once.

Celery needs some 150 us to publish one job; a backlog of a hundred thousand cannot wait for that. So Celery makes one
job, in memory, with marks where the parts go that differ; the others are the same text with those parts put in.
Only for jobs and records on the same Redis: elsewhere Celery publishes each of them itself.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import uuid4

from octoworker import correlation
from octoworker.client.own_celery import OwnCelery
from octoworker.sms import jobs, lanes
from octoworker.store import QueuedJobs, Wakeup

WORTH_BULK = 5
"""Messages from which a bulk job pays: below, each has a job of its own."""

CROWD = 40
"""Messages that one look of the scheduler finds from which on all may share jobs: then Celery's work is what makes them late."""

CLOSE = timedelta(milliseconds=10)
"""How far the messages of one job may be apart: the first waits for the last."""

_ID, _TAG, _BODY, _ETA, _MORE = "MARK-ID", "MARK-TAG", "MARK-BODY", "MARK-ETA", '"MARK-MORE": "", '
_MARKS = re.compile(r'(MARK-(?:ID|TAG|BODY|ETA)|"MARK-MORE": "", )')

NONE: Mapping[str, str] = {}


@dataclass(frozen=True)
class Template:
    """The text of a job, cut at its marks, and the names of the parts between the cuts."""

    texts: tuple[str, ...]
    marks: tuple[str, ...]
    tail: str
    """What follows the arguments in the body: Celery's callbacks, of which we have none."""

    def filled(self, job_id: str, kwargs: str, eta: str = "", headers: Mapping[str, str] = NONE) -> str:
        """The job. `headers`: more of them, beside Celery's."""
        body = b64encode(f"[[], {kwargs}, {self.tail}]".encode()).decode()
        more = json.dumps(dict(headers))[1:-1] + ", " if headers else ""
        parts = {_ID: json.dumps(job_id)[1:-1], _TAG: str(uuid4()), _BODY: body, _ETA: eta, _MORE: more}
        filled = [self.texts[0]]
        for mark, text in zip(self.marks, self.texts[1:], strict=True):
            filled += (parts[mark], text)
        return "".join(filled)


def single(message_id: str, payload: str, lane: str, incarnation: str = "", *, with_result: bool = False) -> QueuedJobs:
    """The first job of a message, with the headers that somebody wants to go along (jobs.carried)."""
    queue = lanes.queue_of(lane)
    envelope = f'"message_id": "{message_id}", {_word(incarnation)}"version": {jobs.VERSION}}}'
    template = _template(queue, jobs.TASK, with_eta=False, with_result=with_result)
    return QueuedJobs(queue, (template.filled(message_id, _joined(payload, envelope), headers=jobs.carried()),))


def bulk(ids: Sequence[str], lane: str) -> QueuedJobs:
    """The bulk jobs of these messages."""
    queue = lanes.queue_of(lane)
    template = _template(queue, jobs.BULK_TASK, with_eta=False, with_result=False)
    some = (list(ids[start : start + jobs.BULK_SIZE]) for start in range(0, len(ids), jobs.BULK_SIZE))
    return QueuedJobs(
        queue,
        tuple(template.filled(str(uuid4()), json.dumps({"ids": each, "version": jobs.VERSION})) for each in some),
    )


def packed(wakeups: Sequence[Wakeup], *, with_results: bool = False) -> dict[str, list[str]]:
    """The jobs of these messages, by the list they belong to. Those that may share bulk jobs do, when it pays.

    `with_results`: also those of `enqueue` leave a Celery result; those of `send_task` do anyway.
    """
    lists = dict[str, list[str]]()
    sharing = [wakeup for wakeup in wakeups if _shares(wakeup, len(wakeups))]
    groups = list(_together(sharing)) if len(sharing) >= WORTH_BULK else []
    grouped = {wakeup.message_id for some in groups for wakeup in some}
    for wakeup in wakeups:
        if wakeup.message_id not in grouped:
            queue, eta = lanes.queue_of(wakeup.lane), _eta(wakeup)
            with_result = with_results or wakeup.by_job
            template = _template(queue, jobs.TASK, with_eta=bool(eta), with_result=with_result)
            filled = template.filled(wakeup.job_id, _kwargs(wakeup), eta, correlation.headers_of(wakeup.correlation))
            lists.setdefault(queue, []).append(filled)
    for some in groups:
        queue, eta = lanes.queue_of(some[0].lane), _eta(some[-1])
        template = _template(queue, jobs.BULK_TASK, with_eta=bool(eta), with_result=False)
        lists.setdefault(queue, []).append(template.filled(str(uuid4()), _bulk_kwargs(some), eta))
    return lists


def _shares(wakeup: Wakeup, looked_at: int) -> bool:
    """Whether this message may share a job with others.

    A slot of the pace is an instant of its own. What is bulk may wait for the last of its hundred. All others share only
    in a crowd, and not when somebody holds the Celery result of their own job, which a bulk job would not write.
    """
    if wakeup.found == "backlog" and wakeup.delay:
        return False
    return wakeup.lane == "bulk" or (looked_at >= CROWD and wakeup.job_id == wakeup.message_id)


def _together(wakeups: Sequence[Wakeup]) -> Iterator[list[Wakeup]]:
    """Messages of one lane for one job, in the order of their instants, and no further apart than is no loss."""
    some: list[Wakeup] = []
    for wakeup in sorted(wakeups, key=lambda wakeup: (wakeup.lane, wakeup.delay)):
        first = some[0] if some else wakeup
        apart = wakeup.lane != "bulk" and wakeup.delay - first.delay > CLOSE
        if wakeup.lane != first.lane or apart or len(some) == jobs.BULK_SIZE:
            yield some
            some = []
        some.append(wakeup)
    if some:
        yield some


def _eta(wakeup: Wakeup) -> str:
    return wakeup.at.isoformat() if wakeup.delay else ""


def _bulk_kwargs(wakeups: Sequence[Wakeup]) -> str:
    ids = [wakeup.message_id for wakeup in wakeups]
    return json.dumps({"ids": ids, "version": jobs.VERSION, "published_at": wakeups[0].published_at})


def _kwargs(wakeup: Wakeup) -> str:
    """The payload is JSON text already: the envelope is written at its end."""
    envelope = (
        f'"message_id": "{wakeup.message_id}", {_word(wakeup.incarnation)}"version": {jobs.VERSION}, '
        f'"published_at": {wakeup.published_at}}}'
    )
    return _joined(wakeup.payload, envelope)


def _word(incarnation: str) -> str:
    return f'"incarnation": "{incarnation}", ' if incarnation else ""


def _joined(payload: str, envelope: str) -> str:
    inside = payload.strip()[1:-1].strip()
    return f"{{{inside}, {envelope}" if inside else f"{{{envelope}"


def together(queue: str, tag: str, some: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The job that a worker makes, for Celery alone, of jobs that it took together. `tag`: by which Celery acknowledges it."""
    message: dict[str, Any] = json.loads(_together_form(queue))
    message["headers"]["id"] = message["properties"]["correlation_id"] = str(uuid4())
    message["properties"] |= {"delivery_tag": tag, "body_encoding": None}
    message["body"] = json.dumps([[], {"some": some}, {}])
    return message


@lru_cache
def _together_form(queue: str) -> str:
    return _template(queue, jobs.TOGETHER_TASK, with_eta=False, with_result=False).filled("", "{}")


@lru_cache
def _template(queue: str, task: str, *, with_eta: bool, with_result: bool) -> Template:
    """Let Celery publish a job in memory, and read how it looks."""
    message = _made_by_celery(queue, task, with_eta=with_eta, with_result=with_result)
    _, _, embed = json.loads(b64decode(message["body"]))
    message["body"], message["properties"]["delivery_tag"] = _BODY, _TAG
    if with_eta:
        message["headers"]["eta"] = _ETA
    shared = jobs.may_go_together(with_result=with_result, with_eta=with_eta) if task == jobs.TASK else {}
    message["headers"] = {"MARK-MORE": "", **message["headers"], **shared}
    texts = _MARKS.split(json.dumps(message))
    return Template(tuple(texts[::2]), tuple(texts[1::2]), json.dumps(embed))


def _made_by_celery(queue: str, task: str, *, with_eta: bool, with_result: bool) -> dict[str, Any]:
    app = OwnCelery("octoworker", source={"broker_url": "memory://"})
    eta = datetime.now(UTC) if with_eta else None
    with app.connection_for_write() as connection, app.amqp.Producer(connection) as producer:
        app.send_task(
            task,
            kwargs={},
            task_id=_ID,
            queue=queue,
            eta=eta,
            **jobs.of_result(with_result),
            argsrepr="()",
            kwargsrepr=jobs.MASKED_KWARGS,
            producer=producer,
        )
        message: dict[str, Any] = getattr(connection.default_channel, "_get")(queue)  # noqa: B009 - kombu's in-memory channel, not in its stubs
        # Whoever listens to Celery's signal of a publish (OpenTelemetry does) would be in every later job with this one's headers.
        own = app.amqp.as_task_v2(_ID, task).headers
        message["headers"] = {name: value for name, value in message["headers"].items() if name in own}
    app.close()
    return message
