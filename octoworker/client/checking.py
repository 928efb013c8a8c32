"""`octoworker.check`: what would become of a message, said at once. Nothing is sent, and Redis is not asked.

The arguments are read as `enqueue` reads them and then as a worker reads them, by the same functions and the same settings
as far as this process has them in its environment. Loaded at its first use: whoever checks nothing pays nothing for it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Literal, Unpack

from octoworker.client.client import check_names
from octoworker.config import Settings
from octoworker.errors import PayloadError
from octoworker.sms import encoding, message, schedule
from octoworker.sms.arguments import plain_arguments
from octoworker.sms.destinations.remarks import judge
from octoworker.sms.recipient import country_of
from octoworker.sms.shapes import LaneName, SmsArguments, SmsType


@dataclass(frozen=True)
class Check:
    """What would become of a message. It is true when somebody would get it; its `repr` shows no number and no text."""

    problems: tuple[str, ...] = ()
    """Why nobody would get it: a sentence for each argument that is wrong."""
    error_code: str | None = None
    """The code with which Octopush itself would refuse it, where it would."""
    warnings: tuple[str, ...] = ()
    """What may be a mistake, though it can be sent."""
    recipients: tuple[str, ...] = field(default=(), repr=False)
    """Who would get it, in E.164, each once."""
    left_out: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Who would not, as written, and why."""
    sms_type: SmsType | None = None
    """What a segment is billed as: FR (premium), XXX (low cost), WWW (world)."""
    lane: LaneName | None = None
    alphabet: Literal["gsm7", "ucs2"] | None = None
    """The alphabet in which it is counted. In ucs2 a segment has room for 70 characters and not for 160."""
    segments: int = 0
    """Billed segments for each recipient."""
    parts: tuple[str, ...] = field(default=(), repr=False)
    """The text of each segment, as the handset is expected to show it."""
    segments_without: int = 0
    """Segments that would be left if `advice` were followed."""
    advice: tuple[str, ...] = ()
    """Which signs make it dearer, and what to write in their place."""
    countries: Mapping[str, int] = field(default_factory=dict)
    """Segments to each country, by its ISO code."""
    cost: Decimal | None = None
    """By OCTOWORKER_CAP_PRICE, in the account's currency; None without it: only Octopush's answers name prices."""
    how: Literal["now", "held", "handed over"] = "now"
    """At once; kept here until `at`; or kept by Octopush until `at`, where it cannot be cancelled."""
    at: datetime | None = None
    """When it would go; None: at once."""
    may_go_at: Mapping[str, datetime] = field(default_factory=dict)
    """Marketing: the earliest instant, not before `send_at`, at which it may be sent to each country that has hours."""

    def __bool__(self) -> bool:
        return not self.problems


def check(**message: Unpack[SmsArguments]) -> Check:
    """Say what would become of this message: the arguments are those of `enqueue`. Nothing is sent, no Redis is needed.

    What is wrong stands in `problems`; TypeError as from `enqueue` for a wrong name or type. SettingsError: a setting
    cannot be read. Hours and times are reckoned by this machine's clock. What only a record or a worker knows, no check
    can say: opt-outs, caps, whether the key is taken, an account on hold.
    """
    check_names(message)
    settings = Settings.load()
    return of(message, settings, datetime.now(UTC))


def of(arguments: Mapping[str, object], settings: Settings, now: datetime) -> Check:
    """The same by these settings, at this instant."""
    try:
        sms = message.parse(plain_arguments(arguments), settings.policy)
        plan = schedule.plan(sms, settings.time_rules, now)
    except PayloadError as error:
        return Check(problems=error.problems, error_code=error.error_code)
    if plan.refuse_before and plan.refuse_before < now:
        return Check(problems=(schedule.PAST,))
    judged = judge(sms, settings.destinations.choices, out_of_hours=plan.out_of_hours)
    if len(judged.refused) == len(sms.recipients):
        return Check(problems=tuple(f"recipients: {each}" for each in judged.refusals))
    how, at = when(plan, now)
    found, dearer = encoding.measure(sms.text), encoding.unicode_cost(sms.text)
    countries = Counter[str]()
    recipients = tuple(number for number in sms.recipients if number not in judged.refused)
    for number in recipients:
        countries[country_of(number)] += found.segments
    return Check(
        warnings=(*sms.warnings, *(each.counted for each in judged.warnings)),
        recipients=recipients,
        left_out=MappingProxyType({**sms.refused, **{number: str(each) for number, each in judged.refused.items()}}),
        sms_type=sms.sms_type,
        lane=sms.lane,
        alphabet=found.alphabet,
        segments=found.segments,
        parts=encoding.parts(sms.text),
        segments_without=dearer.without if dearer else found.segments,
        advice=tuple(each.advice for each in dearer.signs) if dearer else (),
        countries=MappingProxyType(dict(countries)),
        cost=settings.caps.price * countries.total() + sms.surcharge * len(sms.recipients)
        if settings.caps.price
        else None,
        how=how,
        at=at,
        may_go_at=MappingProxyType(dict(plan.opens_at)),
    )


def when(plan: schedule.Plan, now: datetime) -> tuple[Literal["now", "held", "handed over"], datetime | None]:
    """How and when a message goes by this plan."""
    held = max((at for at in (plan.hold_until, plan.closed_until) if at), default=None)
    if held and held > now:
        return "held", held
    if plan.hand_over_at and plan.hand_over_at > now:
        return "handed over", plan.hand_over_at
    return "now", None
