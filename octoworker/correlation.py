"""The id of the web request that asked for a message: it goes with the job, stands in the record, and is in every event.

    with correlation.bound("req-4711"):
        enqueue(...)

Without that, an id that structlog's contextvars hold is taken (`correlation_id`, else `request_id`), when the process
uses structlog. It is no part of a message's content: the same message may be asked for by two requests.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar, Token

HEADER = "octoworker_correlation"
"""Header of a job that carries it. A web app that has Celery alone may set it itself."""

NAMES = ("correlation_id", "request_id")
"""What it is called in structlog's contextvars, the first one first."""

LONGEST = 128
"""Characters kept: a request's id often comes from a stranger's header."""

_ODD = re.compile(r"[^!-~]+")

_current: ContextVar[str] = ContextVar("octoworker_correlation", default="")


def bind(value: object) -> Token[str]:
    """From now on, in this thread or task: messages are asked for by this request. "" forgets it."""
    return _current.set(clean(value))


@contextmanager
def bound(value: object) -> Iterator[None]:
    """`bind` for a block."""
    token = bind(value)
    try:
        yield
    finally:
        _current.reset(token)


def current() -> str:
    """The id in force, or ""."""
    return _current.get() or _of_structlog()


def clean(value: object) -> str:
    """One word of printable ASCII, and not too long: it ends up in logs."""
    return _ODD.sub("", value if isinstance(value, str) else str(value or ""))[:LONGEST]


def of_headers(headers: Mapping[str, object] | None) -> str:
    """What a job brought along, or ""."""
    return clean((headers or {}).get(HEADER))


def headers() -> dict[str, str]:
    """What a job that is published now takes along."""
    return headers_of(current())


def headers_of(value: str) -> dict[str, str]:
    """What a job takes along that this request asked for."""
    return {HEADER: value} if value else {}


def _of_structlog() -> str:
    """Looked up, not imported: a web process that has no structlog shall not get it from us."""
    contextvars = sys.modules.get("structlog.contextvars")
    if contextvars is None:
        return ""
    found = contextvars.get_contextvars()
    return next((clean(found[name]) for name in NAMES if found.get(name)), "")
