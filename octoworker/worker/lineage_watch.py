"""Another Redis in the place of the one that was there, told once: a failover, a restart, a restored backup.

A failover that loses nothing and one that loses something look alike to whoever only reconnects. The stream of writes tells
them apart: a promoted replica says up to which byte it followed the primary before.
"""

from __future__ import annotations

import time

from octoworker.store import Store
from octoworker.store.server import Lineage
from octoworker.telemetry import log

EVERY = 1.0
"""Seconds between two looks: what was written since the last one is not counted as lost."""

LOST = "what was written last is gone, but for what replicas had confirmed; see docs/operations.md, Failover"
NOTHING = "a failover that lost nothing of what was there at the last look"
UNKNOWN = "Redis was started again, or is another one: what it had confirmed may be gone"


class LineageWatch:
    """Looks when it is time to."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._seen: Lineage | None = None
        self._next = 0.0

    def look(self) -> None:
        """StoreError when Redis is out of reach: then nothing is known anew."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + EVERY
        found, seen = self._store.lineage(), self._seen
        if found is None:
            return
        self._seen = found
        if seen is None or found.id == seen.id:
            return
        lost = found.lost_since(seen)
        hint = UNKNOWN if lost is None else LOST if lost else NOTHING
        log.warning("redis.replaced", **log.known(lost_bytes=lost), hint=hint)
