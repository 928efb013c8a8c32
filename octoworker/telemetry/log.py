"""The shape of a log line. Ours are events (`sms.accepted`), one per change of state, with ids and counts only.

Celery's own records go through the same renderer, without the numbers that an error of another library's may quote.
A log line that fails is dropped: it never touches a send.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import sys
from collections.abc import Callable, MutableMapping
from functools import cache
from pathlib import Path
from typing import Any, Literal, TextIO

import structlog

from octoworker.sms.record import mask
from octoworker.telemetry import escape, events

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

TALKATIVE = {"celery.pool": logging.INFO, "urllib3": logging.INFO}
"""What quotes a job's arguments, or a request, at DEBUG; and the least level at which it does not."""

NUMBER = re.compile(r"(?<![\w.:-])(?:\+|00|0(?=\d{9}\b))\d{6,15}")
"""A phone number in the text of somebody else's error."""

Fields = MutableMapping[str, Any]

_logger: Any = structlog.get_logger("octoworker")


def configure(shape: Literal["auto", "json", "console"], level: str) -> None:
    """Send everything to standard error, one line each: JSON in production, readable on a terminal."""
    stream = _stream()
    readable = shape == "console" or (shape == "auto" and stream.isatty())
    # Not its default way of showing a traceback, which shows every local variable with it, and so numbers and texts.
    console = structlog.dev.ConsoleRenderer(colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback)
    renderer: list[Any] = [_escaped, console] if readable else [structlog.processors.JSONRenderer(_as_json)]
    shared: list[Any] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    # Ours go straight out: by way of `logging` each would cost more than all else that is written about a send.
    structlog.configure(
        processors=[*shared, *renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(stream),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[
                *(*shared, structlog.stdlib.add_logger_name, structlog.stdlib.ExtraAdder(events.FIELDS)),
                *(_without_quotes, structlog.processors.format_exc_info, _without_numbers),
            ],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in NOISY:
        logging.getLogger(name).setLevel(logging.WARNING)
    for name, least in TALKATIVE.items():
        logging.getLogger(name).setLevel(max(least, root.level))
    logging.captureWarnings(capture=True)
    # A full disk or a closed pipe must not make the handler complain of it to the same place.
    logging.raiseExceptions = False


def event(name: str, /, level: int = logging.INFO, **fields: Any) -> None:
    """Log one event. Never raises: what is being logged has already happened."""
    with contextlib.suppress(Exception):
        _logger.log(level, name, **fields)


def warning(name: str, /, **fields: Any) -> None:
    """An event that a person should look at."""
    event(name, logging.WARNING, **fields)


def debugging() -> bool:
    """Whether what is logged at DEBUG goes anywhere: only then its facts are worth gathering."""
    return logging.root.level <= logging.DEBUG


def known(**fields: Any) -> dict[str, Any]:
    """Those of the fields that say something."""
    return {name: value for name, value in fields.items() if value not in (None, "")}


def where(error: BaseException) -> str:
    """File and line of a bug, without its words: they may quote what it was handling."""
    frame = error.__traceback__
    while frame and frame.tb_next:
        frame = frame.tb_next
    return f"{frame.tb_frame.f_code.co_filename}:{frame.tb_lineno}" if frame else ""


def _stream() -> TextIO:
    """Standard error; nowhere, when it was closed before we came (`2>&-`)."""
    return sys.stderr or Path(os.devnull).open("w", encoding="utf-8")


def masked(text: str) -> str:
    """A text that quotes what a caller gave, without its numbers."""
    return NUMBER.sub(lambda found: mask(found.group()), text)


def _as_json(fields: Fields, *, default: Callable[[Any], Any]) -> str:
    return _encoder(default).encode(fields)


@cache
def _encoder(default: Callable[[Any], Any]) -> json.JSONEncoder:
    """Made once: `json.dumps` makes one anew for each line."""
    return json.JSONEncoder(default=default)


def _escaped(_: Any, __: str, fields: Fields) -> Fields:
    """For people: no value does anything to their terminal. A traceback keeps its lines, each of them escaped."""
    for name, value in fields.items():
        if isinstance(value, str):
            lines = value.split("\n") if name == "exception" else [value]
            fields[name] = "\n".join(map(escape.log, lines))
    return fields


def _without_numbers(_: Any, __: str, fields: Fields) -> Fields:
    for name in ("event", "exception"):
        if name in fields:
            fields[name] = masked(str(fields[name]))
    return fields


def _without_quotes(_: Any, __: str, fields: Fields) -> Fields:
    text = str(fields.get("event", ""))
    if start := next((start for start in QUOTING if text.startswith(start)), None):
        fields["event"], fields["kind"] = "job.unreadable", start
        fields.pop("exc_info", None)
    return fields
