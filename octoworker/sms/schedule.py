"""When a message may go. Two ways for a later instant: held here until due, or handed over to Octopush now.

Marketing waits for the hours of its countries, at whatever instant it would go.

Handing over is final: what was handed over is out of our hands.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from octoworker.errors import PayloadError
from octoworker.sms import instants
from octoworker.sms.hours import Hours, Window, next_opening
from octoworker.sms.message import Message
from octoworker.sms.recipient import country_of

PAST = "send_at: the time had passed when the message came in; leave send_at out to send at once."

ECHO_TOLERANCE = 60
"""Seconds by which the echoed instant may differ before it is reported: Octopush rounds to minutes."""


@dataclass(frozen=True)
class Rules:
    """The settings that decide about time."""

    hold: bool
    refuse_past: bool
    max_ahead: timedelta
    hours: Hours | None = None
    """None: at any hour."""


@dataclass(frozen=True)
class Plan:
    """What was decided about time. `hold_until`: kept here; `hand_over_at`: Octopush keeps it; neither: at once."""

    hold_until: datetime | None = None
    hand_over_at: datetime | None = None
    expires_at: datetime | None = None
    refuse_before: datetime | None = None
    """A message first seen after this instant came too late. None: late ones go at once."""
    closed_until: datetime | None = None
    """Marketing out of hours: kept here until they open. Not asked again of what may have been sent already."""
    opens_at: Mapping[str, datetime] = field(default_factory=dict)
    """Marketing: the first instant, from the one asked for on, at which it may be sent to each of its countries that has
    hours."""
    out_of_hours: tuple[str, ...] = ()
    """Countries to which it goes although their hours are closed: the settings only warn of that."""
    differs: bool = False
    """Whether its countries open at different times, so that some of its people would wait for the others."""


def plan(message: Message, rules: Rules, now: datetime) -> Plan:
    """Decide. Raises PayloadError when send_at lies too far ahead, or out of hours when that is refused."""
    asked = message.send_at
    if asked is not None and asked - now > rules.max_ahead:
        raise PayloadError([f"send_at: choose a time within the next {rules.max_ahead.days} days."])
    wanted = max(asked or now, now)
    windows = _windows(message, rules.hours)
    closed = {country: window for country, window in windows.items() if window.next_opening(wanted) != wanted}
    at = next_opening((each for each in windows.values() if each.does != "warn"), wanted)
    if any(window.does == "refuse" for window in closed.values()):
        raise PayloadError(
            [f"send_at: marketing may not be sent then; the next time is {at.isoformat(timespec='minutes')}."]
        )
    opens_at = {
        country: wanted if each.does == "warn" else each.next_opening(wanted) for country, each in windows.items()
    }
    differs = len({opens_at.get(country, wanted) for country in map(country_of, message.recipients)}) > 1
    out_of_hours = tuple(country for country, window in closed.items() if window.does == "warn")
    refuse_before = asked + instants.PAST_GRACE if asked is not None and rules.refuse_past else None
    held = rules.hold if message.hold is None else message.hold
    if asked is not None and asked > now and not held:
        return Plan(
            hand_over_at=at,
            expires_at=message.expires_at,
            refuse_before=refuse_before,
            opens_at=opens_at,
            out_of_hours=out_of_hours,
            differs=differs,
        )
    return Plan(
        hold_until=asked if held else None,
        expires_at=message.expires_at,
        refuse_before=refuse_before,
        closed_until=at if at != wanted else None,
        opens_at=opens_at,
        out_of_hours=out_of_hours,
        differs=differs,
    )


def _windows(message: Message, hours: Hours | None) -> dict[str, Window]:
    """The hours that bind this message: those of each country it goes to, by the clock there."""
    if message.transactional or hours is None or hours.off:
        return {}
    found = {country: hours.of(country) for country in dict.fromkeys(map(country_of, message.recipients))}
    return {country: window for country, window in found.items() if window}


def still_ahead(at: datetime | None, now: datetime) -> datetime | None:
    """The instant to hand a message over for, or None when it is already time."""
    return at if at is not None and at > now else None


def echo_problem(asked: datetime | None, echoed: datetime | None) -> str:
    """A sentence when the provider echoed another instant than we asked for, else "". None: not asked, or no echo."""
    if asked is None or echoed is None:
        return ""
    off = int(echoed.timestamp()) - int(asked.timestamp())
    return (
        f"Octopush answered with a sending_date {off:+d} s off the one asked for" if abs(off) > ECHO_TOLERANCE else ""
    )
