"""The inbox: what Octopush calls us with, from the receiver's answer to the worker that has processed it.

A stream with one consumer group. An entry leaves it in the very step that applies it, so that it is applied once and lost
by nobody; one that a worker took and did not finish is taken over by another.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Self

import redis

from octoworker.store import keys
from octoworker.store.scripts import Scripts, guard
from octoworker.store.streams import Entry, Stream
from octoworker.store.units import instant

GROUP = "workers"
"""As lua/lib/inbox.lua has it."""


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


class Inbox(Stream):
    """The inbox of one Redis."""

    def __init__(self, client: redis.Redis, scripts: Scripts, *, lease: timedelta) -> None:
        super().__init__(client, keys.INBOX, GROUP, lease=lease)
        self._scripts = scripts

    def put(self, arrivals: Sequence[Arrival]) -> None:
        """Store all of them, in one step. StoreError: none, as far as we know."""
        self._scripts.run("receive", [], [json.dumps([each.as_json() for each in arrivals])])

    def last_at(self) -> datetime | None:
        """When the last call came that is to be processed, or was; None: none ever."""

        def ask() -> str:
            try:
                return str(self._redis.xinfo_stream(keys.INBOX)["last-generated-id"])
            except redis.ResponseError as error:
                if "no such key" not in str(error):
                    raise
                return ""

        milliseconds = int(guard(ask).partition("-")[0] or 0)
        return instant(milliseconds) if milliseconds else None

    def set_aside(self, entry: Entry, reason: str) -> None:
        """What nobody can process goes where an operator can see it."""
        self._scripts.run("set_aside", [], [entry.entry, reason, entry.content])
