"""Single jobs that a worker takes together, because several wait: one job for Celery, whose own work for a job takes longer than
a send. On Redis each stays noted by itself, so that each comes back by itself when the worker does not.

Such a job stands in no queue. Whoever puts one there could have messages sent that no task of its kind was asked for, or stop
those it names with it: it is no job here, and set aside.
"""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Callable, Iterable
from typing import Any

from celery.worker.strategy import default

from octoworker.sms import identity, jobs
from octoworker.worker.in_hand import noted

UNREADABLE = (ValueError, TypeError, LookupError, AttributeError, RecursionError)
"""What Celery and kombu raise on a job that is no job. Errors of Redis are none of these."""

PARTS = 2
"""Of the jobs that wait, a worker whose threads share one interpreter takes the half: the rest is for other workers, and two
are still taken one by one."""

MOST_BYTES = 250_000
"""Of the jobs that are taken together. Most have some 1,300."""

CELERYS = frozenset(
    [
        "lang",
        "task",
        "id",
        "shadow",
        "eta",
        "expires",
        "group",
        "group_index",
        "retries",
        "timelimit",
        "root_id",
        "parent_id",
        "argsrepr",
        "kwargsrepr",
        "origin",
        "ignore_result",
        "replaced_task_nesting",
        "stamped_headers",
        "stamps",
    ]
)
"""Headers that Celery writes into each job."""


def parts(pool: Any) -> int:
    """Of the jobs that wait, one part in so many is taken together: under prefork no child shall wait for another's."""
    children = getattr(pool, "num_processes", None) if type(pool).__module__.endswith("prefork") else None
    return max(PARTS, children or 0)


def read(job: bytes) -> dict[str, Any]:
    """What a message is sent by, of a job as it stood in its queue. UNREADABLE: it goes along with no other."""
    envelope = json.loads(job)
    headers, properties = envelope["headers"], envelope["properties"]
    plain = headers["task"] == jobs.TASK and not headers.get("expires") and properties["body_encoding"] == "base64"
    args, arguments, embed = json.loads(b64decode(envelope["body"]))
    if not plain or args or any(embed.values()) or not identity.is_message_id(arguments.get("message_id")):
        raise ValueError
    headers["id"].encode()
    carried = {name: value for name, value in headers.items() if name not in CELERYS}
    if not _flat(carried.values()) or not all(_flat(_parts(each)) for each in arguments.values()):
        raise ValueError
    return {"id": headers["id"], "arguments": arguments, "headers": carried}


def _parts(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else (value,)


def _flat(values: Iterable[Any]) -> bool:
    """What is nested too deep for Celery, and was not for us, would take its whole crowd along."""
    return not any(isinstance(each, dict | list) for each in values)


def strategy(task: Any, app: Any, consumer: Any) -> Callable[..., None]:
    """How Celery takes a job that this worker made of several. One out of a queue is refused by its delivery tag: ours are known
    to the notes alone. ValueError, as for whatever else is no job."""
    handle = default(task, app, consumer)

    def made_here(message: Any, *how: Any) -> None:
        notes = noted(message)
        if notes is None or not notes.made(message.delivery_tag):
            raise ValueError
        handle(message, *how)

    return made_here
