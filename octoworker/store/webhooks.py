"""Events that are posted to an address of the web app: which are due, what became of each, and how the address answers.

They stand beside the outbox, in sets of their own: an event that is not taken waits for hours and days, which a stream cannot.
Redis' clock decides when each is due.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

import redis

from octoworker.store import keys
from octoworker.store.outbox import WANTED_FOR
from octoworker.store.scripts import Scripts, guard
from octoworker.store.units import instant, instant_ms, span_ms

LEASE = timedelta(seconds=45)
"""An event is posted by another worker when nothing was heard of it for so long: three times what a post may take."""

MOST_TRIES = 10

OPENS_AFTER = 5
"""Failures in a row after which the address is left alone for a while."""

BREAKER_BASE, BREAKER_CAP = timedelta(seconds=5), timedelta(minutes=5)
"""How long, the first time and at the most; doubled each time."""

DEAD_FOR, DEAD_MOST = timedelta(days=30), 100_000
"""How long events that nobody took are kept, and how many."""

SLICE = 500

CameTo = Literal["sent", "failed", "gone"]
"""What became of a post: taken; not taken; the address says that it is gone for good."""


@dataclass(frozen=True)
class DueEvent:
    """An event to post now. `tries`: how often that failed before."""

    event_id: str
    content: str = field(repr=False)
    tries: int = 0


@dataclass(frozen=True)
class KeptEvent:
    """An event as an operator sees it. `due_at` is None of one that nobody took."""

    event_id: str
    kind: str
    happened_at: datetime
    tries: int
    due_at: datetime | None


@dataclass(frozen=True)
class Endpoint:
    """How the address answers."""

    state: Literal["open", "resting", "stopped"]
    """`resting`: it failed again and again and is tried now and then; `stopped`: it said that it is gone."""
    misses: int = 0
    until: datetime | None = None


class Webhooks:
    """The events of one Redis that are posted."""

    def __init__(self, client: redis.Redis, scripts: Scripts) -> None:
        self._redis = client
        self._scripts = scripts

    def are_wanted(self) -> None:
        """Somebody here posts events: from now on they are written."""
        guard(lambda: self._redis.set(keys.WEBHOOKS_TO, "1", ex=WANTED_FOR))

    def take(self, endpoint: str, most: int) -> tuple[datetime, list[DueEvent]]:
        """Redis' time, and events to post at that address now, for this caller alone."""
        request = {"endpoint": endpoint, "slice": most, "lease": span_ms(LEASE)}
        now, *found = self._scripts.run("webhooks_take", [], [json.dumps(request)])
        events = [DueEvent(found[at], found[at + 1], int(found[at + 2])) for at in range(0, len(found), 3)]
        return instant(now), events

    def settle(
        self,
        event_id: str,
        endpoint: str,
        came_to: CameTo,
        *,
        delay: timedelta = timedelta(0),
        rest: timedelta = timedelta(0),
    ) -> tuple[str, bool]:
        """Write what became of a post: sent, again, dead or gone, and whether this stopped the address."""
        outcome = {
            "endpoint": endpoint,
            "came_to": came_to,
            "delay": span_ms(delay),
            "rest": span_ms(rest),
            "most": MOST_TRIES,
            "opens_after": OPENS_AFTER,
            "base": span_ms(BREAKER_BASE),
            "cap": span_ms(BREAKER_CAP),
            "dead_for": span_ms(DEAD_FOR),
            "dead_most": DEAD_MOST,
        }
        found, stopped = self._scripts.run("webhooks_settle", [], [event_id, json.dumps(outcome)])
        return found, bool(stopped)

    def replay(self, since: datetime) -> int:
        """Let all that happened since then and was posted in vain be posted again, now. How many that are."""
        count = 0
        for dead in (True, False):
            offset = 0
            while True:
                request = {"since": instant_ms(since), "dead": dead, "offset": offset, "slice": SLICE}
                due, left = self._scripts.run("webhooks_replay", [], [json.dumps(request)])
                count, offset = count + due, offset + left
                if due + left < SLICE:
                    break
        return count

    def endpoint(self) -> Endpoint:
        """How the address answers."""
        return endpoint_of(guard(lambda: self._redis.hgetall(keys.WEBHOOKS_ENDPOINT)))

    def kept(self, most: int) -> Iterator[KeptEvent]:
        """Those that are still to be posted, the next first; then those that nobody took, the latest first."""

        def read() -> list[tuple[Any, ...]]:
            due: list[Any] = list(self._redis.zrange(keys.WEBHOOKS_DUE, 0, most - 1, withscores=True))
            dead: list[Any] = [(each, None) for each in self._redis.zrange(keys.WEBHOOKS_DEAD, 0, most - 1, desc=True)]
            ids = [each[0] for each in [*due, *dead]]
            if not ids:
                return []
            contents, tries = self._redis.hmget(keys.WEBHOOKS, ids), self._redis.hmget(keys.WEBHOOKS_TRIES, ids)
            return [(*known, *more) for known, *more in zip([*due, *dead], contents, tries, strict=True)]

        for event_id, due, content, tries in guard(read):
            if content:
                event = json.loads(content)
                yield KeptEvent(
                    event_id,
                    event["type"],
                    instant(event["at"]),
                    MOST_TRIES if due is None else int(tries or 0),
                    None if due is None else instant(due),
                )


def endpoint_of(fields: dict[str, str]) -> Endpoint:
    """Read what Redis holds of it."""
    misses = int(fields.get("misses") or 0)
    if fields.get("stopped"):
        return Endpoint("stopped", misses, instant(float(fields["stopped"])))
    if fields.get("open_until"):
        return Endpoint("resting", misses, instant(float(fields["open_until"])))
    return Endpoint("open", misses)


def as_json(event: KeptEvent) -> dict[str, Any]:
    """As `octoworker events list --json` shows it."""
    at = {name: value and value.isoformat() for name, value in asdict(event).items() if name.endswith("_at")}
    return {"id": event.event_id, "type": event.kind, "tries": event.tries, **at}
