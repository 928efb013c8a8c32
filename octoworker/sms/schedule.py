"""When a message may go. Two ways for a later instant: held here until due, or handed over to Octopush now.

Marketing waits for the hours of its countries, at whatever instant it would go.

Handing over is final: what was handed over is out of our hands.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from octoworker.errors import PayloadError
from octoworker.sms import hours, instants
from octoworker.sms.message import Message
from octoworker.sms.recipient import calling_code, country_of

PAST = "send_at: the time had passed when the message came in; leave send_at out to send at once."

ECHO_TOLERANCE = 60
"""Seconds by which the echoed instant may differ before it is reported: Octopush rounds to minutes."""


@dataclass(frozen=True)
class Rules:
    """The settings that decide about time."""

    hold: bool
    refuse_past: bool
    max_ahead: timedelta
    windows: tuple[hours.Window, ...] = ()
    refuse_off_hours: bool = False


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


def plan(message: Message, rules: Rules, now: datetime) -> Plan:
    """Decide. Raises PayloadError when send_at lies too far ahead, or out of hours when that is refused."""
    asked = message.send_at
    if asked is not None and asked - now > rules.max_ahead:
        raise PayloadError([f"send_at: choose a time within the next {rules.max_ahead.days} days."])
    wanted = max(asked or now, now)
    at = hours.next_opening(_windows_of(message, rules.windows), wanted)
    if at != wanted and rules.refuse_off_hours:
        raise PayloadError(
            [f"send_at: marketing may not be sent then; the next time is {at.isoformat(timespec='minutes')}."]
        )
    refuse_before = asked + instants.PAST_GRACE if asked is not None and rules.refuse_past else None
    held = rules.hold if message.hold is None else message.hold
    if asked is not None and asked > now and not held:
        return Plan(hand_over_at=at, expires_at=message.expires_at, refuse_before=refuse_before)
    return Plan(
        hold_until=asked if held else None,
        expires_at=message.expires_at,
        refuse_before=refuse_before,
        closed_until=at if at != wanted else None,
    )


def _windows_of(message: Message, windows: tuple[hours.Window, ...]) -> tuple[hours.Window, ...]:
    """The hours that bind this message: those of each place it goes to, by the clock there."""
    if message.transactional or not windows:
        return ()
    return tuple(dict.fromkeys(each for number in message.recipients for each in _windows_at(number, windows)))


def _windows_at(number: str, windows: tuple[hours.Window, ...]) -> tuple[hours.Window, ...]:
    """The hours that bind a number: of its own country when the settings name them, else those of France overseas."""
    own = tuple(window for window in windows if number.startswith(calling_code(window.country)))
    if own or number.startswith("+33"):
        return own
    country = country_of(number)
    return tuple(window.in_place(country) for window in windows if window.country == "FR" and country in hours.OVERSEAS)


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
