"""The scheduler: in every worker, without a leader and without beat.

1. Five times a second it asks Redis for a slice of what is stranded (`rescue`), due (`stage`) or let go by flow control
   (`release`); each message is given to one asker only.
2. It publishes their jobs. A publish that fails costs nothing: the due set looks at the message again later.
3. A slice that was full is followed by the next at once.

What is due within the next half second is published with Celery's ETA, so that it starts on time and not on the sweep.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

from celery import bootsteps

from octoworker.client import elsewhere, publish
from octoworker.config import Settings
from octoworker.errors import OctoworkerError
from octoworker.sending import credit
from octoworker.sending.attempt import Steps, no_step
from octoworker.sending.report import NEED_A_LOOK
from octoworker.sms.record import State
from octoworker.store import Slice, Store, Wakeup
from octoworker.telemetry import log, metrics, sentry
from octoworker.worker import heartbeat, runtime
from octoworker.worker.application import app
from octoworker.worker.clock_watch import ClockWatch
from octoworker.worker.lineage_watch import LineageWatch

SLICE = 100
"""Messages per script call: some 3 ms of Redis, so that nobody waits noticeably behind it."""

LOOKS_AHEAD = 2.5
"""Sweeps that a message is published before its instant: its job must have been fetched by a worker until then."""

FOUND = frozenset({"lease", "job"})
"""What the scheduler finds that should not be: a worker that did not come back, a job that vanished."""

LONGEST_NAP = 30.0
"""Seconds after which an account on hold is noticed at the latest."""

ENDS_WITHIN = 5.0
"""Seconds that a look which has begun may still take when the worker ends. Between two looks the scheduler ends at once."""

RECALLS_EVERY = 5
"""Sweeps between two looks for what Octopush is to take back."""

SHORTEN_EVERY = 50
"""Sweeps between two looks for messages whose story is to be shortened."""

PRUNE_EVERY = 600
"""Sweeps between two cleanings of the state indexes."""


class Scheduler:
    """Looks, publishes, sleeps. One thread; `stop` returns when it has ended."""

    def __init__(self, settings: Settings, store: Store, at_step: Steps = no_step) -> None:
        self._every = settings.sweep_every
        self._detail_for = timedelta(seconds=settings.detail_for)
        self._number_keys = settings.opt_outs.number_keys
        look_ahead = timedelta(seconds=min(settings.eta_horizon, settings.sweep_every * LOOKS_AHEAD))
        self._queues = runtime.queues(settings)
        self._results = settings.redis.job_results
        self._store = store
        self._at_step = at_step
        self._alive = heartbeat.Heartbeat(with_main_thread=all(self._queues.values()))
        self._clock_watch = ClockWatch(store)
        self._lineage_watch = LineageWatch(store)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="octoworker-scheduler", daemon=True)
        self._looks: Sequence[Callable[[], Slice]] = (
            partial(store.due.rescue, SLICE, self._queues, self._ended),
            partial(store.due.stage, SLICE, look_ahead),
            partial(store.due.release, SLICE, look_ahead),
        )

    def start(self) -> None:
        self._alive.start()
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(timeout=ENDS_WITHIN)
        self._alive.end()
        with contextlib.suppress(OctoworkerError):
            self._clock_watch.end()

    def sweep(self) -> int:
        """One look: everything stranded, due or let go is published. Returns how many messages that were."""
        published, more = 0, True
        while more and not self._stopping.is_set():
            self._alive.beat()
            # All three in each round: what one of them leaves to another stands in front of the next slice.
            found = [self._published(look()) for look in self._looks]
            published += sum(len(each.wakeups) for each in found)
            more = any(each.full for each in found)
        self._alive.answered()
        return published

    def _run(self) -> None:
        sweeps, more_to_prune, more_to_shorten = 0, False, False
        while not self._alive.wait(self._stopping, self._every):
            try:
                if not self._store.epoch.look():
                    self._store.go_back()
                self.sweep()
                self._clock_watch.look()
                self._lineage_watch.look()
                if more_to_prune or sweeps % PRUNE_EVERY == 0:
                    more_to_prune = self._store.prune()
                if self._detail_for and (more_to_shorten or sweeps % SHORTEN_EVERY == 0):
                    more_to_shorten = self._store.tombstones.shorten(self._detail_for, self._number_keys)
            except OctoworkerError as error:
                log.warning("scheduler.failed", kind=type(error).__name__, reason=str(error))
            except elsewhere.AWAY as error:
                log.warning("scheduler.failed", kind=type(error).__name__)
            except Exception as error:  # noqa: BLE001 - a clock that dies silently would strand messages
                sentry.bug(error)
                log.warning("scheduler.bug", kind=type(error).__name__, where=log.where(error))
            sweeps += 1

    def _ended(self, message_id: str, lane: str, state: State) -> None:
        """The script ended a message or left it to an operator, without a worker that could say so."""
        metrics.moved(state, lane)
        with contextlib.suppress(OctoworkerError):
            record = self._store.get(message_id)
            known = (
                log.known(
                    job_id=record.job_id,
                    correlation=record.correlation,
                    attempt=record.attempts or None,
                    reason=record.reason,
                )
                if record
                else {}
            )
            level = logging.WARNING if state in NEED_A_LOOK else logging.INFO
            log.event(f"sms.{state}", level, message_id=message_id, lane=lane, **known)

    def _published(self, found: Slice) -> Slice:
        if found.wakeups:
            self._at_step("before_publish")
            self._publish(found.wakeups)
        return found

    def _publish(self, wakeups: Sequence[Wakeup]) -> None:
        """Publish the jobs of what was taken."""
        debugging = log.debugging()
        for wakeup in wakeups:
            if debugging or wakeup.found in FOUND:
                _emit(wakeup)
        if all(self._queues.values()):
            self._store.push(publish.packed(wakeups, with_results=self._results))
        else:
            elsewhere.publish(app, [elsewhere.woken(wakeup, with_results=self._results) for wakeup in wakeups])


def _emit(wakeup: Wakeup) -> None:
    """One event for one message whose job is published: it came due, or it was found where it should not be."""
    facts = log.known(
        message_id=wakeup.message_id,
        job_id=wakeup.job_id,
        lane=wakeup.lane,
        correlation=wakeup.correlation,
        found=wakeup.found,
    )
    if wakeup.found not in FOUND:
        log.event("sms.queued", logging.DEBUG, **facts)
        return
    metrics.found(wakeup.found)
    log.warning("scheduler.found", **facts)
    if wakeup.found == "lease":
        log.warning("sms.unknown", **facts, reason="the worker that had it did not come back")


class CreditWatcher:
    """Asks for credit while the account is on hold for want of it. A thread of its own: an answer may take long."""

    def __init__(self, mine: runtime.Runtime) -> None:
        self._mine = mine
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="octoworker-credit", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()

    def _run(self) -> None:
        every = self._mine.settings.retry.account_wait
        while not self._stopping.wait(min(every, LONGEST_NAP)):
            try:
                credit.look_after(self._mine.gateway, self._mine.store.flow_control, timedelta(seconds=every))
            except OctoworkerError as error:
                log.warning("account.not_asked", kind=type(error).__name__)


class RecallWatcher:
    """Asks Octopush to take back what it holds for later. A thread of its own: an answer may take long."""

    def __init__(self, mine: runtime.Runtime) -> None:
        self._recaller = runtime.recaller(mine)
        self._ends_within = mine.settings.send_budget + mine.settings.record_budget
        self._every = mine.settings.sweep_every * RECALLS_EVERY
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="octoworker-recalls", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """A call that has begun ends and is recorded: it would leave a doubt behind, and work for an operator."""
        self._stopping.set()
        self._thread.join(timeout=self._ends_within)

    def _run(self) -> None:
        while not self._stopping.wait(self._every):
            try:
                while not self._stopping.is_set() and self._recaller.step():
                    pass
            except OctoworkerError as error:
                log.warning("recalls.failed", kind=type(error).__name__, reason=str(error))
            except Exception as error:  # noqa: BLE001 - a thread that dies silently would leave them with Octopush
                sentry.bug(error)
                log.warning("recalls.bug", kind=type(error).__name__, where=log.where(error))


class SchedulerStep(bootsteps.StartStopStep):
    """Runs the scheduler as long as the worker has a pool: its threads begin after the fork of the children, and end before
    theirs do. Without `requires` Celery would take the one order or the other, as it happens."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, worker: Any, **options: Any) -> None:
        super().__init__(worker, **options)
        self._scheduler: Scheduler | None = None
        self._credit_watcher: CreditWatcher | None = None
        self._recall_watcher: RecallWatcher | None = None
        runtime.warm_up(Settings.load())

    def start(self, worker: Any) -> None:
        del worker
        mine = runtime.current()
        self._scheduler = Scheduler(mine.settings, mine.store, runtime.at_step)
        self._credit_watcher = CreditWatcher(mine)
        self._recall_watcher = RecallWatcher(mine)
        self._scheduler.start()
        self._credit_watcher.start()
        self._recall_watcher.start()

    def stop(self, worker: Any) -> None:
        del worker
        for each in (self._scheduler, self._credit_watcher, self._recall_watcher):
            if each is not None:
                with contextlib.suppress(RuntimeError):
                    each.stop()

    def terminate(self, worker: Any) -> None:
        """Celery's word for the end under prefork."""
        self.stop(worker)
