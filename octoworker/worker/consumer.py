"""What we change in Celery's worker, each with the fault that it answers.

Each change says which fault it answers; tests/journeys/test_worker_life.py, test_unreadable_jobs.py and
test_worker_lasts.py say when it can go.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import datetime
from typing import Any

from celery.worker import state
from celery.worker.consumer import Consumer
from kombu import Connection
from kombu.transport import redis as kombu_redis

from octoworker.errors import StoreError
from octoworker.worker import runtime, together
from octoworker.worker.channel import channel_of, unreadable
from octoworker.worker.in_hand import noted
from octoworker.worker.together import UNREADABLE


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
        """A connection that loses no job, and drops what is none: kombu would let its JSON error end the worker."""
        connection = self.app.connection_for_read(heartbeat=heartbeat)
        transport: Any = connection.transport
        if issubclass(getattr(transport, "Channel", object), kombu_redis.Channel):
            transport.Channel = channel_of(transport.Channel, together.parts(self.pool))
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
                    set_aside(message)
                    message.reject()

        return on_task_received

    def on_unknown_message(self, body: Any, message: Any) -> None:
        """No job of Celery's. Celery drops these four kinds; an operator may have lost a message by it, so they are set aside."""
        set_aside(message)
        super().on_unknown_message(body, message)

    def on_unknown_task(self, body: Any, message: Any, exc: Exception) -> None:
        """A task that this worker does not know: a newer producer's, or a stranger's."""
        set_aside(message)
        super().on_unknown_task(body, message, exc)

    def on_invalid_task(self, body: Any, message: Any, exc: Exception) -> None:
        """A job whose arguments have no shape."""
        set_aside(message)
        super().on_invalid_task(body, message, exc)

    def on_decode_error(self, message: Any, exc: Exception) -> None:
        """A body that is no JSON, or is compressed by what this worker does not know."""
        set_aside(message)
        super().on_decode_error(message, exc)


def set_aside(message: Any) -> None:
    """Lay it aside as it came."""
    if notes := noted(message):
        notes.set_aside(message.delivery_tag, "unreadable")


INSTANTS = ("eta", "expires")
"""Headers of a job that Celery compares with this machine's wall clock."""


def by_this_clock(headers: Any) -> None:
    """Bring the instants of a job, which are Redis' time, to the wall clock of this machine, however wrong that is."""
    given = [name for name in INSTANTS if isinstance(headers, dict) and isinstance(headers.get(name), str)]
    if not given:
        return
    with contextlib.suppress(StoreError, ValueError, OverflowError):
        ahead = runtime.current().store.clock.ahead()
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
