"""Redis' clock, as this process knows it between two answers of Redis. No wall clock of a worker decides anything.

1. An answer that says Redis' time is an anchor. From there on the time is the anchor's, and what the monotonic clock has
   run since.
2. After a minute Redis is asked again.
3. A machine can stand still (suspended, migrated), and Redis' clock can be set. So a claim says for which time its message
   was planned, and the script refuses it when that is not the time (`claim.lua`).

This machine's wall clock is read for one purpose: to say how far it is off.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import redis

from octoworker.store.scripts import guard

LASTS = 60.0
"""Seconds for which an anchor is good: a clock that is 100 ppm off, which is a bad one, has lost 6 ms by then."""

LOOKS = 5
"""Answers of which the quickest counts: what the network takes, not what else the machine does."""

PLAN_SLACK = timedelta(seconds=5)
"""That may pass between a plan and its claim. So long a busy machine may take, and no rule is finer."""


class Look(NamedTuple):
    """One look at both clocks."""

    answer: timedelta
    """The quickest answer of Redis."""
    drift: timedelta
    """How far this machine's wall clock is ahead of Redis'."""
    now: datetime
    """Redis' clock."""
    at: float
    """This process' monotonic clock then, in its own seconds."""


def look(client: redis.Redis, looks: int = LOOKS) -> Look:
    """The quickest of several answers, taken to be from the middle of its round trip. Redis' own errors come through."""
    return min(_look(client) for _ in range(looks))


def _look(client: redis.Redis) -> Look:
    began, here = time.monotonic(), time.time()
    seconds, microseconds = client.time()
    took = time.monotonic() - began
    middle = timedelta(seconds=took) / 2
    now = datetime.fromtimestamp(seconds, UTC) + timedelta(microseconds=microseconds)
    return Look(2 * middle, datetime.fromtimestamp(here, UTC) + middle - now, now, began + took / 2)


class RedisClock:
    """What time it is for Redis. Safe to share between threads, not over a fork."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client
        self._anchor: Look | None = None

    def now(self) -> datetime:
        """Redis is asked when it has not been for a minute. StoreError when it is out of reach then."""
        anchor = self._anchor
        if anchor is None or time.monotonic() - anchor.at > LASTS:
            anchor = self._asked(1)
        return _since(anchor)

    def forget(self) -> None:
        """What is known is wrong: whoever wants to know next asks Redis."""
        self._anchor = None

    def measured(self) -> timedelta:
        """By how much this machine's wall clock is ahead of Redis', from a careful look. StoreError: no Redis."""
        return self._asked(LOOKS).drift

    def stepped(self) -> timedelta:
        """By how much Redis' clock has jumped since it was last asked: below zero, back. What slow answers leave open is no
        jump. StoreError: no Redis."""
        before = self._anchor
        now = self._asked(1)
        step = now.now - _since(before, now.at) if before else timedelta()
        return step if before and abs(step) > before.answer + now.answer else timedelta()

    def ahead(self) -> timedelta:
        """The same from the last look, or from a first one."""
        return (self._anchor or self._asked(1)).drift

    def _asked(self, looks: int) -> Look:
        anchor: Look = guard(lambda: look(self._redis, looks))
        self._anchor = anchor
        return anchor


def _since(anchor: Look, at: float | None = None) -> datetime:
    """What time it is for Redis, `at` this instant of the monotonic clock, or now."""
    return anchor.now + timedelta(seconds=(time.monotonic() if at is None else at) - anchor.at)
