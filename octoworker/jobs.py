"""How a job looks in the broker's list, for publishing many at once.

Celery needs some 150 us to publish one job; a backlog of a hundred thousand cannot wait for that. So Celery makes one
job, in memory, with marks where the parts go that differ; the others are the same text with those parts put in.
Only for jobs and records on the same Redis: elsewhere Celery publishes each of them itself.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from uuid import uuid4

from celery import Celery

from octoworker import wire
from octoworker.store import Ring, Text

WORTH_BULK = 5
"""Messages from which a bulk job pays: below, each has a job of its own, and its Celery result."""

_ID, _TAG, _BODY, _ETA = "MARK-ID", "MARK-TAG", "MARK-BODY", "MARK-ETA"
_MARKS = re.compile(r"(MARK-(?:ID|TAG|BODY|ETA))")


@dataclass(frozen=True)
class Template:
    """The text of a job, cut at its marks, and the names of the parts between the cuts."""

    texts: tuple[str, ...]
    marks: tuple[str, ...]
    tail: str
    """What follows the arguments in the body: Celery's callbacks, of which we have none."""

    def filled(self, job_id: str, kwargs: str, eta: str) -> str:
        body = b64encode(f"[[], {kwargs}, {self.tail}]".encode()).decode()
        parts = {_ID: json.dumps(job_id)[1:-1], _TAG: str(uuid4()), _BODY: body, _ETA: eta}
        filled = [self.texts[0]]
        for mark, text in zip(self.marks, self.texts[1:], strict=True):
            filled += (parts[mark], text)
        return "".join(filled)


def single(message_id: str, payload: str, lane: str) -> Text:
    """The first job of a message, with the headers that somebody wants to go along (wire.CARRIERS)."""
    queue = wire.queue_of(lane)
    envelope = f'"message_id": "{message_id}", "version": {wire.VERSION}}}'
    job = _template(queue, wire.TASK, with_eta=False).filled(message_id, _joined(payload, envelope), "")
    headers = wire.carried()
    return Text(queue, (_with(job, headers) if headers else job,))


def _with(job: str, headers: Mapping[str, str]) -> str:
    message = json.loads(job)
    message["headers"].update(headers)
    return json.dumps(message)


def bulk(ids: Sequence[str], lane: str) -> Text:
    """The bulk jobs of these messages."""
    queue = wire.queue_of(lane)
    template = _template(queue, wire.BULK_TASK, with_eta=False)
    some = (list(ids[start : start + wire.BULK_SIZE]) for start in range(0, len(ids), wire.BULK_SIZE))
    return Text(
        queue,
        tuple(template.filled(str(uuid4()), json.dumps({"ids": each, "version": wire.VERSION}), "") for each in some),
    )


def packed(rings: Sequence[Ring]) -> dict[str, list[str]]:
    """The jobs of these messages, by the list they belong to. What is bulk shares bulk jobs, but for the pace's own slots."""
    now, lists = datetime.now(UTC), dict[str, list[str]]()
    together = [ring for ring in rings if _shares(ring)]
    if len(together) < WORTH_BULK:
        together = []
    for ring in rings:
        if together and _shares(ring):
            continue
        queue = wire.queue_of(ring.lane)
        eta = _eta(now, ring.delay)
        filled = _template(queue, wire.TASK, with_eta=bool(eta)).filled(ring.job_id, _kwargs(ring), eta)
        lists.setdefault(queue, []).append(filled)
    for start in range(0, len(together), wire.BULK_SIZE):
        queue, some = wire.queue_of("bulk"), together[start : start + wire.BULK_SIZE]
        eta = _eta(now, max(ring.delay for ring in some))
        template = _template(queue, wire.BULK_TASK, with_eta=bool(eta))
        lists.setdefault(queue, []).append(template.filled(str(uuid4()), _bulk_kwargs(some), eta))
    return lists


def _shares(ring: Ring) -> bool:
    """A slot of the pace is an instant of its own; all else that is bulk may wait for the last of its hundred."""
    return ring.lane == "bulk" and (ring.found != "line" or not ring.delay)


def _eta(now: datetime, delay: float) -> str:
    return (now + timedelta(seconds=delay)).isoformat() if delay else ""


def _bulk_kwargs(rings: Sequence[Ring]) -> str:
    ids = [ring.message_id for ring in rings]
    return json.dumps({"ids": ids, "version": wire.VERSION, "rung_at": rings[0].rung_at})


def _kwargs(ring: Ring) -> str:
    """The payload is JSON text already: the envelope is written at its end."""
    envelope = f'"message_id": "{ring.message_id}", "version": {wire.VERSION}, "rung_at": {ring.rung_at}}}'
    return _joined(ring.payload, envelope)


def _joined(payload: str, envelope: str) -> str:
    inside = payload.strip()[1:-1].strip()
    return f"{{{inside}, {envelope}" if inside else f"{{{envelope}"


@lru_cache
def _template(queue: str, task: str, *, with_eta: bool) -> Template:
    """Let Celery publish a job in memory, and read how it looks."""
    message = _made_by_celery(queue, task, with_eta=with_eta)
    _, _, embed = json.loads(b64decode(message["body"]))
    message["body"], message["properties"]["delivery_tag"] = _BODY, _TAG
    if with_eta:
        message["headers"]["eta"] = _ETA
    texts = _MARKS.split(json.dumps(message))
    return Template(tuple(texts[::2]), tuple(texts[1::2]), json.dumps(embed))


def _made_by_celery(queue: str, task: str, *, with_eta: bool) -> dict[str, Any]:
    app = Celery("octoworker", broker="memory://", set_as_current=False)
    eta = datetime.now(UTC) if with_eta else None
    with app.connection_for_write() as connection, app.amqp.Producer(connection) as producer:
        app.send_task(
            task,
            kwargs={},
            task_id=_ID,
            queue=queue,
            eta=eta,
            argsrepr="()",
            kwargsrepr=wire.MASKED_KWARGS,
            producer=producer,
        )
        message: dict[str, Any] = getattr(connection.default_channel, "_get")(queue)  # noqa: B009 - kombu's in-memory channel, not in its stubs
        # Whoever listens to Celery's signal of a publish (OpenTelemetry does) would be in every later job with this one's headers.
        own = app.amqp.as_task_v2(_ID, task).headers
        message["headers"] = {name: value for name, value in message["headers"].items() if name in own}
    app.close()
    return message
