"""Instants and spans as Redis and the scripts know them: whole milliseconds of its clock. Nobody outside the store sees one.

Redis takes milliseconds for a time to live and for a score; a float of seconds in a script would lose the last of them.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import overload

NO_TIME = timedelta()


@overload
def span_ms(span: timedelta) -> int: ...
@overload
def span_ms(span: None) -> None: ...
def span_ms(span: timedelta | None) -> int | None:
    """A span in milliseconds."""
    return None if span is None else round(span.total_seconds() * 1000)


def instant_ms(at: datetime | None) -> int | None:
    """An aware instant in milliseconds."""
    return None if at is None else round(at.timestamp() * 1000)


def span(milliseconds: float) -> timedelta:
    """A span of Redis' clock. None is negative: a clock that was set back has taken no time."""
    return timedelta(milliseconds=max(0, milliseconds))


def instant(milliseconds: float) -> datetime:
    """An instant of Redis' clock, in UTC."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
