"""When a message may go. Two ways for a later instant: held here until due, or handed over to Octopush now.

Handing over is final, because the legacy API knows no cancel. What was handed over is out of our hands.
Octopush's "timestamp GMT+1" is a plain Unix epoch: no client shifts it, and a live answer shows it (octopush-api.md, 3).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from octoworker.errors import PayloadError
from octoworker.message import Message

PAST_GRACE = timedelta(minutes=1)
"""A send_at this far behind is a slow clock or a slow queue, not a mistake: it goes at once."""

ECHO_TOLERANCE = 60
"""Seconds by which Octopush's echoed sending_date may differ before it is reported: it rounds to minutes."""


@dataclass(frozen=True)
class Rules:
    """The settings that decide about time."""

    hold: bool
    refuse_past: bool
    max_ahead: timedelta


@dataclass(frozen=True)
class Plan:
    """What was decided about time. `hold_until`: kept here; `hand_over_at`: Octopush keeps it; neither: at once."""

    hold_until: datetime | None = None
    hand_over_at: datetime | None = None
    expires_at: datetime | None = None
    refuse_before: datetime | None = None
    """A message first seen after this instant came too late. None: late ones go at once."""


def plan(message: Message, rules: Rules, now: datetime) -> Plan:
    """Decide. Raises PayloadError when send_at lies too far ahead."""
    if message.send_at is None:
        return Plan(expires_at=message.expires_at)
    if message.send_at - now > rules.max_ahead:
        raise PayloadError([f"send_at: choose a time within the next {rules.max_ahead.days} days."])
    held = rules.hold if message.hold is None else message.hold
    return Plan(
        hold_until=message.send_at if held else None,
        hand_over_at=None if held else message.send_at,
        expires_at=message.expires_at,
        refuse_before=message.send_at + PAST_GRACE if rules.refuse_past else None,
    )


def sending_date(at: datetime | None, now: datetime) -> int | None:
    """Octopush's `sending_date` for an instant: the Unix epoch, or None when it is already time."""
    return int(at.timestamp()) if at is not None and at > now else None


def echo_problem(asked: int | None, echoed: int | None) -> str:
    """A sentence when Octopush echoed another sending_date than we asked for, else ""."""
    if asked is None or echoed is None or abs(echoed - asked) <= ECHO_TOLERANCE:
        return ""
    return f"Octopush answered with a sending_date {echoed - asked:+d} s off the one asked for"
