"""A stream that several processes work together: each entry is taken by one of them, and by another when that one dies."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import redis

from octoworker.store.scripts import guard
from octoworker.store.units import instant, span_ms

MOST = 100
"""Entries taken at once: they are processed in one round trip."""

IDLE_FOR = 3_600_000
"""ms after which a consumer that has nothing left is forgotten: a worker's name is new at each start."""


@dataclass(frozen=True)
class Entry:
    """One entry to process. `entry` is its id in the stream, which begins with ms of Redis' clock."""

    entry: str
    event_id: str
    content: str = field(repr=False)

    @property
    def arrived(self) -> datetime:
        """By Redis' clock."""
        return instant(int(self.entry.partition("-")[0]))


class Stream:
    """One stream and its group. `lease`: how long what a consumer took is its own."""

    def __init__(self, client: redis.Redis, key: str, group: str, *, lease: timedelta) -> None:
        self._redis = client
        self._key, self._group = key, group
        self._lease = span_ms(lease)

    def take(self, consumer: str, wait: float) -> list[Entry]:
        """The next entries, for this consumer alone; waits up to `wait` seconds for the first."""
        return self._asked(lambda: self._next(consumer, wait))

    def take_over(self, consumer: str) -> list[Entry]:
        """Entries that another consumer took and did not finish."""
        return self._asked(lambda: self._left_behind(consumer))

    def done(self, entries: Sequence[Entry]) -> None:
        """They are processed, and gone."""

        def drop() -> None:
            ids = [each.entry for each in entries]
            with self._redis.pipeline(transaction=True) as pipe:
                pipe.xack(self._key, self._group, *ids)
                pipe.xdel(self._key, *ids)
                pipe.execute()

        if entries:
            guard(drop)

    def leave(self, consumer: str) -> None:
        """This consumer takes nothing any more. What it took and did not finish stays its own, to be taken over."""
        guard(lambda: self._forget(consumer, idle_for=0))

    def forget_idle(self) -> None:
        """Forget consumers of workers that have ended without a word."""
        guard(lambda: self._forget(None, idle_for=IDLE_FOR))

    def _asked(self, ask: Callable[[], list[Entry]]) -> list[Entry]:
        def asked() -> list[Entry]:
            try:
                return ask()
            except redis.ResponseError as error:
                if not str(error).startswith("NOGROUP"):
                    raise
                with contextlib.suppress(redis.ResponseError):  # another worker was faster
                    self._redis.xgroup_create(self._key, self._group, id="0", mkstream=True)
                return ask()

        return guard(asked)  # type: ignore[no-any-return]

    def _next(self, consumer: str, wait: float) -> list[Entry]:
        block = max(1, round(wait * 1000)) if wait else None
        found: Any = self._redis.xreadgroup(self._group, consumer, {self._key: ">"}, count=MOST, block=block)
        return [entry for _, entries in found or () for entry in _entries(entries)]

    def _left_behind(self, consumer: str) -> list[Entry]:
        _, entries, *_ = self._redis.xautoclaim(self._key, self._group, consumer, self._lease, count=MOST)
        return _entries(entries)

    def _forget(self, only: str | None, *, idle_for: int) -> None:
        with contextlib.suppress(redis.ResponseError):  # there is no stream yet
            for each in self._redis.xinfo_consumers(self._key, self._group):
                mine = only in (None, each["name"])
                if mine and not each["pending"] and each["idle"] >= idle_for:
                    self._redis.xgroup_delconsumer(self._key, self._group, each["name"])


def _entries(found: Sequence[Any]) -> list[Entry]:
    """One that was deleted meanwhile has no fields."""
    return [
        Entry(entry, fields.get("id", ""), fields.get("content", "")) for entry, fields in found if fields is not None
    ]
