"""The inbox: what Octopush calls us with, from the receiver's answer to the worker that has processed it.

A stream with one consumer group. An entry leaves it in the very step that applies it, so that it is applied once and lost
by nobody; one that a worker took and did not finish is taken over by another.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Self

import redis

from octoworker.store import keys
from octoworker.store.scripts import Scripts, guard
from octoworker.store.units import span_ms

GROUP = "workers"
"""As lua/lib/inbox.lua has it."""

MOST = 100
"""Entries taken at once: they are applied in one round trip."""

IDLE_FOR = 3_600_000
"""ms after which a consumer that has nothing left is forgotten: a worker's name is new at each start."""


@dataclass(frozen=True)
class Arrival:
    """What is stored: a callback as JSON, or what is unreadable with its `reason`. `event_id` is its own for ever."""

    content: str = field(repr=False)
    event_id: str = ""
    kind: str = ""
    reason: str = ""
    opt_out: Mapping[str, Any] | None = None
    """Of a STOP: `hashes` of its number and its `entry`. It is in the list when it is stored."""

    def as_json(self) -> dict[str, Any]:
        if self.reason:
            return {"reason": self.reason, "content": self.content}
        known = {"opt_out": dict(self.opt_out)} if self.opt_out else {}
        return {"id": self.event_id, "kind": self.kind, "content": self.content, **known}

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Self:
        """Read what `as_json` wrote."""
        return cls(
            kept["content"], kept.get("id", ""), kept.get("kind", ""), kept.get("reason", ""), kept.get("opt_out")
        )


@dataclass(frozen=True)
class Entry:
    """One callback to process. `entry` is its id in the stream, which begins with ms of Redis' clock."""

    entry: str
    event_id: str
    content: str = field(repr=False)

    @property
    def arrived_ms(self) -> int:
        return int(self.entry.partition("-")[0])


class Inbox:
    """The inbox of one Redis. `lease`: how long what a worker took is its own."""

    def __init__(self, client: redis.Redis, scripts: Scripts, *, lease: timedelta) -> None:
        self._redis = client
        self._scripts = scripts
        self._lease = span_ms(lease)

    def put(self, arrivals: Sequence[Arrival]) -> None:
        """Store all of them, in one step. StoreError: none, as far as we know."""
        self._scripts.run("receive", [], [json.dumps([each.as_json() for each in arrivals])])

    def take(self, consumer: str, wait: float) -> list[Entry]:
        """The next entries, for this consumer alone; waits up to `wait` seconds for the first."""
        return self._of_group(lambda: self._next(consumer, wait))

    def take_over(self, consumer: str) -> list[Entry]:
        """Entries that another consumer took and did not finish."""
        return self._of_group(lambda: self._left_behind(consumer))

    def set_aside(self, entry: Entry, reason: str) -> None:
        """What nobody can process goes where an operator can see it."""
        self._scripts.run("set_aside", [], [entry.entry, reason, entry.content])

    def leave(self, consumer: str) -> None:
        """This consumer takes nothing any more. What it took and did not finish stays its own, to be taken over."""
        guard(lambda: self._forget(consumer, idle_for=0))

    def forget_idle(self) -> None:
        """Forget consumers of workers that have ended without a word."""
        guard(lambda: self._forget(None, idle_for=IDLE_FOR))

    def _of_group(self, ask: Any) -> list[Entry]:
        def asked() -> list[Entry]:
            try:
                return ask()  # type: ignore[no-any-return]
            except redis.ResponseError as error:
                if not str(error).startswith("NOGROUP"):
                    raise
                with contextlib.suppress(redis.ResponseError):  # another worker was faster
                    self._redis.xgroup_create(keys.INBOX, GROUP, id="0", mkstream=True)
                return ask()  # type: ignore[no-any-return]

        return guard(asked)  # type: ignore[no-any-return]

    def _next(self, consumer: str, wait: float) -> list[Entry]:
        block = max(1, round(wait * 1000)) if wait else None
        found: Any = self._redis.xreadgroup(GROUP, consumer, {keys.INBOX: ">"}, count=MOST, block=block)
        return [entry for _, entries in found or () for entry in _entries(entries)]

    def _left_behind(self, consumer: str) -> list[Entry]:
        _, entries, *_ = self._redis.xautoclaim(keys.INBOX, GROUP, consumer, self._lease, count=MOST)
        return _entries(entries)

    def _forget(self, only: str | None, *, idle_for: int) -> None:
        with contextlib.suppress(redis.ResponseError):  # there is no inbox yet
            for each in self._redis.xinfo_consumers(keys.INBOX, GROUP):
                mine = only in (None, each["name"])
                if mine and not each["pending"] and each["idle"] >= idle_for:
                    self._redis.xgroup_delconsumer(keys.INBOX, GROUP, each["name"])


def _entries(found: Sequence[Any]) -> list[Entry]:
    """One that was deleted meanwhile has no fields."""
    return [
        Entry(entry, fields.get("id", ""), fields.get("content", "")) for entry, fields in found if fields is not None
    ]
