"""Reports each move: one event in the log, and its counts in the metrics. Nothing here decides, or fails a send."""

from __future__ import annotations

import logging
import time
from datetime import timedelta
from typing import Any

from octoworker.errors import PayloadError
from octoworker.gateway.callbacks.words import WORDS
from octoworker.sending.read import PreparedMessage
from octoworker.sms.opt_outs import REASON
from octoworker.sms.recipient import country_of
from octoworker.sms.record import Record, State, iso
from octoworker.store import ClaimRequest, Done, Lease, Outcome, Recall, Receipt, Received, Settled, Word
from octoworker.store.opt_outs import Stopped
from octoworker.telemetry import log, metrics

NEED_A_LOOK = frozenset({State.UNKNOWN, State.DEAD})
"""States that an operator should look at: logged as warnings."""

ALERTS = {
    "on_hold": "Octopush refuses the account: nothing is sent until that is mended; then `octoworker resume --brake`",
    "breaker_opened": "Octopush does not answer: messages wait, one probe at a time is sent",
    "breaker_closed": "Octopush answers again: what waited goes out, slowly at first",
    "balance_low": "the balance is below OCTOWORKER_LOW_BALANCE: buy credit",
    "spend_80": "four fifths of OCTOWORKER_CAP_MONEY are spent today",
    "spend_100": "OCTOWORKER_CAP_MONEY is spent: messages wait for tomorrow",
}
"""Alerts to an operator, once each time."""


def submitting(work: PreparedMessage, lease: Lease) -> None:
    """The call begins."""
    if log.debugging():
        log.event("sms.submitting", logging.DEBUG, **_facts(work.job, lease.correlation), attempt=lease.attempts)


def lease_lost(work: PreparedMessage, lease: Lease) -> None:
    """Too late to call: the lease would have ended on the way."""
    log.warning("sms.lease_lost", **_facts(work.job, lease.correlation))


def unrecorded(work: PreparedMessage, lease: Lease, outcome: Outcome) -> None:
    """An outcome could not be written in time. The end of its lease brings it back; an operator may want to know more."""
    facts = _facts(work.job, lease.correlation)
    log.warning("sms.unrecorded", **facts, state=outcome.state, ticket=outcome.fields.get("ticket"))


def settled(work: PreparedMessage, lease: Lease, outcome: Outcome, reply: Settled) -> None:
    """The outcome of a call was written, or its lease was lost."""
    facts = _facts(work.job, lease.correlation)
    facts |= {"attempt": lease.attempts, "ms": round((time.monotonic() - work.claimed_at) * 1000)}
    if reply.fenced:
        log.warning("sms.fenced", **facts)
    else:
        state = reply.record.state if reply.record else outcome.state
        _count(work, lease, outcome, state)
        facts |= {"ticket": outcome.fields.get("ticket"), "code": outcome.fields.get("error_code") or None}
        if "confirmed" in outcome.fields and (reply.record is None or reply.record.confirmed is False):
            facts["confirmed"] = False
        log.event(f"sms.{state}", _level(state), **facts, reason=outcome.reason)
    for alert in reply.alerts:
        metrics.alerted(alert)
        log.warning(f"account.{alert}", code=outcome.account_hold, hint=ALERTS[alert])


def moved(job: ClaimRequest, record: Record) -> None:
    """A claim moved the message without a call: held, backlogged, expired, stopped."""
    known = log.known(due_at=iso(record.due_at) if record.due_at else None, attempt=record.attempts or None)
    facts = _facts(job, record.correlation)
    log.event(f"sms.{record.state}", _level(record.state), **facts, **known, reason=record.reason)


def over(done: Done, lane: str) -> None:
    """A job whose message is over: it ended just now, or the job came once too often."""
    metrics.moved(done.record.state, lane) if done.stopped else metrics.dropped(done.record)


def busy(job: ClaimRequest) -> None:
    """Another worker has the message."""
    metrics.dropped(None)
    log.event("sms.busy", logging.DEBUG, **_facts(job))


def superseded(job: ClaimRequest) -> None:
    """The job is of a content that its caller has replaced since."""
    metrics.dropped(None)
    log.event("sms.superseded", logging.DEBUG, **_facts(job))


def rejected(job: ClaimRequest, done: Done, error: PayloadError) -> None:
    """A message that can never be sent was kept, with its reasons."""
    over(done, job.lane)
    if done.stopped:
        facts = _facts(job, done.record.correlation)
        log.event("sms.rejected", **facts, reason=log.masked(str(error)), code=error.error_code)


def key_conflict(job: ClaimRequest, kept_as: str) -> None:
    """The idempotency key belongs to another message. This one is kept under the id `kept_as`."""
    log.warning("sms.key_conflict", **_facts(job), kept_as=kept_as)


def received(receipt: Receipt, found: Received, *, age: timedelta) -> None:
    """A receipt was matched, or was not. `age`: since it came in."""
    country = country_of(receipt.number)
    metrics.receipt(receipt.state, found.outcome, found.record, age=age.total_seconds(), country=country)
    record = found.record
    if found.paused_campaign:
        metrics.alerted("campaign_paused")
        log.warning("campaign.paused", **log.known(message_id=record and record.message_id))
    if record is None:
        level = logging.WARNING if found.outcome == "unmatched" else logging.DEBUG
        log.event("inbound.receipt", level, outcome=found.outcome, word=_known_word(receipt), ticket=receipt.ticket)
    elif found.outcome == "moved":
        facts = log.known(job_id=record.job_id, correlation=record.correlation)
        log.event(f"sms.{record.state}", message_id=record.message_id, lane=record.lane, reason=record.reason, **facts)


def recalled(recall: Recall, word: Word, record: Record | None) -> None:
    """Octopush was asked to take a message back."""
    facts = log.known(lane=record.lane, job_id=record.job_id, correlation=record.correlation) if record else {}
    doubtful = record is not None and record.recall is not None and record.recall.state == "needs_review"
    level = logging.WARNING if doubtful or record is None else logging.INFO
    log.event("sms.recall", level, message_id=recall.message_id, ticket=recall.ticket, said=word.said, **facts)
    if record is not None and word.said == "gone":
        metrics.moved(record.state, record.lane)
        log.event(f"sms.{record.state}", message_id=recall.message_id, reason=record.reason, **facts)


def opted_out(source: str, found: Stopped) -> None:
    """A number wants no more, and what waited for it was cancelled, or is to be taken back."""
    metrics.opted_out(source)
    log.event("inbound.opted_out", source=source, cancelled=len(found.cancelled), recalled=len(found.recalled))
    for message_id in found.recalled:
        log.event("sms.recall_requested", message_id=message_id, reason=REASON)
    for message_id in found.cancelled:
        metrics.moved(State.CANCELLED, "normal")
        log.event("sms.cancelled", message_id=message_id, reason=REASON)


def replied(outcome: str, message_id: str) -> None:
    """Somebody answered."""
    metrics.replied(outcome)
    log.event("inbound.reply", outcome=outcome, **log.known(message_id=message_id))


def set_aside(reason: str) -> None:
    """What Octopush called us with could not be processed."""
    metrics.unreadable()
    log.warning("inbound.set_aside", reason=reason)


def _known_word(receipt: Receipt) -> str:
    """A stranger may have written the word: it is shown when it is in the table."""
    return receipt.word if receipt.word in WORDS else "unlisted"


def _level(state: State) -> int:
    return logging.WARNING if state in NEED_A_LOOK else logging.INFO


def _count(work: PreparedMessage, lease: Lease, outcome: Outcome, state: State) -> None:
    metrics.settled(
        state,
        work.job.lane,
        # What waits for the account to be mended is not a retry: nothing is wrong with it.
        again=outcome.health is not None and outcome.delay is not None and not outcome.backlog,
        waited=lease.waited.total_seconds() + time.monotonic() - work.claimed_at,
        segments=work.job.segments,
        spent=outcome.spent,
        currency=outcome.fields.get("currency"),
    )


def _facts(job: ClaimRequest, correlation: str = "") -> dict[str, Any]:
    """What every event of a message carries. The record's word for the request counts before the job's."""
    facts: dict[str, Any] = {"message_id": job.message_id, "job_id": job.job_id, "lane": job.lane}
    if asked_by := correlation or job.correlation:
        facts["correlation"] = asked_by
    return facts
