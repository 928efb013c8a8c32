"""The shape of a log line. Ours are events (`sms.accepted`), one per change of state, with ids and counts only.

Celery's own records go through the same renderer. A log line that fails is dropped: it never touches a send.
"""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import MutableMapping
from typing import Any, Literal

import structlog

QUOTING = (
    "Received and deleted unknown",
    "Received unregistered task",
    "Received invalid task",
    "Can't decode message",
    "Cannot process event on channel",
)
"""Celery's and kombu's records that quote the whole job, and with it numbers and texts: only their first words are kept."""

NOISY = ("celery.app.trace", "celery.worker.strategy")
"""Celery's "received" and "succeeded" lines: our events say the same once, and say more."""

Fields = MutableMapping[str, Any]

_logger: Any = structlog.get_logger("octoworker")


def configure(shape: Literal["auto", "json", "console"], level: str) -> None:
    """Send everything to standard error, one line each: JSON in production, readable on a terminal."""
    readable = shape == "console" or (shape == "auto" and sys.stderr.isatty())
    renderer: Any = structlog.dev.ConsoleRenderer() if readable else structlog.processors.JSONRenderer()
    shared: list[Any] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    # Ours go straight out: by way of `logging` each would cost more than all else that is written about a send.
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.add_logger_name, _without_quotes],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)


def event(name: str, /, level: int = logging.INFO, **fields: Any) -> None:
    """Log one event. Never raises: what is being logged has already happened."""
    with contextlib.suppress(Exception):
        _logger.log(level, name, **fields)


def warning(name: str, /, **fields: Any) -> None:
    """An event that a person should look at."""
    event(name, logging.WARNING, **fields)


def _without_quotes(_: Any, __: str, fields: Fields) -> Fields:
    text = str(fields.get("event", ""))
    if start := next((start for start in QUOTING if text.startswith(start)), None):
        fields["event"], fields["kind"] = "job.unreadable", start
        fields.pop("exc_info", None)
    return fields
