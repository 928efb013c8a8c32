"""Whether Redis is as new as what this process has seen of it: after a failover to a replica that lagged, or a restored backup,
it is not.

1. Each message that goes on to another key, because the first was refused, counts one up (`lua/lib/epoch.lua`).
2. A worker remembers the highest count that it has seen and that stands on replicas: a second key is used only then. It says it
   with each claim, and a Redis that knows of fewer gives none.
3. Then, slice by slice, all that may have moved in the stretch that was lost is left to an operator, before anything is sent.

Who has seen nothing cannot know: after a backup is restored while all workers are stopped, an operator says so.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import redis

from octoworker.errors import StoreError
from octoworker.store import keys
from octoworker.store.scripts import Scripts, guard
from octoworker.store.units import instant, span_ms


class RolledBackError(StoreError):
    """Redis is older than what this process has seen of it: nothing was changed, and nothing may be sent."""

    def __init__(self) -> None:
        super().__init__(
            "Redis went back to an older state: what may have been sent since is left to an operator first "
            "(octoworker list --rolled-back)."
        )


SLICE = 100
"""Messages looked at in one call."""

DURABLE_WITHIN = timedelta(milliseconds=500)
"""A replica that is well answers within a millisecond or two."""


class RolledBack(NamedTuple):
    """The last time that Redis went back to an older state."""

    noticed: datetime
    lost_from: datetime | None
    """The last that it remembered then of what counts; None: nothing."""
    to_review: int
    """Messages that were left to an operator."""
    under_way: bool
    """They still are."""


class Epoch:
    """What this process knows. Safe to share between threads."""

    def __init__(self, client: redis.Redis, scripts: Scripts, *, keep: timedelta) -> None:
        self._redis = client
        self._scripts = scripts
        self._keep = span_ms(keep)
        self.seen = 0

    def note(self, epoch: int) -> None:
        """So many second keys were used by then, and that stands."""
        self.seen = max(self.seen, epoch)

    def learn(self, epoch: int) -> None:
        """The same, if it stands. What a primary counted that nobody follows any more was not used: nobody was let."""
        if epoch > self.seen and self._scripts.is_durable(DURABLE_WITHIN):
            self.note(epoch)

    def look(self) -> bool:
        """Whether Redis is as new as it was. StoreError: it is out of reach."""
        found, reviewing = guard(lambda: self._redis.hmget(keys.EPOCH, "second_keys", "reviewing_until"))
        known = int(found or 0)
        if known < self.seen or reviewing:
            return False
        self.learn(known)
        return True

    def roll_back(self, *, force: bool = False, count_only: bool = False) -> Iterator[tuple[int, bool]]:
        """Leave to an operator what may have moved: yields how many of each slice, and whether this call noticed it.

        It may be stopped, and begun again by anybody. `force`: an operator says that Redis is older than it was.
        """
        cursor, ended = "0", False
        while not ended:
            request = {"epoch": self.seen, "force": force, "count_only": count_only, "slice": SLICE}
            answer = self._scripts.run("roll_back", [], [json.dumps({**request, "cursor": cursor, "keep": self._keep})])
            outcome, *rest = answer
            if outcome == "calm":
                return
            cursor, to_review, noticed = rest
            yield int(to_review), bool(noticed)
            ended = outcome == "done"

    def last(self) -> RolledBack | None:
        """When it happened last; None: never, as far as it is known."""
        return rolled_back(guard(lambda: self._redis.hgetall(keys.EPOCH)))


def rolled_back(fields: dict[str, Any]) -> RolledBack | None:
    """The same, out of the hash that holds it."""
    if not fields.get("noticed"):
        return None
    lost_from = int(fields.get("lost_from") or 0)
    return RolledBack(
        instant(int(fields["noticed"])),
        instant(lost_from) if lost_from else None,
        int(fields.get("to_review") or 0),
        under_way=bool(fields.get("reviewing_until")),
    )
