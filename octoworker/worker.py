"""What we change in Celery's worker, and the checks it makes before it takes its first job.

Each change says which fault it answers; tests/journeys/test_worker_life.py, test_unreadable_jobs.py and
test_worker_lasts.py say when it can go.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from celery import Celery, bootsteps
from celery.worker.consumer import Consumer
from celery.worker.request import Request
from kombu import Connection

from octoworker import wire
from octoworker.config import Settings
from octoworker.errors import SettingsError
from octoworker.telemetry import log

MASKED_ARGS = "()"

REFUSED_POOLS = {
    "gevent": "it never gives back the jobs of a dead worker, and its acknowledgements fail above ten connections",
    "eventlet": "it never gives back the jobs of a dead worker",
}

UNREADABLE = (ValueError, TypeError, LookupError, AttributeError, RecursionError)
"""What Celery and kombu raise on a job that is no job. Errors of Redis are none of these."""


class LastingConsumer(Consumer):
    """Celery's consumer, and what it does not outlive by itself."""

    restart_count = 0
    """Celery starts at -1, and then a prefork child that dies in the first second ends the worker ("Could not start
    worker processes"). The pool replaces that child like any other."""

    def connect(self) -> Connection:
        """A connection, with every prefork child watched again: Celery registers them anew with each."""
        watch_all_children(self.pool)
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
                handle(message)
            except UNREADABLE as error:
                unreadable(error)
                if not message.acknowledged:
                    message.reject()

        return on_task_received


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

    class Channel(channel_cls):  # type: ignore[misc]
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
            self._queue_cycle.bulk_in_hand = sum(headers.get("task") == wire.BULK_TASK for headers in now)
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


def run(app: Celery, arguments: list[str], *, banner: bool) -> int:
    """Run Celery's worker command until it ends; its exit status.

    This command alone: all of Celery's, as `app.worker_main` has them, cost every worker seven megabytes for a shell.
    """
    from celery.apps import worker as of_celery  # noqa: PLC0415 - a producer that imports the task needs none of it
    from celery.bin.base import CLIContext  # noqa: PLC0415 - the same
    from celery.bin.worker import worker as worker_command  # noqa: PLC0415 - the same

    if not (sys.stdout and sys.stdout.isatty()):
        of_celery.safe_say = _say  # type: ignore[attr-defined]  # not in its stubs
    context = CLIContext(app=app, no_color=bool(os.environ.get("NO_COLOR")), workdir=None, quiet=not banner)
    # The prefix is the one that Celery gives it: CELERY_WORKER_QUEUES is its -Q.
    code = worker_command.main(
        args=arguments,
        prog_name="octoworker worker",
        standalone_mode=False,
        obj=context,
        auto_envvar_prefix="CELERY_WORKER",
    )
    return code if isinstance(code, int) else 0


def _say(text: str, *_: Any) -> None:
    """What Celery would write on standard output on a signal, between the lines of the log."""
    log.event("worker.says", says=text.strip())


class MaskedRequest(Request):
    """A job whose arguments are not shown: in logs, in events, and so in Flower. Also for jobs sent without our client."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._argsrepr, self._kwargsrepr = MASKED_ARGS, wire.MASKED_KWARGS
        self.request_dict.update(argsrepr=MASKED_ARGS, kwargsrepr=wire.MASKED_KWARGS)


class BootChecks(bootsteps.Step):
    """Refuse to start on a setting that breaks a promise."""

    def __init__(self, worker: Any, **options: Any) -> None:
        super().__init__(worker, **options)
        pool = getattr(worker.pool_cls, "__module__", "").rpartition(".")[2]
        check(worker.app, pool, prefetch=worker.prefetch_multiplier)


def check(app: Celery, pool: str, prefetch: int = 1) -> None:
    """SettingsError that lists everything wrong with this worker. Nothing has been started yet."""
    problems = [*Settings.load().missing_account(), *_celery_problems(app, prefetch)]
    if unknown := sorted(set(app.amqp.queues.consume_from) - {*wire.QUEUES.values()}):
        # Celery would make it, read nothing from it for ever, and call itself ready.
        problems.append(
            f"-Q: no message ever comes to {', '.join(unknown)}; there are {', '.join(wire.QUEUES.values())}."
        )
    if pool in REFUSED_POOLS:
        problems.append(f"The {pool} pool is refused: {REFUSED_POOLS[pool]}. Use threads (the default) or prefork.")
    if problems:
        raise SettingsError(problems)


def _celery_problems(app: Celery, prefetch: int) -> list[str]:
    conf, settings = app.conf, Settings.load()
    visibility = dict(conf.broker_transport_options or {}).get("visibility_timeout")
    required = {
        "task_acks_late must be true: an early acknowledgement loses the job of a worker that dies.": conf.task_acks_late,
        "task_reject_on_worker_lost must be false: a poison job would loop for ever.": not conf.task_reject_on_worker_lost,
        "accept_content must be json alone: pickle in a queue is code of a stranger's.": list(conf.accept_content)
        == ["json"],
        "worker_prefetch_multiplier must be 1: what one worker hoards, a kill delays.": prefetch == 1,
        "worker_deduplicate_successful_tasks must be false: the claim does this.": not conf.worker_deduplicate_successful_tasks,
        "visibility_timeout of the broker must be OCTOWORKER_VISIBILITY_TIMEOUT.": visibility
        == settings.visibility_timeout,
    }
    return [sentence for sentence, holds in required.items() if not holds]
