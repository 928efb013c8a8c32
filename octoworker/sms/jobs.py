"""What a web app and a worker must agree on about a job: the tasks' names, the arguments, the headers, the sizes."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping
from datetime import datetime
from json.encoder import encode_basestring_ascii as _quoted
from typing import Any

from octoworker import correlation

TASK = "octoworker.send_sms"


BULK_TASK = "octoworker.send_many"
"""Carries ids alone: what is to be sent stands in the records."""


TOGETHER_TASK = "octoworker.send_together"
"""What a worker makes, for Celery alone, of single jobs that it takes together. It stands in no queue."""


TOGETHER = "octoworker_together"
"""Header of a single job that a worker may take together with others; its value is VERSION. It asks nothing of Celery: no
result, no instant, nothing to publish afterwards. A worker that does not know it takes each job by itself."""


BULK_SIZE = 100
"""Messages in one bulk job: enough to share Celery's work for a job, few enough to be done within a lease or two."""


BATCH = 200
"""Messages that one script call takes: some 3 ms of Redis, well within what a web app waits for one answer."""

MOST_RECIPIENTS = 500
"""Recipients of one message, as the contract says it. No API takes fewer in one call."""


VERSION = 1
"""The shape of the job's arguments. A worker rejects, with a reason, a job from a newer producer."""


MASKED_KWARGS = "{'sms': '***'}"
"""What Celery shows as the arguments of a job, in logs, events and Flower."""


ARGUMENTS = frozenset(
    {
        "recipients",
        "text",
        "sms_type",
        "sender",
        "transactional",
        "with_replies",
        "send_at",
        "hold",
        "expires_at",
        "idempotency_key",
        "reference",
        "consent",
        "lane",
    }
)
"""The arguments of a message, as the contract names them."""


CARRIERS: list[Callable[[dict[str, str]], None]] = []
"""Who adds to the headers of a job that is published in this process, as a trace's context. Each is given what is there."""


def carried() -> dict[str, str]:
    """The headers for a job that is published now. What fails to add its own is left out."""
    headers = correlation.headers()
    for carrier in CARRIERS:
        with contextlib.suppress(Exception):
            carrier(headers)
    return headers


def of_result(with_result: bool) -> dict[str, Any]:  # noqa: FBT001 - one question
    """What tells Celery whether a job leaves a result."""
    return {} if with_result else {"ignore_result": True}


def may_go_together(*, with_result: bool, with_eta: bool = False) -> dict[str, int]:
    """The header of a single job by which a worker knows whether it may take it together with others."""
    return {} if with_result or with_eta else {TOGETHER: VERSION}


def payload_of(form: Mapping[str, Any]) -> str:
    """The arguments as JSON without spaces, in the words of `json.dumps`, which makes an encoder anew for each message: a web
    app takes thousands at once, and nearly all of them have nothing but words and flags."""
    written = []
    for name, value in form.items():
        if type(value) is str:
            written.append(f'"{name}":{_quoted(value)}')
        elif value is True or value is False:
            written.append(f'"{name}":{"true" if value else "false"}')
        else:
            return json.dumps(form, separators=(",", ":"))
    return "{" + ",".join(written) + "}"


def people_of(arguments: Mapping[str, Any]) -> int:
    """How many recipients a message names."""
    recipients = arguments.get("recipients")
    if type(recipients) is str:
        return 1
    return len(recipients) if isinstance(recipients, list | tuple) else 1


def jsonable(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments as JSON can carry them: instants become ISO-8601, what was left out stays out."""
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in arguments.items()
        if value is not None
    }


def job_kwargs(message_id: str, arguments: Mapping[str, Any], incarnation: str = "", **more: Any) -> dict[str, Any]:
    """The arguments of a job: those of the message, and its envelope."""
    word = {"incarnation": incarnation} if incarnation else {}
    return {**arguments, "message_id": message_id, "version": VERSION, **word, **more}
