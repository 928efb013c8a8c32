"""What an answer, or the lack of one, means for the record. Pure: the claim and the answer in, what to write out.

One message may take several submits: recipients that Octopush refused only for now go again, alone, under the next
key. So outcomes are merged with those of earlier submits, and a message that reached anybody ends as accepted.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from octoworker.errors import BusyError, GatewayError, MaybeSentError, UnreachableError
from octoworker.gateway import Answer, Submit
from octoworker.gateway import Outcome as Fate
from octoworker.gateway.legacy.codes import Kind, lookup
from octoworker.sending import retry
from octoworker.sms import schedule
from octoworker.sms.record import State
from octoworker.store import Lease, Outcome

Fates = dict[str, dict[str, Any]]

REACHED = frozenset({State.ACCEPTED, State.DELIVERED, State.UNDELIVERED})
"""What a recipient is once Octopush took the SMS to them."""


FAULTS = (UnreachableError, BusyError, MaybeSentError)
"""Failures that may meet any message: they speak of Octopush, or of the way there. A refusal is an answer."""


def of_failure(error: GatewayError, lease: Lease, policy: retry.Policy, chance: float) -> Outcome:
    """The submit did not end in "accepted"."""
    return replace(_of_failure(error, lease, policy, chance), health="fault" if isinstance(error, FAULTS) else "ok")


def _of_failure(error: GatewayError, lease: Lease, policy: retry.Policy, chance: float) -> Outcome:
    facts = retry.Facts(lease.attempts, lease.age, lease.key_used_before, lease.key_doubtful, lease.unknown_for)
    decision = retry.decide(error, facts, policy, chance)
    fields = {"error_code": decision.error_code or ""}
    if decision.state is State.ACCEPTED and lease.pending:
        fates = {**lease.earlier, **{number: _had_already() for number in lease.pending}}
        return _outcome(decision, lease, {**fields, "pending": "", "outcomes": json.dumps(fates)})
    if decision.state not in (State.REJECTED, State.DEAD) or not _anybody(lease.earlier):
        return _outcome(decision, lease, fields)
    given_up = {number: _refused(error.error_code) for number in lease.pending}
    ended = retry.Decision(State.ACCEPTED, f"accepted for some recipients only: {decision.reason}")
    return _outcome(ended, lease, {**fields, "pending": "", "outcomes": json.dumps({**lease.earlier, **given_up})})


def of_answer(answer: Answer, order: Submit, lease: Lease, policy: retry.Policy, chance: float) -> Outcome:
    """Octopush said 000. It may still have refused recipients, some of them only for now."""
    later = [fate for fate in answer.outcomes if _only_for_now(fate)]
    fates: Fates = {
        **{n: dict(fate) for n, fate in lease.earlier.items()},
        **{f.recipient: _fate(f) for f in answer.outcomes},
    }
    decision = _for_now(later, answer, lease, policy, chance) if later else None
    if decision is not None and decision.delay is not None:
        for fate in later:
            fates[fate.recipient]["state"] = State.WAITING.value
    decision = decision or retry.Decision(
        State.ACCEPTED, schedule.echo_problem(order.sending_date, answer.sending_date)
    )
    if decision.delay is None and not _anybody(fates):
        decision = _nobody(answer, decision)
    pending = json.dumps([fate.recipient for fate in later]) if decision.delay is not None else ""
    fields = {**_known(answer, lease), "outcomes": json.dumps(fates), "pending": pending}
    outcome = _outcome(decision, lease, {**fields, "error_code": decision.error_code or "000"})
    return replace(outcome, health="ok", spent=answer.cost or Decimal(0), prices=_prices(answer))


def _only_for_now(fate: Fate) -> bool:
    return fate.state != "accepted" and lookup(fate.error_code or "").kind is Kind.TRANSIENT


def _for_now(later: list[Fate], answer: Answer, lease: Lease, policy: retry.Policy, chance: float) -> retry.Decision:
    """Wait for those recipients, or give them up when the message is too old."""
    code = later[0].error_code
    delay = retry.backoff(lease.attempts, policy, chance)
    reason = f"{len(later)} of {len(answer.outcomes)} recipients refused for now: {lookup(code or '').meaning}"
    over = retry.spent(retry.Facts(lease.attempts, lease.age, key_used_before=False), policy, delay)
    if over:
        return retry.Decision(State.ACCEPTED, f"{reason} ({over})")
    return retry.Decision(State.WAITING, reason, delay, "next", error_code=code)


def _nobody(answer: Answer, decision: retry.Decision) -> retry.Decision:
    """Octopush took the call and refused every recipient: nothing was sent."""
    code = next((fate.error_code for fate in answer.outcomes if fate.error_code), None)
    state = State.DEAD if decision.reason and lookup(code or "").kind is Kind.TRANSIENT else State.REJECTED
    reason = decision.reason if state is State.DEAD else f"no recipient was accepted: {lookup(code or '').meaning}"
    return retry.Decision(state, reason, key="next", error_code=code)


def _anybody(fates: Mapping[str, Mapping[str, Any]]) -> bool:
    return any(fate.get("state") in REACHED for fate in fates.values())


def _outcome(decision: retry.Decision, lease: Lease, fields: Mapping[str, str]) -> Outcome:
    return Outcome(
        state=decision.state,
        reason=decision.reason,
        generation=lease.generation,
        key=decision.key,
        counts=decision.counts,
        delay=decision.delay,
        fields=fields,
        account_hold=decision.account_hold,
    )


def _known(answer: Answer, lease: Lease) -> dict[str, str]:
    """What Octopush told us, as the record keeps it. Nothing here can fail on an odd value: it is text already."""
    facts = {
        "ticket": answer.ticket,
        "cost": _sum([lease.earlier_cost, answer.cost]),
        "balance": answer.balance,
        "currency": answer.currency,
        "sending_date": answer.sending_date,
        "segments": None if lease.pending else answer.segments,
    }
    return {name: str(value) for name, value in facts.items() if value is not None}


def _prices(answer: Answer) -> dict[str, Decimal]:
    """What a segment to each country cost."""
    return {
        fate.country: fate.cost / fate.segments
        for fate in answer.outcomes
        if fate.country and fate.cost is not None and fate.segments
    }


def _sum(costs: Iterable[str | Decimal | None]) -> Decimal | None:
    known = [Decimal(cost) for cost in costs if cost]
    return sum(known, Decimal(0)) if known else None


def _fate(fate: Fate) -> dict[str, Any]:
    return {
        "state": fate.state,
        "country": fate.country,
        "cost": None if fate.cost is None else str(fate.cost),
        "segments": fate.segments,
        "error_code": fate.error_code,
    }


def _refused(code: str | None) -> dict[str, Any]:
    return {"state": "rejected", "country": None, "cost": None, "segments": None, "error_code": code}


def _had_already() -> dict[str, Any]:
    return {**_refused(None), "state": State.ACCEPTED.value}
