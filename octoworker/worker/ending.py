"""How a worker ends: on SIGTERM or SIGINT it takes nothing more and is gone when its last call is recorded.

1. It is not ready any more, and stops looking for jobs. What it has fetched and not begun goes back at once, to the front of its queue.
2. What is begun goes on as always: its answer is recorded, its job acknowledged.
3. When nothing is active any more, the worker ends. What takes longer than a send may (`worker_soft_shutdown_timeout`) is
   left to its lease.

Celery's own ways: under prefork the one sleeps for the whole of that time, whatever is active, and lets nothing happen
meanwhile; the other waits up to 30 s for children that have told everything. Both hold what was fetched until then.
"""

from __future__ import annotations

import os
import signal
import time
from typing import Any

from celery import bootsteps, platforms, signals
from celery.worker import state as celery_state
from kombu.common import ignore_errors

from octoworker.telemetry import log
from octoworker.worker import health, share
from octoworker.worker.in_hand import noted

state: Any = celery_state
"""Celery's own, where its loop looks whether to end. Its stubs know half of it."""

LOOKS_EVERY = 0.05
"""Seconds between two looks whether anything is still active."""

EXIT_STATUS = {"SIGTERM": 0, "SIGINT": 1}
"""Of each signal, as Celery has it."""

OF_THE_SUPERVISOR = (signal.SIGINT, signal.SIGHUP)
"""Signals that a terminal sends to all processes of a worker: its supervisor hears them for all (worker/processes.py)."""


class Ending(bootsteps.StartStopStep):
    """Takes the signals over from Celery once the worker has its pool."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, worker: Any, **options: Any) -> None:
        super().__init__(worker, **options)
        self._worker = worker
        self._exit_status: int | None = None
        self._deadline = 0.0
        self._woken, self._wake = -1, -1

    def start(self, worker: Any) -> None:
        self._woken, self._wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        for name in EXIT_STATUS:
            platforms.signals[name] = self._on_signal
        if share.mine.supervisor:
            for number in OF_THE_SUPERVISOR:
                signal.signal(number, signal.SIG_IGN)
        worker.ending = self

    def register_with_event_loop(self, worker: Any, hub: Any) -> None:
        """With each connection: Celery's loop hears of a signal by a pipe, for a signal alone does not wake it."""
        del worker
        hub.add_reader(self._woken, self._begin)

    @property
    def asked(self) -> bool:
        """Whether this worker is ending."""
        return self._exit_status is not None

    def without_loop(self) -> None:
        """There is no connection, so nothing can be given back or acknowledged: end at Celery's next look."""
        if self.asked:
            state.should_stop = self._exit_status

    def _on_signal(self, number: int, _frame: Any) -> None:
        name = signal.Signals(number).name
        if self.asked:
            if name == "SIGINT":  # Ctrl-C twice: now, by Celery's own means
                os.kill(os.getpid(), signal.SIGQUIT)
            return
        self._exit_status = EXIT_STATUS[name]
        self._deadline = time.monotonic() + self._worker.app.conf.worker_soft_shutdown_timeout
        signals.worker_shutting_down.send(
            sender=self._worker.hostname, sig=name, how="Warm", exitcode=self._exit_status
        )
        if getattr(self._worker.consumer, "connection", None) is None:
            self.without_loop()
        os.write(self._wake, b"!")

    def _begin(self) -> None:
        """In the loop: take nothing more, give back what was not begun, look from now on whether the rest is done."""
        os.read(self._woken, 1)
        consumer = self._worker.consumer
        log.event("worker.ending", active=len(state.active_requests))
        health.HeartbeatFile(share.mine.file(health.READY)).end()
        if consumer.task_consumer:
            ignore_errors(consumer, consumer.task_consumer.cancel)
        for request in self._not_begun():
            give_back(request)
        consumer.hub.call_repeatedly(LOOKS_EVERY, self._look)

    def _not_begun(self) -> list[Any]:
        """Requests that wait for a free place of the pool, and those that wait for their instant."""
        waiting = self._worker.semaphore._waiting  # noqa: SLF001 - there is no other way to them
        requests = [arguments[0] for _, arguments, _ in waiting]
        waiting.clear()
        for request in tuple(state.scheduled_requests):
            if request._eta_timer_entry is not None:  # noqa: SLF001 - as Celery itself does when a connection is lost
                self._worker.consumer.timer.cancel(request._eta_timer_entry)  # noqa: SLF001 - the same
            requests.append(request)
        return requests

    def _look(self) -> None:
        if not state.reserved_requests and not state.active_requests:
            state.should_stop = self._exit_status
        elif time.monotonic() > self._deadline:
            log.warning("worker.ends_early", active=len(state.active_requests))
            state.should_terminate = self._exit_status


def give_back(request: Any) -> None:
    """Put a job back in front of its queue. Its message is as it was: nobody has claimed it."""
    message = request.message
    notes = noted(message)
    notes.give_back(message.delivery_tag) if notes else message.requeue()
    state.task_ready(request)
