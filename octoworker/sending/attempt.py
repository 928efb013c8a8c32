"""One message moves one step: it is claimed, submitted, and its outcome is settled.

1. Read the job. A message that can never be sent is kept as rejected, with every reason.
2. Claim it: one round trip that says lease, done, wait, busy or conflict. No claim, no call.
3. Submit it, inside its own time budget. `submitting`, with the key, is in Redis before the first byte leaves.
4. Decide what the outcome means, and settle: one round trip, fenced by the claim's token.

A worker that dies between 2 and 4 leaves a lease behind. When it ends, the scheduler publishes the job again, and the same
key goes out: a provider that had the message says so and ignores the call.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from octoworker.errors import GatewayError, KeyConflictError, PayloadError, StoreError
from octoworker.gateway import Answer, Gateway, Submit
from octoworker.sending import outcome, read, report
from octoworker.sending.read import PreparedMessage
from octoworker.sending.rules import Rules
from octoworker.sms import identity, lanes, schedule
from octoworker.sms.record import Record
from octoworker.store import (
    Busy,
    ClaimRequest,
    Conflict,
    Done,
    Lease,
    Outcome,
    Outdated,
    Settled,
    Store,
    StoredRequest,
    Superseded,
    Wait,
    limits,
)
from octoworker.telemetry import metrics, tracing

RECORD_PAUSE = 0.1
"""Seconds between two tries to write an outcome: Redis restarts in a second or two."""

PLANS = 3
"""Plans of one message in a row before its job goes back: a machine that stood still once does not do it again at once."""

OUTDATED = "Redis' clock is another one each time it is asked."

KEY_CONFLICT = PayloadError([str(KeyConflictError())])

Steps = Callable[[str], None]
Key = Callable[[str, int], str]
"""How the provider wants a request key spelled, from a message's id and the generation of its key."""


def no_step(_: str) -> None:
    """The named steps mean nothing outside the tests that kill a worker at each of them."""


class Sender:
    """Moves messages. Safe to share between the threads of one process."""

    def __init__(self, store: Store, gateway: Gateway, key: Key, rules: Rules, *, at_step: Steps = no_step) -> None:
        self._store = store
        self._gateway = gateway
        self._key = key
        self.rules = rules
        self.at_step = at_step

    def handle(self, arguments: Mapping[str, Any], job_id: str, asked_by: str = "") -> Record | None:
        """Move one message one step, and say where it stands. None: another worker has it.

        `asked_by`: the web request that the job's headers name.
        StoreError: Redis is out of reach, nothing was sent, keep the job.
        KeyConflictError: the idempotency key belongs to another message; this one is kept as rejected.
        """
        for _ in range(PLANS):
            work = self.prepare(arguments, job_id, asked_by=asked_by)
            if not isinstance(work, PreparedMessage):
                return work
            self.at_step("before_claim")
            claim = self._store.claim(work.job)
            self.at_step("after_claim")
            if not isinstance(claim, Outdated):
                return self._act(work, claim) if isinstance(claim, Lease) else self.without_call(work, claim)
        raise StoreError(OUTDATED)

    def prepare(
        self, arguments: Mapping[str, Any], job_id: str, taken: StoredRequest | None = None, asked_by: str = ""
    ) -> PreparedMessage | Record | None:
        """Read a job. A message that can never be sent is kept as rejected: then its record comes back; None where its
        content was replaced since.

        `taken`: what its record says already, when the job came by its id alone. KeyConflictError as in `handle`.
        """
        request = read.request_of(arguments, job_id, taken, asked_by)
        try:
            return read.prepared(request, arguments, self.rules, self._store.clock.now())
        except PayloadError:
            # For good, so not by a time that this process only believes: it may have stood still.
            self._store.clock.forget()
        try:
            return read.prepared(request, arguments, self.rules, self._store.clock.now())
        except PayloadError as error:
            refused = error
        return self._rejected(request, refused)

    def without_call(self, work: PreparedMessage, claim: Done | Wait | Busy | Superseded | Conflict) -> Record | None:
        """What a claim that gives no right to call means. KeyConflictError as in `handle`."""
        match claim:
            case Done(record, stopped=moved):
                report.over(claim, work.job.lane)
            case Wait(record, held=moved):
                pass
            case Busy():
                report.busy(work.job)
                return None
            case Superseded():
                report.superseded(work.job)
                return None
            case Conflict():
                raise self._conflict(work.job)
        if moved:
            report.moved(work.job, record)
        return record

    def without_record(self, message_id: str) -> None:
        """A job names a message whose record is gone, and nothing else of it: it is recorded as dead, and not sent."""
        job = ClaimRequest(message_id, "", lanes.LANES[-1], "{}", ours=True)
        claim = self._store.claim(job)
        if isinstance(claim, Done):
            report.over(claim, job.lane)
            report.moved(job, claim.record)

    def submit(self, work: PreparedMessage, lease: Lease) -> Outcome | None:
        """Call, and say what came of it. None: too late to begin, for the lease would end on the way; nothing was sent.

        After this the outcome may be unknown; before it, nothing was sent.
        """
        order = self._order(work, lease)
        budgets = self.rules.budgets
        if time.monotonic() - work.claimed_at > budgets.lease - budgets.send:
            report.lease_lost(work, lease)
            return None
        report.submitting(work, lease)
        self.at_step("before_submit")
        attempt = outcome.Attempt(
            order=order,
            lease=lease,
            backlog=limits.backlog_of(work.sms.lane, marketing=not work.sms.transactional),
            day=work.job.day,
            policy=self.rules.retry,
            # Drawn before the call, so that all that is decided after it is a function of what it brought.
            chance=random.random(),
            uncount=partial(read.cap_request, work.sms, self.rules, datetime.now(UTC)),
            opt_outs=work.job.opt_outs if work.job.marketing else None,
            recall=self.rules.recall,
            refused=work.sms.refused,
        )
        found = self._called(work, order)
        if isinstance(found, GatewayError):
            return outcome.of_failure(found, attempt)
        return outcome.of_answer(found, attempt)

    @property
    def record_budget(self) -> float:
        """Seconds for which an outcome is tried to be written."""
        return self.rules.budgets.record

    def _act(self, work: PreparedMessage, lease: Lease) -> Record | None:
        found = self.submit(work, lease)
        if found is None:
            return None
        self.at_step("before_settle")
        settled = self._settle(work, lease, found)
        self.at_step("after_settle")
        report.settled(work, lease, found, settled)
        return settled.record

    def _order(self, work: PreparedMessage, lease: Lease) -> Submit:
        return Submit(
            key=self._key(work.job.message_id, lease.generation),
            # Others of this message may have their result from an earlier call: they must not get it again.
            recipients=lease.pending or work.sms.recipients,
            text=work.sms.text,
            sms_type=work.sms.sms_type,
            sender=work.sms.sender,
            transactional=work.sms.transactional,
            with_replies=work.sms.with_replies,
            send_at=schedule.still_ahead(work.plan.hand_over_at, lease.now),
        )

    def _called(self, work: PreparedMessage, order: Submit) -> Answer | GatewayError:
        began = time.monotonic()
        try:
            with tracing.Call(work.job.message_id, work.job.lane):
                answer = self._gateway.submit(order)
        except GatewayError as error:
            metrics.called(error, error.code, time.monotonic() - began)
            return error
        metrics.called(None, answer.code, time.monotonic() - began)
        return answer

    def _settle(self, work: PreparedMessage, lease: Lease, found: Outcome) -> Settled:
        """Write the outcome, for as long as the record budget lasts. The call is made: only writing can still fail."""
        deadline = time.monotonic() + self.record_budget
        while True:
            try:
                return self._store.settle(work.job.message_id, lease.token, found)
            except StoreError:
                if time.monotonic() > deadline:
                    report.unrecorded(work, lease, found)
                    raise
                time.sleep(RECORD_PAUSE)

    def _rejected(self, job: ClaimRequest, error: PayloadError) -> Record | None:
        job = replace(job, found_by=read.found_by(job, self.rules))
        done = self._store.reject(job, str(error), error.error_code)
        if done is None:
            raise self._conflict(job)
        if isinstance(done, Superseded):
            report.superseded(job)
            return None
        report.rejected(job, done, error)
        return done.record

    def _conflict(self, job: ClaimRequest) -> KeyConflictError:
        """Another message has this idempotency key. This one is kept too, under its job's own id, as rejected."""
        own = replace(job, message_id=identity.message_id_for_job(job.job_id), found_by=read.found_by(job, self.rules))
        report.key_conflict(job, own.message_id)
        done = None if own.message_id == job.message_id else self._store.reject(own, str(KEY_CONFLICT), None)
        if isinstance(done, Done):
            report.rejected(own, done, KEY_CONFLICT)
        return KeyConflictError()
