"""How an instant is read: the one reader for messages, commands and web apps.

A time of the clock is an instant only where it exists, and where it exists once. In spring an hour is missing in most of
Europe, in autumn one comes twice.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from octoworker.sms import sizes

NO_INSTANT = "use ISO-8601 with an offset, epoch seconds, or an aware datetime."

NO_OFFSET = "add an offset, as in 2026-12-01T09:00:00+01:00: without one the time is not certain."

MISSING = "that time does not exist there, for the clocks go forward; choose another."


PAST_GRACE = timedelta(minutes=1)
"""An instant this far behind is a slow clock or a slow queue, not a mistake: it is now."""

BEYOND_EXPIRY = "choose a time before expires_at, or it could never be sent."


class InstantRefused(ValueError):  # noqa: N818 - reads as what it says
    """Why this is no instant, as a sentence without the value."""


def read(value: object) -> datetime:
    """An instant in UTC, from ISO-8601 with an offset, epoch seconds, or an aware datetime. Raises InstantRefused."""
    try:
        at = _as_datetime(value)
        if at.utcoffset() is None:
            raise InstantRefused(NO_OFFSET)
        instant = at.astimezone(UTC)
        exists = at.tzinfo is UTC or _on_the_wall(instant, at.tzinfo) == at.replace(tzinfo=None)
    except (ValueError, OverflowError, OSError) as error:
        raise (error if isinstance(error, InstantRefused) else InstantRefused(NO_INSTANT)) from None
    if not exists:
        raise InstantRefused(MISSING)
    return instant


def read_words(text: str) -> datetime:
    """An instant as a person types it: as `read` takes it, or `2026-12-01 09:00 Europe/Paris`. Raises InstantRefused."""
    words = text.strip()
    if len(words) > sizes.INSTANT:
        raise InstantRefused(NO_INSTANT)
    if _EPOCH.fullmatch(words):
        return read(float(words))
    found = _WITH_ZONE.fullmatch(words)
    return _in_zone(found[1], found[2]) if found else read(words)


_EPOCH = re.compile(r"[0-9]{10}(?:\.[0-9]+)?")
"""Seconds from 2001 on: `20261201` and `2026` are days."""
_WITH_ZONE = re.compile(r"(.+[0-9Z]) ([A-Za-z][A-Za-z_+\-0-9/]*)")


def _in_zone(written: str, name: str) -> datetime:
    try:
        at, zone = datetime.fromisoformat(written.strip()), ZoneInfo(name)
    except (ValueError, OSError, ZoneInfoNotFoundError):
        raise InstantRefused(NO_INSTANT) from None
    if at.tzinfo is not None:
        instant = read(at)
        if instant.astimezone(zone).utcoffset() != at.utcoffset():
            raise InstantRefused(f"its offset is not that of {name} then; leave one of the two out.")
        return instant
    first, second = at.replace(tzinfo=zone, fold=0), at.replace(tzinfo=zone, fold=1)
    instant = read(first)
    if second.utcoffset() != first.utcoffset():
        raise InstantRefused(
            f"that time comes twice in {name}, for the clocks go back; "
            f"add its offset: {first.isoformat(timespec='minutes')} or {second.isoformat(timespec='minutes')}."
        )
    return instant


def _on_the_wall(instant: datetime, zone: tzinfo | None) -> datetime:
    return instant.astimezone(zone).replace(tzinfo=None)


def _as_datetime(value: object) -> datetime:
    match value:
        case datetime():
            return value
        case str() if len(value) <= sizes.INSTANT:
            return datetime.fromisoformat(value)
        case int() | float() if not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC)
        case _:
            raise InstantRefused(NO_INSTANT)
