"""What an answer, or the lack of one, means for the record. Pure: the attempt and its answer in, what to write out.

One message may take several submits: recipients that were refused only for now go again, alone, under the next key.
So results are merged with those of earlier submits, and a message that reached anybody ends as accepted.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal

from octoworker.errors import BusyError, GatewayError, Kind, MaybeSentError, UnreachableError
from octoworker.gateway import Answer, RecallRules, RecipientResult, Submit
from octoworker.sending import retry
from octoworker.sending.retry import Decision
from octoworker.sms import schedule
from octoworker.sms.recipient import country_of
from octoworker.sms.record import State
from octoworker.store import Lease, Outcome

REACHED = frozenset({State.ACCEPTED, State.DELIVERED, State.UNDELIVERED})
"""What a recipient is once the provider took the SMS to them."""

GIVEN_UP = frozenset({State.REJECTED, State.DEAD})
"""What a message is of which nothing more will be tried, and nothing was sent by the last call."""

FAULTS = (UnreachableError, BusyError, MaybeSentError)
"""Failures that may meet any message: they speak of the provider, or of the way there. A refusal is an answer."""

NOT_CONFIRMED = "0"
"""In the record of a message that the provider says it had: no answer of the call that sent it was seen."""

Results = Mapping[str, RecipientResult]
"""By recipient."""


@dataclass(frozen=True)
class Attempt:
    """One submit, with all that its outcome depends on beside the answer. `chance` is drawn from [0, 1)."""

    order: Submit
    lease: Lease
    backlog: str
    """Where the message waits when the account is refused."""
    day: str
    policy: retry.Policy
    chance: float
    uncount: Callable[[Sequence[str]], Mapping[str, Any] | None] = field(default=lambda _: None, repr=False)
    """What the caps counted of these recipients; None: nothing."""
    opt_outs: Mapping[str, Sequence[str]] | None = field(default=None, repr=False)
    """Of marketing: the hashes of each recipient."""
    recall: RecallRules | None = None
    """What the provider can be asked to take back."""
    refused: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Who was listed and could not be read, with the reason: no call is made for them."""

    @property
    def facts(self) -> retry.Facts:
        """What the record knew when it was claimed."""
        lease = self.lease
        return retry.Facts(lease.attempts, lease.age, lease.key_used_before, lease.key_doubtful, lease.unknown_for)

    @property
    def earlier(self) -> dict[str, RecipientResult]:
        """What became of recipients before this submit: they had theirs earlier, or were no number."""
        unread = {each: RecipientResult(each, "rejected", reason=reason) for each, reason in self.refused.items()}
        before = {number: RecipientResult.from_json(number, entry) for number, entry in self.lease.earlier.items()}
        return {**unread, **before}


def of_failure(error: GatewayError, attempt: Attempt) -> Outcome:
    """The submit did not end in "accepted"."""
    decision = retry.decide(error, attempt.facts, attempt.policy, attempt.chance)
    earlier, asked = attempt.earlier, attempt.lease.pending or attempt.order.recipients
    results: dict[str, RecipientResult] = {}
    if decision.state is State.ACCEPTED:
        # The provider had this very call before, which was for these.
        results = {number: RecipientResult(number, "accepted", confirmed=decision.confirmed) for number in asked}
    elif decision.state in GIVEN_UP and _anybody(earlier):
        # Somebody has the message already: it was sent, and only the rest of it is given up.
        results = {number: RecipientResult(number, "rejected", code=error.code) for number in asked}
        reason = f"accepted for some recipients only: {decision.reason}"
        decision = Decision(State.ACCEPTED, reason, code=decision.code)
    fields = {
        "error_code": decision.code or "",
        **_held_for_good(_no_recall(None, attempt) if decision.state is State.ACCEPTED else ""),
        **({} if decision.confirmed else {"confirmed": NOT_CONFIRMED}),
    }
    if results:
        fields |= _kept({**earlier, **results}, pending=())
    elif attempt.refused and decision.delay is None:
        fields["outcomes"] = _kept(earlier, pending=())["outcomes"]
    return _outcome(attempt, decision, fields, "fault" if isinstance(error, FAULTS) else "ok")


def of_answer(answer: Answer, attempt: Attempt) -> Outcome:
    """The provider took the call. It may still have refused recipients, some of them only for now."""
    later = [result for result in answer.results if _only_for_now(result)]
    for_good = [result.recipient for result in answer.results if result.state == "rejected" and result not in later]
    decision = _of_the_rest(later, answer, attempt) if later else _as_asked(answer, attempt)
    again = dict.fromkeys(result.recipient for result in later) if decision.delay is not None else {}
    results = {result.recipient: result.waiting() if result.recipient in again else result for result in answer.results}
    everybody = {**attempt.earlier, **results}
    if not again and not _anybody(everybody):
        decision = _nobody(answer, decision)
    fields = {
        **_reply(answer, attempt.lease),
        **_kept(everybody, pending=again),
        "error_code": decision.code or answer.code,
        **_held_for_good(_no_recall(answer, attempt)),
    }
    found = _outcome(attempt, decision, fields, "ok", answer)
    somebody = for_good and decision.state not in GIVEN_UP
    return replace(found, unsent=attempt.uncount(for_good)) if somebody else found


def _outcome(
    attempt: Attempt,
    decision: Decision,
    fields: Mapping[str, str],
    health: Literal["ok", "fault"],
    answer: Answer | None = None,
) -> Outcome:
    hold, send_at = decision.hold, attempt.order.send_at
    return Outcome(
        state=decision.state,
        reason=decision.reason,
        generation=attempt.lease.generation,
        key=decision.key,
        counts=decision.counts,
        delay=decision.delay,
        fields=fields,
        health=health,
        account_hold=hold.code if hold else None,
        mended_by_credit=hold is not None and hold.mended_by_credit,
        # Without a delay no machine acts on it again: then it waits for an operator, and not in the backlog.
        backlog=attempt.backlog if hold and decision.delay is not None else None,
        deliver_at=send_at,
        recall_until=_recall_until(answer, attempt) if decision.state is State.ACCEPTED else None,
        opt_outs=attempt.opt_outs if decision.state is State.ACCEPTED and send_at and attempt.recall else None,
        day=attempt.day,
        spent=(answer and answer.cost) or Decimal(0),
        # What answers cost beside the segments would be taken for the price of a segment.
        prices=_prices(answer) if answer and not attempt.order.with_replies else {},
    )


def _no_recall(answer: Answer | None, attempt: Attempt) -> str:
    """Why what the provider holds for later cannot be taken back; "" when it can, or when it is held by nobody."""
    rules = attempt.recall
    if attempt.order.send_at is None:
        return ""
    if rules is None:
        return "whose API knows no cancel"
    if answer is None or not answer.ticket:
        return "whose ticket for it is not known"
    if _anybody(attempt.earlier):
        return "in more than one call"
    return "" if len(answer.results) <= rules.max_recipients else f"which does not cancel it: {rules.limits}"


def _recall_until(answer: Answer | None, attempt: Attempt) -> datetime | None:
    """Until when the provider can be asked to take it back."""
    rules, send_at = attempt.recall, attempt.order.send_at
    return None if rules is None or send_at is None or _no_recall(answer, attempt) else send_at - rules.notice


def _held_for_good(why: str) -> dict[str, str]:
    return {"no_recall": why} if why else {}


def _only_for_now(result: RecipientResult) -> bool:
    return result.state == "rejected" and result.kind is Kind.TRANSIENT


def _as_asked(answer: Answer, attempt: Attempt) -> Decision:
    """Nobody has to be sent to again."""
    remarks = (schedule.echo_problem(attempt.order.send_at, answer.send_at), answer.remark)
    return Decision(State.ACCEPTED, "; ".join(filter(None, remarks)))


def _of_the_rest(later: list[RecipientResult], answer: Answer, attempt: Attempt) -> Decision:
    """Wait for those recipients, or give them up when the message is too old."""
    facts, policy = attempt.facts, attempt.policy
    delay = retry.pause(facts, policy, attempt.chance)
    reason = f"{len(later)} of {len(answer.results)} recipients refused for now: {later[0].reason}"
    if over := retry.spent(facts, policy):
        return Decision(State.ACCEPTED, f"{reason} ({over})")
    # The next key: with this one, the provider would take the rest for a repeat of the whole.
    return Decision(State.WAITING, reason, delay, "next", code=later[0].code)


def _nobody(answer: Answer, decision: Decision) -> Decision:
    """The provider took the call and refused every recipient: nothing was sent."""
    refusal = next((result for result in answer.results if result.code), answer.results[0])
    if decision.reason and refusal.kind is Kind.TRANSIENT:
        return Decision(State.DEAD, decision.reason, key="next", code=refusal.code)
    return Decision(State.REJECTED, f"no recipient was accepted: {refusal.reason}", key="next", code=refusal.code)


def _anybody(results: Results) -> bool:
    return any(result.state in REACHED for result in results.values())


def _kept(results: Results, *, pending: Iterable[str]) -> dict[str, str]:
    """The results as the record keeps them, and the recipients that are still to be sent to."""
    open_ = list(pending)
    outcomes = {number: _short(result.as_json()) for number, result in results.items()}
    return {"outcomes": _COMPACT.encode(outcomes), "pending": json.dumps(open_) if open_ else ""}


_COMPACT = json.JSONEncoder(separators=(",", ":"))
"""Made once: `json.dumps` makes one anew for each text without spaces."""


def _short(outcome: dict[str, Any]) -> dict[str, Any]:
    """Without the code of a recipient who has none; `Record` shows it as None."""
    if outcome["error_code"] is None:
        del outcome["error_code"]
    return outcome


def _reply(answer: Answer, lease: Lease) -> dict[str, str]:
    """What the provider said, as the record keeps it. Nothing here can fail on an odd value: it was read before."""
    facts = {
        "ticket": answer.ticket,
        "cost": _sum([lease.earlier_cost, answer.cost]),
        "balance": answer.balance,
        "currency": answer.currency,
        "sending_date": None if answer.send_at is None else int(answer.send_at.timestamp()),
        # Of a call for the rest this would be the segments of the rest.
        "segments": None if lease.pending else answer.segments,
    }
    return {name: str(value) for name, value in facts.items() if value is not None}


def _prices(answer: Answer) -> dict[str, Decimal]:
    """What a segment to each country cost, where the provider says it; of one country that is also what the call cost."""
    known = {
        result.country: result.cost / result.segments
        for result in answer.results
        if result.country and result.cost is not None and result.segments
    }
    if known or answer.cost is None or not answer.segments or any(result.country for result in answer.results):
        return known
    countries = {country_of(result.recipient) for result in answer.results}
    return dict.fromkeys(countries, answer.cost / answer.segments) if len(countries) == 1 else {}


def _sum(costs: Iterable[str | Decimal | None]) -> Decimal | None:
    known = [Decimal(cost) for cost in costs if cost]
    return sum(known, Decimal(0)) if known else None
