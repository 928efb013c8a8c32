"""What we change in Celery's worker, each with the fault that it answers.

Each change says which fault it answers; tests/journeys/test_worker_life.py, test_unreadable_jobs.py and
test_worker_lasts.py say when it can go.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from celery.worker import state
from celery.worker.consumer import Consumer
from kombu import Connection

from octoworker.errors import StoreError
from octoworker.sms import jobs
from octoworker.telemetry import log
from octoworker.worker import runtime

UNREADABLE = (ValueError, TypeError, LookupError, AttributeError, RecursionError)
"""What Celery and kombu raise on a job that is no job. Errors of Redis are none of these."""


class LastingConsumer(Consumer):
    """Celery's consumer, and what it does not outlive by itself."""

    controller: Any
    restart_count = 0
    """Celery starts at -1, and then a prefork child that dies in the first second ends the worker ("Could not start
    worker processes"). The pool replaces that child like any other."""

    def connect(self) -> Connection:
        """A connection, with every prefork child watched again: Celery registers them anew with each."""
        watch_all_children(self.pool)
        self.controller.ending.without_loop()
        state.maybe_shutdown()
        return super().connect()

    def on_close(self) -> None:
        """Clear away what the lost connection leaves behind. Before the worker has been ready there is nothing.

        Celery would look after its prefork children here, and before its loop has run once it cannot replace one:
        a child killed while Redis refuses the first connection ended the worker with StopIteration.
        """
        if self.init_callback is None:
            super().on_close()

    def on_connection_error_after_connected(self, exc: Exception) -> None:
        """Celery 5.7.0 closes a lost connection twice; with a job in flight the second close ends the worker (rc 1).

        `collect()` has cleaned up by then, so closing again has nothing left to do.
        """
        connection = self.connection
        if connection is not None:
            connection.close = connection.release = lambda: None  # type: ignore[method-assign]
        super().on_connection_error_after_connected(exc)

    def connection_for_read(self, heartbeat: float | None = None) -> Connection:
        """A connection that drops what is no job, where kombu would let its JSON error end the worker."""
        connection = self.app.connection_for_read(heartbeat=heartbeat)
        transport: Any = connection.transport
        transport.Channel = _channel(transport.Channel)
        return self.ensure_connected(connection)

    def create_task_handler(self, *args: Any, **kwargs: Any) -> Callable[[Any], None]:
        """Jobs that are JSON and still no job: Celery drops most of them itself, and ends on the others."""
        handle = super().create_task_handler(*args, **kwargs)

        def on_task_received(message: Any) -> None:
            try:
                by_this_clock(message.headers)
                handle(message)
            except UNREADABLE as error:
                unreadable(error)
                if not message.acknowledged:
                    message.reject()

        return on_task_received


INSTANTS = ("eta", "expires")
"""Headers of a job that Celery compares with this machine's wall clock."""


def by_this_clock(headers: Any) -> None:
    """Bring the instants of a job, which are Redis' time, to the wall clock of this machine, however wrong that is."""
    given = [name for name in INSTANTS if isinstance(headers, dict) and isinstance(headers.get(name), str)]
    if not given:
        return
    with contextlib.suppress(StoreError, ValueError, OverflowError):
        ahead = timedelta(seconds=runtime.current().store.clock.ahead())
        for name in given:
            headers[name] = (datetime.fromisoformat(headers[name]) + ahead).isoformat()


def watch_all_children(pool: Any) -> None:
    """Prefork: let Celery take a new descriptor of every child that it has stopped watching.

    When two children die at once, Celery hears of the second by a descriptor that their successor has got meanwhile. It
    then forgets the successor's, and at the next reconnect watching it is refused (ValueError: "file descriptor is None"),
    which ends the worker.
    """
    for child in getattr(getattr(pool, "_pool", None), "_pool", ()):
        if getattr(child, "_sentinel_poll", child) is None:
            del child._sentinel_poll  # noqa: SLF001 - Celery takes a new one when there is none, not when it is None


def unreadable(error: Exception) -> None:
    """One event for one job that cannot be read. Its content may be a message: it is not logged."""
    log.warning("job.unreadable", kind=type(error).__name__)


LOOKS_AGAIN = 0.1
"""Seconds after which a worker whose places are full of bulk jobs looks whether one has ended."""


def _channel(channel_cls: Any) -> Any:
    """The channel, with its two ways of reading guarded. What was no job has left its list by then, and is gone.

    And with one client of Redis for as long as its pool lasts: kombu makes a new one each time it notes a job or its
    acknowledgement, which took a twelfth of a worker's CPU.
    """

    class InHand(channel_cls.QoS):  # type: ignore[misc]
        def give_back(self, delivery_tag: str) -> None:
            """A job that was not begun: to the front of its queue, where kombu would put it at the end."""
            self.restore_by_tag(delivery_tag)
            self._quick_ack(delivery_tag)

    class Channel(channel_cls):  # type: ignore[misc]
        QoS = InHand
        _own_client: Any = None

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.handlers = {"BRPOP": self._brpop_read, "LISTEN": self._receive}

        def _brpop_start(self, timeout: float | None = None) -> None:
            done, taken = self.qos._dirty, list(self.qos._delivered.items())  # noqa: SLF001 - what kombu itself counts
            in_hand = [message for tag, message in taken if tag not in done]
            now = [message.headers for message in in_hand if not message.headers.get("eta")]
            # Jobs for a later instant only wait; Celery takes one more for each of them.
            self._queue_cycle.in_hand_at_most = self.qos.prefetch_count - len(in_hand) + len(now)
            self._queue_cycle.bulk_in_hand = sum(headers.get("task") == jobs.BULK_TASK for headers in now)
            if self._queue_cycle.full():
                timeout = LOOKS_AGAIN
            super()._brpop_start(timeout)

        def _brpop_read(self, **options: Any) -> Any:
            return _guarded(super()._brpop_read, **options)

        def _receive(self) -> Any:
            return _guarded(super()._receive)

        @contextmanager
        def conn_or_acquire(self, client: Any = None) -> Iterator[Any]:
            if client is None:
                client = self._own_client
                if client is None or client.connection_pool is not self.pool:
                    client = self._own_client = self._create_client()
            yield client

    return Channel


def _guarded(read: Callable[..., Any], **options: Any) -> Any:
    try:
        return read(**options)
    except UNREADABLE as error:
        unreadable(error)
        return True
