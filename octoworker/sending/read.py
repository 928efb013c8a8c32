"""A job becomes a message that can be sent: its envelope is read, its arguments are checked, its time is planned.

Neither Redis nor the provider is asked. What cannot be sent is a PayloadError with every reason.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from octoworker.errors import PayloadError
from octoworker.sending.rules import Rules
from octoworker.sms import identity, jobs, lanes, message, opt_outs, recipient, schedule, sizes, terms
from octoworker.sms.arguments import kept
from octoworker.sms.destinations.remarks import by_country, judge
from octoworker.sms.recipient import country_of
from octoworker.store import ClaimRequest, StoredRequest, limits

ENVELOPE = frozenset({"message_id", "version", "published_at", "incarnation"})
"""What a job carries beside the message itself."""

MOST_MS = 2**53
"""Milliseconds that a script can count exactly; a larger number is no instant of ours."""


@dataclass(frozen=True)
class PreparedMessage:
    """A message that can be sent, read and planned. Its claim began at `claimed_at` (monotonic) or later."""

    job: ClaimRequest
    sms: message.Message = field(repr=False)
    plan: schedule.Plan
    claimed_at: float
    headers: Mapping[str, Any] = field(default_factory=dict)
    """What its job carried beside Celery's own headers, as a trace's context."""


def request_of(
    arguments: Mapping[str, Any], job_id: str, taken: StoredRequest | None = None, asked_by: str = ""
) -> ClaimRequest:
    """Which message a job is about, before anybody has looked whether it can be sent.

    `taken`: what its record says already, when the job came by its id alone. `asked_by`: the web request that the job's
    headers name.
    """
    wanted = _message_in(arguments)
    small = {} if taken else kept(jobs.jsonable(wanted))
    given = arguments.get("message_id")
    published_at, incarnation = arguments.get("published_at"), arguments.get("incarnation")
    return ClaimRequest(
        message_id=str(given) if identity.is_message_id(given) else identity.message_id_of(wanted, job_id),
        fingerprint=taken.fingerprint if taken else identity.fingerprint(small),
        lane=lanes.known_lane(lanes.lane_of(wanted)),
        # What cannot be JSON came in as JSON, so it can go back.
        payload=taken.payload if taken else json.dumps(small),
        ours=identity.is_message_id(given),
        job_id=job_id,
        published_at=published_at if type(published_at) is int and 0 < published_at < MOST_MS else None,
        correlation=asked_by,
        incarnation=taken.incarnation if taken else identity.incarnation(incarnation),
    )


def prepared(request: ClaimRequest, arguments: Mapping[str, Any], rules: Rules, now: datetime) -> PreparedMessage:
    """The message, ready for its claim. PayloadError: it can never be sent. `now` is Redis' time."""
    # A newer producer may mean by an argument something that this worker cannot know.
    if arguments.get("version", jobs.VERSION) != jobs.VERSION:
        raise PayloadError(["version: this worker does not know this version of the job; update the workers first."])
    sms = message.parse(_message_in(arguments), rules.payload)
    plan = schedule.plan(sms, rules.time, now)
    return PreparedMessage(_planned(request, sms, plan, rules, now), sms, plan, time.monotonic())


def _message_in(arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in arguments.items() if name not in ENVELOPE}


def _planned(job: ClaimRequest, sms: message.Message, plan: schedule.Plan, rules: Rules, now: datetime) -> ClaimRequest:
    number_keys = rules.number_keys
    judged = judge(sms, rules.choices, out_of_hours=plan.out_of_hours)
    return replace(
        job,
        lane=sms.lane,
        segments=sms.segments * len(sms.recipients),
        hold_until=plan.hold_until,
        closed_until=plan.closed_until,
        refuse_before=plan.refuse_before,
        expires_at=plan.expires_at,
        deliver_at=plan.hand_over_at,
        planned_at=now,
        past_reason=schedule.PAST,
        marketing=not sms.transactional,
        day=limits.day_of(now),
        cap_request=cap_request(sms, rules, now, sms.recipients),
        readers=_readers(sms, rules, sms.recipients),
        refused={number: each.reason for number, each in judged.refused.items()},
        parts=_parts(job, sms, plan) if plan.differs and not sms.transactional else (),
        unread={name: {"state": "rejected", "reason": why} for name, why in sms.refused.items()}
        if plan.differs
        else None,
        refusal=" ".join(map(str, judged.refusals)),
        remarks=[each.as_json() for each in judged.remarks],
        opt_outs={number: opt_outs.hashes(number, number_keys) for number in sms.recipients},
        found_by=terms.of_message(
            (*sms.recipients, *_numbers(list(sms.refused), rules)) if sms.refused else sms.recipients,
            sms.reference,
            number_keys,
            unread=bool(sms.refused),
        ),
    )


def found_by(job: ClaimRequest, rules: Rules) -> list[str]:
    """What a message is found by that cannot be sent: whatever numbers can be read in it."""
    asked = json.loads(job.payload)
    if not isinstance(asked, dict):
        return []
    return terms.of_message(_numbers(asked.get("recipients"), rules), asked.get("reference"), rules.number_keys)


def _numbers(written: object, rules: Rules) -> tuple[str, ...]:
    """What stands there in place of numbers, as a person would look for it."""
    listed = written if isinstance(written, list) else [written]
    read = (
        recipient.known(each[: sizes.NUMBER], rules.payload.region)
        for each in listed[: sizes.LIST]
        if isinstance(each, str)
    )
    return tuple(f"+{each}" for each in read if each)


def _parts(job: ClaimRequest, sms: message.Message, plan: schedule.Plan) -> list[dict[str, Any]]:
    """The message to each of its countries, as a message of its own. What was due is due: its time is not asked again."""
    stale = {"idempotency_key", *(() if plan.hand_over_at else ("send_at", "hold"))}
    wanted = {name: value for name, value in json.loads(job.payload).items() if name not in stale}
    parts = []
    for country, numbers in by_country(sms.recipients).items():
        form = {**wanted, "recipients": numbers}
        parts.append(
            {
                "country": country,
                "id": identity.part_id(job.message_id, country),
                "payload": json.dumps(form),
                "fingerprint": identity.fingerprint(form),
                "people": len(numbers),
            }
        )
    return parts


def cap_request(sms: message.Message, rules: Rules, now: datetime, recipients: Sequence[str]) -> dict[str, Any] | None:
    """What the caps need to know of this message to some of its recipients; None when there are no caps."""
    caps = rules.caps
    if not caps.any:
        return None
    numbers = {number: country_of(number) for number in recipients}
    asked = limits.cap_request_of(numbers, sms.text, sms.segments, caps, now, surcharge=sms.surcharge)
    return {**asked, "readers": list(_readers(sms, rules, recipients).values())}


def _readers(sms: message.Message, rules: Rules, recipients: Sequence[str]) -> dict[str, list[str]]:
    """Who is counted in the weekly cap of marketing, and under which hashes."""
    if sms.transactional or not rules.caps.week:
        return {}
    return {number: opt_outs.hashes(number, rules.number_keys, opt_outs.FREQUENCY) for number in recipients}
