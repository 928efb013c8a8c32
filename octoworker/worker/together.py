"""Single jobs that a worker takes together, because several wait: one job for Celery, whose own work for a job takes longer than
a send. On Redis each stays noted by itself, so that each comes back by itself when the worker does not.
"""

from __future__ import annotations

import json
from base64 import b64decode
from typing import Any

from octoworker.sms import identity

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
    args, arguments, embed = json.loads(b64decode(envelope["body"]))
    if args or any(embed.values()) or not identity.is_message_id(arguments.get("message_id")):
        raise ValueError
    carried = {name: value for name, value in envelope["headers"].items() if name not in CELERYS}
    return {"id": envelope["headers"]["id"], "arguments": arguments, "headers": carried}
