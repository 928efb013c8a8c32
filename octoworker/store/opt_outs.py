"""The list of opt-outs in Redis: who wants no more SMS, as keyed hashes. No number stands in it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Self, get_args

import redis

from octoworker.sms.opt_outs import DIGITS, Scope, Source
from octoworker.sms.record import END_MS
from octoworker.store import audit, keys
from octoworker.store.scripts import Scripts, guard
from octoworker.store.units import instant, instant_ms, span_ms

SLICE = 1000

EXPORTED = ("hash", "source", "scope", "ticket", "since")
SOURCES, SCOPES = frozenset(get_args(Source)), frozenset(get_args(Scope))

_HASH = re.compile(rf"[0-9a-f]{{{DIGITS}}}")
_TICKET = re.compile(r"[0-9A-Za-z_\-]{0,64}")


@dataclass(frozen=True)
class OptOut:
    """One entry. `since` by Redis' clock, None: from now on."""

    source: Source
    scope: Scope = "marketing"
    ticket: str = ""
    since: datetime | None = None

    @classmethod
    def from_json(cls, text: str) -> Self:
        entry = json.loads(text)
        return cls(entry["source"], entry["scope"], entry.get("ticket") or "", _since(entry.get("since")))

    @classmethod
    def exported(cls, line: str) -> tuple[str, Self]:
        """Hash and entry of a line of an export, from whomever it comes. ValueError: it is none."""
        try:
            kept = json.loads(line)
            hash_, source, scope, ticket, since = (kept.get(name) for name in EXPORTED)
            good = (
                _HASH.fullmatch(hash_)
                and source in SOURCES
                and scope in SCOPES
                and _TICKET.fullmatch("" if ticket is None else ticket)
                and (since is None or (type(since) is int and 0 <= since < END_MS))
            )
        except (ValueError, TypeError, AttributeError, RecursionError):
            good = None
        if not good:
            raise ValueError("this is no line of an export")
        return hash_, cls(source, scope, ticket or "", _since(since))

    def as_json(self) -> dict[str, Any]:
        since = {} if self.since is None else {"since": instant_ms(self.since)}
        return {"source": self.source, "scope": self.scope, "ticket": self.ticket, **since}


@dataclass(frozen=True)
class Stopped:
    """What an opt-out stopped, by ids: what waited here; and what Octopush held for later, which a worker asks it to cancel."""

    cancelled: Sequence[str]
    recalled: Sequence[str] = ()


def _since(milliseconds: int | None) -> datetime | None:
    return None if milliseconds is None else instant(milliseconds)


class OptOuts:
    """The list of one Redis. `hashes` are those of one number (sms.opt_outs), the newest key's first."""

    def __init__(self, client: redis.Redis, scripts: Scripts, *, keep: timedelta) -> None:
        self._redis = client
        self._scripts = scripts
        self._keep = span_ms(keep)

    def add(
        self,
        hashes: Sequence[str],
        entry: OptOut,
        inbox: str = "",
        event_id: str = "",
        number: str = "",
        by: Mapping[str, Any] | None = None,
    ) -> Stopped:
        """Put a number in, and cancel the marketing that waits for it. One step.

        `inbox`: the entry of the inbox that said so, which is processed with this. `event_id`: of what said so; with it
        a web app is told. `number`: what its event carries beside that. `by`: the
        operator (audit.by).
        """
        request = {
            "hashes": list(hashes),
            "entry": entry.as_json(),
            "keep": self._keep,
            "inbox": inbox,
            "event_id": event_id,
            "number": number,
            "by": by,
        }
        cancelled, recalled = self._scripts.run("opt_out", [], [json.dumps(request)])
        return Stopped(json.loads(cancelled), json.loads(recalled))

    def remove(self, hashes: Sequence[str]) -> bool:
        """Take a number out. Whether it was in."""

        def drop() -> bool:
            now = self._redis.time()
            with self._redis.pipeline(transaction=True) as pipe:
                audit.add(pipe, now, "optout remove")
                pipe.hdel(keys.OPT_OUTS, *hashes)
                return bool(pipe.execute()[-1])

        return bool(guard(drop))

    def find(self, hashes: Sequence[str]) -> OptOut | None:
        """What stands in the list of this number."""
        found = guard(lambda: self._redis.hmget(keys.OPT_OUTS, list(hashes)))
        return next((OptOut.from_json(each) for each in found if each), None)

    def all(self) -> Iterator[tuple[str, OptOut]]:
        """Every hash with its entry, in no order."""
        cursor = 0
        while True:
            cursor, found = guard(partial(self._redis.hscan, keys.OPT_OUTS, cursor, count=SLICE))
            for hash_, text in found.items():
                yield hash_, OptOut.from_json(text)
            if not cursor:
                return

    def put(self, entries: Sequence[tuple[str, OptOut]]) -> None:
        """Put entries back as they were exported. What stands there already stays."""

        def write() -> None:
            with self._redis.pipeline(transaction=False) as pipe:
                for hash_, entry in entries:
                    pipe.hsetnx(keys.OPT_OUTS, hash_, json.dumps(entry.as_json()))
                pipe.execute()

        guard(write)
