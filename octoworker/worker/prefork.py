"""Celery's prefork pool, and the fault that ends it: a child that dies while it writes to its parent.

A child tells its parent by a pipe what became of a job. One that is killed while it writes, as the time limit does after an
outage of Redis longer than the lease, leaves half a word there. Celery reads on from the middle (UnpicklingError), which
ends the worker; and a successor that gets the same pipe begins behind the half.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
from collections.abc import Callable, Iterator
from typing import Any

from celery import bootsteps
from celery.concurrency import asynpool, prefork

from octoworker.telemetry import log

UNREADABLE = (pickle.UnpicklingError, ValueError, TypeError, LookupError, AttributeError, ImportError, MemoryError)
"""What reading half a pickle, or one from its middle, raises. A pipe that is closed (OSError, EOFError) Celery knows."""

READ_AT_ONCE = 65536
"""Bytes: what a pipe holds."""


class Results(asynpool.ResultHandler):
    """Reads the messages of the children, in the loop."""

    fileno_to_outq: dict[int, Any]

    def _recv_message(
        self, add_reader: Callable[..., Any], fd: int, callback: Callable[[Any], Any], **_: Any
    ) -> Iterator[None]:
        heard: list[Any] = []
        try:
            yield from super()._recv_message(add_reader, fd, heard.append)  # type: ignore[misc]  # not in its stubs
        except UNREADABLE as error:
            _unreadable(error)
            if (child := self.fileno_to_outq.get(fd)) is not None:
                # Where its next word begins, nobody knows. The pool replaces it, and its message has a lease.
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child.pid, signal.SIGKILL)
        for message in heard:
            callback(message)


class LastingPool(asynpool.AsynPool):
    """The pool whose children may die at any instant."""

    ResultHandler = Results

    def process_flush_queues(self, proc: Any) -> None:
        """Hear what a child said before it died, and leave nothing of it to its successor."""
        try:
            super().process_flush_queues(proc)
        except UNREADABLE as error:
            _unreadable(error)
        with contextlib.suppress(OSError):  # empty, or closed
            while os.read(proc.outq._reader.fileno(), READ_AT_ONCE):  # noqa: SLF001 - Celery's own name for the pipe
                pass


class TaskPool(prefork.TaskPool):
    """Celery's prefork with that pool."""

    Pool = LastingPool


class LastingPrefork(bootsteps.Step):
    """Gives a worker that asks for prefork this one. All steps are made before any of them makes its part of the worker."""

    def __init__(self, worker: Any, **options: Any) -> None:
        super().__init__(worker, **options)
        if worker.pool_cls is prefork.TaskPool:
            worker.pool_cls = TaskPool


def _unreadable(error: Exception) -> None:
    log.warning("worker.child_unreadable", kind=type(error).__name__)
