"""What may go, and how fast: the limits of the account, all workers together. The scripts of the store decide by them.

1. Pace: so many segments a second. 2. Breaker: stop calling while Octopush does not answer. 3. Caps: stop what looks like
a loop or a fraud, before it is paid for.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from octoworker.sms.lanes import LANES
from octoworker.store.units import NO_TIME, instant_ms, span_ms

PARIS = ZoneInfo("Europe/Paris")
"""Days of spending are days of the account's country."""

MILLIONTHS = 1_000_000
"""Money is counted in whole millionths: Octopush's prices have four decimal places, sums must not drift."""

HASH_DIGITS = 24
"""Enough that no two numbers meet, in place of a number in the name of a key."""

MARKETING, TRANSACTIONAL = "marketing", "transactional"
PAUSABLE = ("all", *LANES, MARKETING)
"""What an operator can pause."""


@dataclass(frozen=True)
class Caps:
    """At most so many. 0: no cap. `money` in the account's currency a day, `countries` in segments a day."""

    hour: int = 0
    day: int = 0
    week: int = 0
    """Marketing alone."""
    same_text: timedelta = NO_TIME
    """For which a text goes once to a number."""
    countries: dict[str, int] = field(default_factory=dict)
    money: Decimal = Decimal(0)
    price: Decimal = Decimal(0)
    """What a segment is held to cost while no price is known at all."""
    refuse: bool = False

    @property
    def any(self) -> bool:
        return bool(self.hour or self.day or self.week or self.same_text or self.countries or self.money)

    def as_facts(self) -> dict[str, Any]:
        """As the scripts read them."""
        return {
            "hour": self.hour,
            "day": self.day,
            "week": self.week,
            "same": span_ms(self.same_text),
            "countries": self.countries,
            "money": millionths(self.money),
            "price": millionths(self.price),
            "refuse": self.refuse,
        }


@dataclass(frozen=True)
class Limits:
    """`rate` and `burst` in segments (a second); a `breaker_calls` of 0 switches the breaker off.

    `account` says whose they are: each has its own pace, hold, breaker, balance and prices.
    """

    rate: float = 0.0
    burst: float = 1.0
    breaker_calls: int = 0
    breaker_base: timedelta = timedelta(seconds=1)
    breaker_cap: timedelta = timedelta(seconds=60)
    breaker_ramp: timedelta = timedelta(seconds=10)
    low_balance: Decimal = Decimal(0)
    caps: Caps = field(default_factory=Caps)
    account: str = ""
    recalls_a_month: int = 0
    """Messages that the provider takes back; 0: nobody says."""
    campaign_pause_at: float = 0.0
    """Percent of the first 200 people of a campaign with their last word; when so many failed it pauses itself. 0: never."""

    @cached_property
    def as_text(self) -> str:
        """What the scripts read: what is on. Made once, and read anew by every claim and settle."""
        facts: dict[str, Any] = {"account": self.account}
        if self.rate:
            facts |= {"rate": self.rate, "burst": self.burst}
        if self.breaker_calls:
            facts |= {
                "breaker_calls": self.breaker_calls,
                "breaker_base": span_ms(self.breaker_base),
                "breaker_cap": span_ms(self.breaker_cap),
                "breaker_ramp": span_ms(self.breaker_ramp),
            }
        if self.low_balance:
            facts["low_balance"] = float(self.low_balance)
        if self.caps.any:
            facts["caps"] = self.caps.as_facts()
        return json.dumps(facts)


def millionths(money: Decimal) -> int:
    return int(money * MILLIONTHS)


def backlog_of(lane: str, *, marketing: bool) -> str:
    """The backlog in which flow control holds such a message back, as the scripts name it."""
    return f"{lane}:{MARKETING if marketing else TRANSACTIONAL}"


def day_of(now: datetime) -> str:
    """The day in Paris, as it stands in the name of a key."""
    return now.astimezone(PARIS).date().isoformat()


def cap_request_of(
    numbers: Mapping[str, str],
    text: str,
    segments: int,
    caps: Caps,
    now: datetime,
    *,
    surcharge: Decimal = Decimal(0),
) -> dict[str, Any]:
    """What the caps need to know of a message to these numbers (with their countries): no number and no text, but
    hashes of them. `segments` for each number; `surcharge`: what each costs beside them."""
    midnight = (now.astimezone(PARIS) + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    countries = Counter(numbers.values())
    return {
        "numbers": [_hash(number) for number in numbers],
        "texts": [_hash(number, text) for number in numbers] if caps.same_text else [],
        "countries": {country: count * segments for country, count in countries.items()},
        "tomorrow": instant_ms(midnight),
        **({"surcharge": millionths(surcharge) * len(numbers)} if surcharge else {}),
    }


def traces_of(number: str, text: str | None) -> list[str]:
    """What the caps keep of a number, and of a text that went to it: the ends of their keys."""
    return [f"to:{_hash(number)}", *([f"same:{_hash(number, text)}"] if text is not None else [])]


def _hash(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:HASH_DIGITS]
