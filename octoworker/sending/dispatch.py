"""The only place that combines: a job comes in, and its message moves one step.

1. Parse the arguments. A message that can never be sent is kept as rejected, with every reason.
2. Claim it: one round trip that says go, done, wait, busy or conflict. No claim, no call.
3. Submit it, inside its own time budget. `submitting`, with the key, is in Redis before the first byte leaves.
4. Decide what the outcome means, and settle: one round trip, fenced by the claim's token.

Whoever dies between 2 and 4 leaves a lease behind. When it ends, the clock rings again, and the same key goes out:
Octopush answers 120 if it had the message.
"""

from __future__ import annotations

import json
import logging
import random
import string
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from octoworker.errors import GatewayError, PayloadError, StoreError
from octoworker.gateway import Gateway, Submit
from octoworker.sending import retry
from octoworker.sending.outcome import of_answer, of_failure
from octoworker.sms import identity, jobs, lanes, message, schedule
from octoworker.sms.recipient import country_of
from octoworker.sms.record import Record, State, iso
from octoworker.store import (
    Busy,
    ClaimRequest,
    Conflict,
    Done,
    Lease,
    Outcome,
    Settled,
    Store,
    StoredRequest,
    Wait,
    limits,
)
from octoworker.telemetry import log, metrics, tracing

RECORD_PAUSE = 0.1
"""Seconds between two tries to write an outcome: Redis restarts in a second or two."""


NO_CAPS = limits.Caps()

NEED_A_LOOK = frozenset({State.UNKNOWN, State.DEAD})
"""States that a person should look at: logged as warnings."""

Steps = Callable[[str], None]


def no_step(_: str) -> None:
    """The named steps mean nothing outside the tests that kill a worker at each of them."""


@dataclass(frozen=True)
class Budgets:
    """Seconds. Sending has its own, recording has another, and the lease covers both with room."""

    lease: float
    send: float
    record: float


@dataclass(frozen=True)
class Rules:
    """What the settings say about messages, times and patience."""

    payload: message.Policy
    time: schedule.Rules
    retry: retry.Policy
    budgets: Budgets
    caps: limits.Caps = NO_CAPS


@dataclass(frozen=True)
class Result:
    """Where the message stands after this job. `record` is None when another worker has it."""

    record: Record | None
    conflict: bool = False


@dataclass(frozen=True)
class PreparedMessage:
    """A message that can be sent, read and planned. Its claim began at `claimed_at` (monotonic) or later."""

    job: ClaimRequest
    sms: message.Message = field(repr=False)
    plan: schedule.Plan
    claimed_at: float


class Dispatch:
    """Moves messages. Safe to share between the threads of one process."""

    def __init__(self, store: Store, gateway: Gateway, rules: Rules, *, at_step: Steps = no_step) -> None:
        self._store = store
        self._gateway = gateway
        self._rules = rules
        self.at_step = at_step

    def handle(self, arguments: Mapping[str, Any], job_id: str, asked_by: str = "") -> Result:
        """Move one message one step. StoreError: Redis is out of reach, nothing was sent, keep the job.

        `asked_by`: the web request that the job's headers name.
        """
        work = self.prepare(arguments, job_id, asked_by=asked_by)
        if isinstance(work, Result):
            return work
        self.at_step("before_claim")
        claim = self._store.claim(work.job)
        self.at_step("after_claim")
        match claim:
            case Lease():
                return Result(self._act(work, claim))
            case _:
                return self.settled_without_call(work, claim)

    def prepare(
        self, arguments: Mapping[str, Any], job_id: str, taken: StoredRequest | None = None, asked_by: str = ""
    ) -> PreparedMessage | Result:
        """Read a job. A message that can never be sent is kept as rejected, and that is its result.

        `taken`: what its record says already, when the job came by its id alone.
        """
        job = replace(_job(arguments, job_id, taken), correlation=asked_by)
        try:
            sms, plan = self._read(arguments)
        except PayloadError as error:
            return self._reject(job, error, job_id)
        return PreparedMessage(_planned(job, sms, plan, self._rules.caps), sms, plan, time.monotonic())

    def settled_without_call(self, work: PreparedMessage, claim: Done | Wait | Busy | Conflict) -> Result:
        """What a claim that gives no right to call means."""
        match claim:
            case Done(record, stopped=moved):
                _count_done(claim, work.job.lane)
                if moved:
                    self._moved(work.job, record)
                return Result(record)
            case Wait(record, held=moved):
                if moved:
                    self._moved(work.job, record)
                return Result(record)
            case Busy():
                metrics.dropped(None)
                log.event("sms.busy", logging.DEBUG, **_facts(work.job))
                return Result(None)
            case Conflict():
                return self._conflict(work.job, work.job.job_id)

    def outcome(self, work: PreparedMessage, lease: Lease) -> Outcome | None:
        """Submit, and say what came of it. None: too late to begin, for the lease would end on the way; nothing was sent.

        After this the outcome may be unknown; before it, nothing was sent.
        """
        order = self._order(work.job.message_id, work.sms, work.plan, lease)
        budgets = self._rules.budgets
        if time.monotonic() - work.claimed_at > budgets.lease - budgets.send:
            log.warning("sms.lease_lost", **_facts(work.job, lease.correlation))
            return None
        if log.debugging():
            log.event("sms.submitting", logging.DEBUG, **_facts(work.job, lease.correlation), attempt=lease.attempts)
        self.at_step("before_submit")
        patience, chance, began = self._rules.retry, random.random(), time.monotonic()
        try:
            with tracing.Call(work.job.message_id, work.job.lane):
                answer = self._gateway.submit(order)
        except GatewayError as error:
            metrics.called(error, time.monotonic() - began)
            outcome = of_failure(error, lease, patience, chance)
        else:
            metrics.called(None, time.monotonic() - began)
            outcome = of_answer(answer, order, lease, patience, chance)
        backlogged = outcome.account_hold and outcome.delay is not None
        backlog = limits.backlog_of(work.sms.lane, marketing=not work.sms.transactional) if backlogged else None
        return replace(outcome, backlog=backlog, deliver_at=order.sending_date, day=work.job.day)

    def unrecorded(self, work: PreparedMessage, lease: Lease, outcome: Outcome) -> None:
        """Log an outcome that could not be written in time. Its lease will tell; a person may want to know more."""
        facts = _facts(work.job, lease.correlation)
        log.warning("sms.unrecorded", **facts, state=outcome.state, ticket=outcome.fields.get("ticket"))

    @property
    def record_budget(self) -> float:
        """Seconds for which an outcome is tried to be written."""
        return self._rules.budgets.record

    def tell(self, work: PreparedMessage, lease: Lease, outcome: Outcome, settled: Settled) -> None:
        """Log and count the move, and what it says about the account."""
        fields = _facts(work.job, lease.correlation)
        fields |= {"attempt": lease.attempts, "ms": round((time.monotonic() - work.claimed_at) * 1000)}
        if settled.fenced:
            log.warning("sms.fenced", **fields)
        else:
            state = settled.record.state if settled.record else outcome.state
            _count(work, lease, outcome, state)
            level = logging.WARNING if state in NEED_A_LOOK else logging.INFO
            fields |= {"ticket": outcome.fields.get("ticket"), "code": outcome.fields.get("error_code") or None}
            log.event(f"sms.{state}", level, **fields, reason=outcome.reason)
        for alert in settled.alerts:
            metrics.alerted(alert)
            log.warning(f"account.{alert}", code=outcome.account_hold, hint=ALERTS[alert])

    def _moved(self, job: ClaimRequest, record: Record) -> None:
        """Log a move that took no call: held, put in line, expired, stopped."""
        level = logging.WARNING if record.state in NEED_A_LOOK else logging.INFO
        known = log.known(due_at=iso(record.due_at) if record.due_at else None, attempt=record.attempts or None)
        log.event(f"sms.{record.state}", level, **_facts(job, record.correlation), **known, reason=record.reason)

    def _read(self, arguments: Mapping[str, Any]) -> tuple[message.Message, schedule.Plan]:
        wanted = {name: value for name, value in arguments.items() if name not in ENVELOPE}
        version = arguments.get("version", jobs.VERSION)
        if version != jobs.VERSION:
            raise PayloadError(
                ["version: this worker does not know this version of the job; update the workers first."]
            )
        sms = message.parse(wanted, self._rules.payload)
        return sms, schedule.plan(sms, self._rules.time, datetime.now(UTC))

    def _act(self, work: PreparedMessage, lease: Lease) -> Record | None:
        outcome = self.outcome(work, lease)
        if outcome is None:
            return None
        self.at_step("before_settle")
        settled = self._settle(work, lease, outcome)
        self.at_step("after_settle")
        self.tell(work, lease, outcome, settled)
        return settled.record

    def _order(self, message_id: str, sms: message.Message, plan: schedule.Plan, lease: Lease) -> Submit:
        return Submit(
            key=key(message_id, lease.generation),
            recipients=lease.pending or sms.recipients,
            text=sms.text,
            sms_type=sms.sms_type,
            sender=sms.sender,
            transactional=sms.transactional,
            sending_date=schedule.sending_date(plan.hand_over_at, datetime.fromtimestamp(lease.now, UTC)),
        )

    def _settle(self, work: PreparedMessage, lease: Lease, outcome: Outcome) -> Settled:
        """Write the outcome, for as long as the record budget lasts. The call is made: only writing can still fail."""
        deadline = time.monotonic() + self._rules.budgets.record
        while True:
            try:
                return self._store.settle(work.job.message_id, lease.token, outcome)
            except StoreError:
                if time.monotonic() > deadline:
                    self.unrecorded(work, lease, outcome)
                    raise
                time.sleep(RECORD_PAUSE)

    def _reject(self, job: ClaimRequest, error: PayloadError, job_id: str) -> Result:
        done = self._store.reject(job, str(error), error.error_code)
        if done is None:
            return self._conflict(job, job_id)
        _count_done(done, job.lane)
        if done.stopped:
            facts = _facts(job, done.record.correlation)
            log.event("sms.rejected", **facts, reason=log.masked(str(error)), code=error.error_code)
        return Result(done.record)

    def _conflict(self, job: ClaimRequest, job_id: str) -> Result:
        """Another message has this idempotency key. This one is kept too, under its job's own id, as rejected."""
        own = identity.message_id_for_job(job_id)
        log.warning("sms.key_conflict", **_facts(job), kept_as=own)
        reason = "idempotency_key: it already belongs to a message with other content; use a new key."
        done = None if own == job.message_id else self._store.reject(replace(job, message_id=own), reason, None)
        if done is not None:
            _count_done(done, job.lane)
            if done.stopped:
                log.event("sms.rejected", **_facts(replace(job, message_id=own)), reason=reason)
        return Result(done.record if done else None, conflict=True)


def _count_done(done: Done, lane: str) -> None:
    """A job whose message is over: it ended just now, or the job came once too often."""
    metrics.moved(done.record.state, lane) if done.stopped else metrics.dropped(done.record)


def _count(work: PreparedMessage, lease: Lease, outcome: Outcome, state: State) -> None:
    """What this settled submit adds to the metrics."""
    move = metrics.Settled(
        state=state,
        lane=work.job.lane,
        again=outcome.health is not None and outcome.delay is not None and not outcome.backlog,
        waited=lease.waited + time.monotonic() - work.claimed_at,
        segments=work.job.segments,
        spent=outcome.spent,
        currency=outcome.fields.get("currency"),
    )
    metrics.settled(move)


ALERTS = {
    "on_hold": "Octopush refuses the account: nothing is sent until that is mended; then `octoworker resume --brake`",
    "breaker_opened": "Octopush does not answer: messages wait, one probe at a time is sent",
    "breaker_closed": "Octopush answers again: what waited goes out, slowly at first",
    "balance_low": "the balance is below OCTOWORKER_LOW_BALANCE: buy credit",
    "spend_80": "four fifths of OCTOWORKER_CAP_MONEY are spent today",
    "spend_100": "OCTOWORKER_CAP_MONEY is spent: messages wait for tomorrow",
}
"""What a person is told, once each time."""

ENVELOPE = frozenset({"message_id", "version", "published_at"})
"""What a job carries beside the message itself."""


def key(message_id: str, generation: int) -> str:
    """What goes out as `request_id`: letters and digits only, for Octopush's own clients strip everything else."""
    letters = ""
    while True:
        generation, digit = divmod(generation, 26)
        letters = string.ascii_lowercase[digit] + letters
        if not generation:
            return message_id + letters


def _job(arguments: Mapping[str, Any], job_id: str, taken: StoredRequest | None = None) -> ClaimRequest:
    """The envelope. What cannot be JSON came in as JSON, so it can go back."""
    wanted = {name: value for name, value in arguments.items() if name not in ENVELOPE}
    given = arguments.get("message_id")
    published_at = arguments.get("published_at")
    return ClaimRequest(
        message_id=str(given) if identity.is_message_id(given) else identity.message_id_of(wanted, job_id),
        fingerprint=taken.fingerprint if taken else identity.fingerprint(wanted),
        lane=lanes.known_lane(lanes.lane_of(wanted)),
        payload=taken.payload if taken else json.dumps(jobs.jsonable(wanted)),
        job_id=job_id,
        published_at=published_at if isinstance(published_at, int) else None,
    )


def _planned(job: ClaimRequest, sms: message.Message, plan: schedule.Plan, caps: limits.Caps) -> ClaimRequest:
    now = datetime.now(UTC)
    return replace(
        job,
        lane=sms.lane,
        segments=sms.segments * len(sms.recipients),
        hold_until=_epoch(plan.hold_until),
        closed_until=_epoch(plan.closed_until),
        refuse_before=_epoch(plan.refuse_before),
        expires_at=_epoch(plan.expires_at),
        deliver_at=_epoch(plan.hand_over_at),
        past_reason=schedule.PAST,
        marketing=not sms.transactional,
        day=limits.day_of(now),
        cap_request=_cap_request(sms, caps, now) if caps.any else None,
    )


def _cap_request(sms: message.Message, caps: limits.Caps, now: datetime) -> dict[str, Any] | None:
    numbers = {number: country_of(number) for number in sms.recipients}
    return limits.cap_request_of(numbers, sms.text, sms.segments, caps, now)


def _facts(job: ClaimRequest, correlation: str = "") -> dict[str, Any]:
    """What every event of a message carries. The record's word for the request counts before the job's."""
    facts: dict[str, Any] = {"message_id": job.message_id, "job_id": job.job_id, "lane": job.lane}
    if asked_by := correlation or job.correlation:
        facts["correlation"] = asked_by
    return facts


def _epoch(at: datetime | None) -> float | None:
    return None if at is None else at.timestamp()
