"""Traces with OpenTelemetry (the extra `otel`): web app, job, call to the provider. Without the extra this does nothing.

1. `start` in the web app: each job it publishes carries the context of the span it was published in, in its headers.
2. `start` in the worker, which does it by itself: a job's span continues that trace; the call to the provider is a span in it.

A job that the scheduler publishes begins a trace of its own, and so does a bulk job. Of single jobs that a worker takes together
each call continues the trace of its own job. Where spans go is set up as everywhere:
by OpenTelemetry's own variables or by code. Spans hold ids, lane and outcome; no error's text. Nothing here fails a send.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Self

from celery import signals

from octoworker.errors import GatewayError
from octoworker.sms import jobs

try:
    from opentelemetry import context, propagate, trace
except ImportError:
    HERE = False
else:
    HERE = True

NAME = "octoworker"

OWN = "octoworker."
"""Tasks of ours begin with this: those of a web app that shares the process are not ours to trace."""


def start() -> None:
    """Carry traces along. Doing it twice is doing it once."""
    if HERE and propagate.inject not in jobs.CARRIERS:
        jobs.CARRIERS.append(propagate.inject)
        signals.before_task_publish.connect(_publishing, dispatch_uid=_publishing.__qualname__)
        signals.task_prerun.connect(_begun, dispatch_uid=_begun.__qualname__)
        signals.task_postrun.connect(_ended, dispatch_uid=_ended.__qualname__)


class Call:
    """The span of one call to the provider. A context manager; what goes wrong in it is dropped."""

    def __init__(self, message_id: str, lane: str) -> None:
        self._facts = {"octoworker.message_id": message_id, "octoworker.lane": lane}
        self._span: Any = None

    def __enter__(self) -> Self:
        if HERE:
            with contextlib.suppress(Exception):
                tracer = trace.get_tracer(NAME)
                self._span = tracer.start_span("octoworker.submit", kind=trace.SpanKind.CLIENT, attributes=self._facts)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._span is None:
            return
        with contextlib.suppress(Exception):
            if kind is not None:
                self._span.set_status(trace.StatusCode.ERROR, kind.__name__)
            if isinstance(error, GatewayError) and error.code:
                self._span.set_attribute("octoworker.code", error.code)
            self._span.end()


@contextlib.contextmanager
def continued(headers: Mapping[str, Any]) -> Iterator[None]:
    """What is traced in this block belongs to the trace whose context these headers of a job carry; to none where they carry none."""
    token = None
    if HERE and headers:
        with contextlib.suppress(Exception):
            token = context.attach(propagate.extract(_carried(headers), context=context.Context()))
    try:
        yield
    finally:
        if token is not None:
            with contextlib.suppress(Exception):
                context.detach(token)


def _carried(known: Any) -> dict[str, Any]:
    """The context of a trace, of all the headers of a job."""
    return {name: value for name in propagate.get_global_textmap().fields if (value := known.get(name))}


_open: dict[tuple[str, int], tuple[Any, Any]] = {}
"""Job id and thread -> its span, and what ends it as the current one. A job that comes twice may be in two threads at once."""


def _publishing(sender: Any = None, headers: Any = None, **_: Any) -> None:
    with contextlib.suppress(Exception):
        if str(sender).startswith(OWN):
            propagate.inject(headers)


def _begun(task_id: str = "", task: Any = None, **_: Any) -> None:
    with contextlib.suppress(Exception):
        if not task.name.startswith(OWN):
            return
        span = trace.get_tracer(NAME).start_span(
            task.name,
            context=propagate.extract(_carried(task.request), context=context.Context()),
            kind=trace.SpanKind.CONSUMER,
            attributes={"octoworker.job_id": task_id},
        )
        _open[task_id, threading.get_ident()] = span, context.attach(trace.set_span_in_context(span))


def _ended(task_id: str = "", state: Any = None, **_: Any) -> None:
    with contextlib.suppress(Exception):
        span, token = _open.pop((task_id, threading.get_ident()))
        context.detach(token)
        span.set_attribute("octoworker.job_state", str(state))
        if state == "FAILURE":
            span.set_status(trace.StatusCode.ERROR)
        span.end()
