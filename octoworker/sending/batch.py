"""Many messages in one job. Celery's own work for a job takes longer than a send, so a bulk job shares it among many.

1. Read what was asked for: a bulk job carries ids only, one round trip brings the rest. Single jobs that a worker took
   together carry it all.
2. Claim a chunk in one round trip. Each message keeps its own record, key, lease and outcome.
3. Submit with as many calls at once as the provider's answers take time: one when it answers at once, up to a bound.
4. Settle what has come back, in groups. A worker that dies before that leaves leases behind, as with a single message.

What could not be begun in time for its lease is put back, untouched: it never left.
"""

from __future__ import annotations

import contextlib
import json
import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Any, NamedTuple

from octoworker import correlation
from octoworker.errors import KeyConflictError, OctoworkerError, StoreError
from octoworker.sending import report
from octoworker.sending.attempt import PLANS, RECORD_PAUSE, Sender
from octoworker.sending.read import PreparedMessage
from octoworker.sms.record import State
from octoworker.store import Lease, Outcome, Outdated, Settled, Store, StoredRequest
from octoworker.telemetry import log, sentry, tracing

Ended = tuple["Claimed", Outcome | None]
"""A claimed message and what came of it. None: nobody knows; the end of its lease brings it back."""

CHUNK = 100
"""Messages claimed at once: a whole job. More would leave more leases behind with a worker that dies."""

GROUP = 50
"""Outcomes settled at once, when they come fast."""

AT_ONCE = 2
"""Jobs of one process at once while the provider answers at once: one of them calls, the other talks with Redis."""

GATHER = 0.05
"""Seconds an outcome may wait for others to be settled with."""

SLICE = 0.004
"""Seconds of answering time for which one more call at once pays: below it a thread costs more than it brings."""

PUT_BACK = "put back: it could not be begun in time"
REFUSED = "put back: the account was refused to another message of its job"
NO_ANSWER = "put back: Octopush did not answer the calls before it"

FAULTS = 5
"""Calls of one batch in a row without a proper answer, after which the rest is put back, to ask flow control again."""


Reader = Callable[[Sequence[str]], Iterator[PreparedMessage]]
"""Reads messages by their ids."""


class TakenJob(NamedTuple):
    """One of the jobs that were taken together. `headers`: beside Celery's own."""

    arguments: Mapping[str, Any]
    job_id: str
    headers: Mapping[str, Any]

    def __repr__(self) -> str:
        return "TakenJob(...)"


@dataclass(frozen=True)
class Claimed:
    """A message with the right to be sent."""

    work: PreparedMessage
    lease: Lease


class Trouble:
    """What the calls of one batch say about those of it that have not begun. Safe to share between threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults = 0
        self.reason = ""
        """Why the rest is put back; "": it is called."""

    def after(self, outcome: Outcome) -> None:
        with self._lock:
            self._faults = self._faults + 1 if outcome.health == "fault" else 0
            if outcome.account_hold:
                self.reason = REFUSED
            elif self._faults >= FAULTS:
                self.reason = NO_ANSWER


class Bulk:
    """Moves many messages one step. Safe to share between threads; `concurrency` bounds the calls at once of this process."""

    def __init__(self, store: Store, sender: Sender, *, concurrency: int) -> None:
        self._store = store
        self._sender = sender
        self._most = concurrency
        self._callers = ThreadPoolExecutor(max_workers=concurrency, thread_name_prefix="octoworker-call")
        self._answer_time = 0.0
        self._turns = threading.BoundedSemaphore(AT_ONCE)
        self._calling = threading.Lock()

    def handle(self, ids: Sequence[str], published_at: int | None = None) -> int:
        """Move each of these messages one step. Returns how many were submitted.

        StoreError: Redis is out of reach; what was submitted before is recorded or has its lease. Keep the job.
        """
        return self._handle(ids, partial(self._read, published_at=published_at))

    def handle_together(self, some: Sequence[TakenJob]) -> int:
        """The same for the messages of single jobs. Of two jobs of one message the later counts."""
        by_id = {str(job.arguments["message_id"]): job for job in some}
        return self._handle(list(by_id), lambda ids: self._read_together([by_id[each] for each in ids]))

    def _handle(self, ids: Sequence[str], read: Reader) -> int:
        sent = 0
        for start in range(0, len(ids), CHUNK):
            trouble = Trouble()
            with self._turn():
                claims = self._claimed(ids[start : start + CHUNK], read)
                waiting = iter(claims)
                left = len(claims) - self._one_by_one(waiting, trouble)
            self._at_once(waiting, left, trouble)
            sent += len(claims)
        return sent

    def _turn(self) -> AbstractContextManager[object]:
        """While the provider answers at once, jobs of one process only get in each other's way: they took twice the CPU. So they
        take turns, until it does not: one calls, and another waits for Redis."""
        return self._turns if self._concurrency() == 1 else nullcontext()

    def _read(self, ids: Sequence[str], published_at: int | None) -> Iterator[PreparedMessage]:
        for message_id, taken in zip(ids, self._store.taken(ids), strict=True):
            if taken is None:
                self._sender.without_record(message_id)
                continue
            arguments = {**json.loads(taken.payload), "message_id": message_id, "published_at": published_at}
            work = self._prepared(arguments, message_id, taken)
            if work is not None:
                yield work

    def _read_together(self, some: Sequence[TakenJob]) -> Iterator[PreparedMessage]:
        for job in some:
            asked_by = correlation.of_headers(job.headers)
            work = self._prepared(job.arguments, job.job_id, asked_by=asked_by)
            if work is not None:
                yield replace(work, headers=job.headers)

    def _prepared(
        self, arguments: Mapping[str, Any], job_id: str, taken: StoredRequest | None = None, asked_by: str = ""
    ) -> PreparedMessage | None:
        """None: it can never be sent. That is kept and reported by then. A bug takes no other along here either."""
        try:
            work = self._sender.prepare(arguments, job_id, taken, asked_by)
        except KeyConflictError:
            return None
        except OctoworkerError:
            raise
        except Exception as error:  # noqa: BLE001 - see above
            _bug(error, str(arguments["message_id"]), asked_by)
            return None
        return work if isinstance(work, PreparedMessage) else None

    def _claimed(self, ids: Sequence[str], read: Reader) -> list[Claimed]:
        """Those of them that may be sent. What was planned for a time that it is not is planned again; at last it is left to
        the scheduler."""
        claimed: list[Claimed] = []
        for _ in range(PLANS):
            work = list(read(ids))
            self._sender.at_step("before_claim")
            found, ids = self._claim(work)
            self._sender.at_step("after_claim")
            claimed += found
            if not ids:
                break
        return claimed

    def _claim(self, work: Sequence[PreparedMessage]) -> tuple[list[Claimed], list[str]]:
        """What may be sent, and the ids of what must be planned again."""
        claimed: list[Claimed] = []
        outdated: list[str] = []
        failure: StoreError | None = None
        for each, claim in zip(work, self._store.claim_many([w.job for w in work]), strict=True):
            match claim:
                case Lease():
                    claimed.append(Claimed(each, claim))
                case StoreError():
                    failure = claim
                case Outdated():
                    outdated.append(each.job.message_id)
                case _:
                    with contextlib.suppress(KeyConflictError):
                        self._sender.without_call(each, claim)
        if failure is not None and not claimed:
            raise failure
        return claimed, outdated

    def _at_once(self, waiting: Iterator[Claimed], open_: int, trouble: Trouble) -> None:
        """Submit what is waiting, several at once, and settle in this thread."""
        done = queue.SimpleQueue[Ended]()
        lock = threading.Lock()

        def call_on() -> None:
            while True:
                with lock:
                    claimed = next(waiting, None)
                if claimed is None:
                    return
                done.put(self._outcome(claimed, trouble))

        for _ in range(min(open_, self._concurrency())):
            self._callers.submit(call_on)
        while open_:
            group = _gather(done, open_)
            self._settle(group)
            open_ -= len(group)

    def _concurrency(self) -> int:
        """How many calls pay at once, by how long the provider takes to answer."""
        return max(1, min(self._most, round(self._answer_time / SLICE)))

    def _one_by_one(self, waiting: Iterator[Claimed], trouble: Trouble) -> int:
        """As long as the provider answers faster than a second thread would pay for: one after the other, in this thread.

        Returns how many it did; the rest is left in `waiting`.
        """
        did = 0
        while group := self._called(waiting, trouble):
            self._settle(group)
            did += len(group)
        return did

    def _called(self, waiting: Iterator[Claimed], trouble: Trouble) -> list[Ended]:
        """The next group, called one by one while no other job of this process calls."""
        group: list[Ended] = []
        with self._calling:
            while len(group) < GROUP and self._concurrency() == 1 and (claimed := next(waiting, None)):
                group.append(self._outcome(claimed, trouble))
        return group

    def _outcome(self, claimed: Claimed, trouble: Trouble) -> Ended:
        """Submit one. A bug must not take the others along: its message has its lease, and comes back by it.

        After trouble (the account was refused, or nothing answers) it is put back without a call: not one byte of it left.
        """
        if trouble.reason:
            return claimed, _put_back(claimed.lease, claimed.work, trouble.reason)
        started = time.monotonic()
        try:
            with tracing.continued(claimed.work.headers):
                outcome = self._sender.submit(claimed.work, claimed.lease)
        except Exception as error:  # noqa: BLE001 - see above
            _bug(error, claimed.work.job.message_id, claimed.lease.correlation)
            return claimed, None
        self._answer_time += (time.monotonic() - started - self._answer_time) / 8
        if outcome is not None:
            trouble.after(outcome)
        return claimed, outcome or _put_back(claimed.lease, claimed.work, PUT_BACK)

    def _settle(self, group: Sequence[Ended]) -> None:
        """Write these outcomes, for as long as the record budget lasts: only writing can still fail."""
        deadline = time.monotonic() + self._sender.record_budget
        open_ = [(claimed, outcome) for claimed, outcome in group if outcome is not None]
        while open_:
            self._sender.at_step("before_settle")
            open_, failure = self._settled(open_)
            self._sender.at_step("after_settle")
            if failure is not None and time.monotonic() > deadline:
                for claimed, outcome in open_:
                    report.unrecorded(claimed.work, claimed.lease, outcome)
                raise failure
            if open_:
                time.sleep(RECORD_PAUSE)

    def _settled(self, group: list[tuple[Claimed, Outcome]]) -> tuple[list[tuple[Claimed, Outcome]], StoreError | None]:
        """One try: what is still open after it, and why."""
        wanted = [(claimed.work.job.message_id, claimed.lease.token, outcome) for claimed, outcome in group]
        try:
            answers: Sequence[Settled | StoreError] = self._store.settle_many(wanted)
        except StoreError as error:
            return group, error
        open_, failure = [], None
        for (claimed, outcome), answer in zip(group, answers, strict=True):
            if isinstance(answer, StoreError):
                open_.append((claimed, outcome))
                failure = answer
            else:
                report.settled(claimed.work, claimed.lease, outcome, answer)
        return open_, failure


def _bug(error: Exception, message_id: str, asked_by: str) -> None:
    facts = log.known(message_id=message_id, correlation=asked_by)
    sentry.bug(error, message_id=message_id)
    log.warning("sms.bug", **facts, kind=type(error).__name__, where=log.where(error))


def _gather(done: queue.SimpleQueue[Any], most: int) -> list[Any]:
    """The next outcome, and those that come soon after it."""
    group = [done.get()]
    deadline = time.monotonic() + GATHER
    while len(group) < min(most, GROUP):
        try:
            group.append(done.get(timeout=max(0.0, deadline - time.monotonic())))
        except queue.Empty:
            break
    return group


def _put_back(lease: Lease, work: PreparedMessage, reason: str) -> Outcome:
    """Not one byte of it left: the key is as it was, and no attempt is counted."""
    state = State.UNKNOWN if lease.key_used_before else State.WAITING
    return Outcome(state, reason, lease.generation, key="unused", counts=False, delay=timedelta(), day=work.job.day)
