"""What a web app and a worker must agree on, in the standard library alone.

Names of the task, the queues and the environment variables both sides read, and how a message gets its id.
A producer that imports this pays for nothing else.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

from octoworker import correlation

TASK = "octoworker.send_sms"
BULK_TASK = "octoworker.send_many"
"""Carries ids alone: what is to be sent stands in the records."""

BULK_SIZE = 100
"""Messages in one bulk job: enough to share Celery's work for a job, few enough to be done within a lease or two."""

MOST_RECIPIENTS = 500
"""Recipients of one call to Octopush: above that it warns of losses."""

VERSION = 1
"""The shape of the job's arguments. A worker rejects, with a reason, a job from a newer producer."""

QUEUES: Mapping[str, str] = {"urgent": "sms.urgent", "normal": "sms", "bulk": "sms.bulk"}
"""Queue of each lane. None is Celery's default `celery`, which belongs to the web app."""

MASKED_KWARGS = "{'sms': '***'}"
"""What Celery shows as the arguments of a job, in logs, events and Flower."""

ARGUMENTS = frozenset(
    {
        "recipients",
        "text",
        "sms_type",
        "sender",
        "transactional",
        "send_at",
        "hold",
        "expires_at",
        "idempotency_key",
        "reference",
        "lane",
    }
)
"""The arguments of a message, as the contract names them."""

KEEP_FOR = 30 * 24 * 3600.0
"""Seconds a record is kept after its last change: a month, so that a question about a bill can be answered."""

REQUEUE_AFTER = 60.0
"""Seconds after which a job that nobody took is looked for."""

MAX_AHEAD = 366 * 86400.0
"""Seconds that send_at may lie ahead: a year."""

DEFAULT_REDIS_URL = "redis://127.0.0.1:6379/0"

ID_LENGTH = 32

_CONTENT = ("recipients", "text", "sms_type", "sender", "transactional")
"""The arguments that make two messages the same SMS. The others say when and how, not what: they may be moved later."""

_SEPARATORS = re.compile(r"[\s.()/\-]+")


CARRIERS: list[Callable[[dict[str, str]], None]] = []
"""Who adds to the headers of a job that is published in this process, as a trace's context. Each is given what is there."""


def carried() -> dict[str, str]:
    """The headers for a job that is published now. What fails to add its own is left out."""
    headers = correlation.headers()
    for carrier in CARRIERS:
        with contextlib.suppress(Exception):
            carrier(headers)
    return headers


def redis_url(environ: Mapping[str, str] = os.environ) -> str:
    """Where the records are."""
    return environ.get("REDIS_URL") or DEFAULT_REDIS_URL


def broker_url(environ: Mapping[str, str] = os.environ) -> str:
    """Where the jobs are: Celery's own variable wins."""
    return environ.get("CELERY_BROKER_URL") or redis_url(environ)


VERIFYING = frozenset({"required", "optional", "none"})
"""The words for it that redis-py, kombu and Celery have in common."""


def unverified(url: str) -> str:
    """What is missing in a TLS address that would take any server's word; "" when nothing is.

    redis-py would verify, kombu would not, and Celery's results would not start: so it has to be said. Nor is a word
    taken that one of them does not know; kombu takes the scheme in capitals, too.
    """
    parts = urlsplit(url)
    said = parse_qs(parts.query).get("ssl_cert_reqs", [])
    if parts.scheme == "rediss" and not (said and VERIFYING.issuperset(said)):
        return "add ?ssl_cert_reqs=required&ssl_ca_certs=FILE, so that the server's certificate is verified"
    return ""


def keep_for(environ: Mapping[str, str] = os.environ) -> float:
    """Seconds a record is kept, as both sides read it."""
    return _seconds(environ, "OCTOWORKER_KEEP_FOR", KEEP_FOR)


def requeue_after(environ: Mapping[str, str] = os.environ) -> float:
    """Seconds after which a job that nobody took is looked for, as both sides read it."""
    return _seconds(environ, "OCTOWORKER_REQUEUE_AFTER", REQUEUE_AFTER)


def max_ahead(environ: Mapping[str, str] = os.environ) -> float:
    """Seconds that send_at may lie ahead, as both sides read it."""
    return _seconds(environ, "OCTOWORKER_MAX_AHEAD", MAX_AHEAD)


def _seconds(environ: Mapping[str, str], name: str, default: float) -> float:
    try:
        return float(environ.get(name) or default)
    except ValueError:
        return default


def people_of(arguments: Mapping[str, Any]) -> int:
    """How many recipients a message names."""
    recipients = arguments.get("recipients")
    return len(recipients) if isinstance(recipients, list | tuple) else 1


def parts_of(arguments: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """A message, cut where it has more recipients than one call takes. Each part gets its own idempotency key."""
    recipients = arguments.get("recipients")
    if not isinstance(recipients, list | tuple) or len(recipients) <= MOST_RECIPIENTS:
        return [arguments]
    once = list(dict.fromkeys(recipients))
    key = arguments.get("idempotency_key")
    parts: list[Mapping[str, Any]] = []
    for n, start in enumerate(range(0, len(once), MOST_RECIPIENTS), 1):
        own = {"idempotency_key": f"{key}#{n}"} if key else {}
        parts.append({**arguments, **own, "recipients": once[start : start + MOST_RECIPIENTS]})
    return parts


def queue_of(lane: str) -> str:
    """Queue of a lane. An unknown lane goes the normal way, where the worker refuses it by name."""
    return QUEUES[known_lane(lane)]


def lane_of(arguments: Mapping[str, Any]) -> str:
    """The lane asked for; else urgent for one recipient of a transactional message, else normal."""
    if lane := arguments.get("lane"):
        return str(lane)
    recipients = arguments.get("recipients")
    alone = isinstance(recipients, str) or (isinstance(recipients, Sequence) and len(recipients) == 1)
    return "urgent" if arguments.get("transactional") is True and alone else "normal"


def known_lane(lane: str) -> str:
    """The lane, or normal when there is none of that name."""
    return lane if lane in QUEUES else "normal"


def new_message_id() -> str:
    """A fresh id: 32 hex digits."""
    return os.urandom(16).hex()


def is_message_id(value: object) -> bool:
    """Whether it could be one. What is not comes from a stranger, and may be a number or a text: it is not even logged."""
    return isinstance(value, str) and len(value) == ID_LENGTH and value.isalnum()


def message_id_for_key(idempotency_key: str) -> str:
    """The id that a producer's own key always leads to, on every machine, also after Redis lost its data."""
    return hashlib.sha256(f"octoworker:{idempotency_key}".encode("utf-8", "surrogatepass")).hexdigest()[:32]


def message_id_for_job(job_id: str) -> str:
    """The id of a message that came by plain `send_task`: every redelivery of the job gives the same one."""
    bare = job_id.replace("-", "").lower()
    if re.fullmatch(r"[0-9a-f]{32}", bare):
        return bare
    return hashlib.sha256(f"job:{job_id}".encode("utf-8", "surrogatepass")).hexdigest()[:32]


def message_id_of(arguments: Mapping[str, Any], job_id: str | None = None) -> str:
    """The id of a message: from its idempotency key, else from its job, else new."""
    key = arguments.get("idempotency_key")
    if isinstance(key, str) and key:
        return message_id_for_key(key)
    return message_id_for_job(job_id) if job_id else new_message_id()


def fingerprint(arguments: Mapping[str, Any]) -> str:
    """Equal for equal content, however the numbers are spaced. Tells a repeat from another message under one key."""
    content = {name: _canonical(name, arguments[name]) for name in _CONTENT if arguments.get(name) not in (None, False)}
    text = json.dumps(content, sort_keys=True, default=repr, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _canonical(name: str, value: Any) -> Any:
    if name == "recipients":
        numbers = [value] if isinstance(value, str) else list(value) if isinstance(value, Sequence) else [value]
        return sorted({_SEPARATORS.sub("", number) if isinstance(number, str) else repr(number) for number in numbers})
    return value


def jsonable(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments as JSON can carry them: instants become ISO-8601, what was left out stays out."""
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in arguments.items()
        if value is not None
    }


def job_kwargs(message_id: str, arguments: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """The arguments of a job: those of the message, and its envelope."""
    return {**arguments, "message_id": message_id, "version": VERSION, **more}
