"""Which workers are there: each writes itself into one set, with Redis' time, and is gone when it has been silent."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

import redis

from octoworker.store import keys
from octoworker.store.scripts import Scripts, guard
from octoworker.store.units import span_ms

EVERY = 5.0
"""Seconds between two words of a worker."""

ALIVE = timedelta(seconds=20)
"""Of silence; after that a worker is not counted: three words lost, and some slowness."""

FORGOTTEN = timedelta(minutes=1)
"""Of silence; that it is not kept either."""


@dataclass(frozen=True)
class Presence:
    """What a worker says of itself. It stays the same as long as the worker lives, and is what it is known by."""

    host: str
    pid: int
    lanes: tuple[str, ...]
    """The lanes that it reads."""
    pool: str
    version: str

    def as_text(self) -> str:
        return json.dumps(asdict(self), sort_keys=True)


class Workers:
    """The set of workers, as a worker uses it."""

    def __init__(self, client: redis.Redis, scripts: Scripts) -> None:
        self._redis = client
        self._scripts = scripts

    def is_here(self, worker: Presence) -> None:
        """One worker's word. One round trip; to be said every five seconds. StoreError: nobody has heard it."""
        self._scripts.run("presence", [], [worker.as_text(), span_ms(FORGOTTEN)])

    def alive(self) -> tuple[Presence, ...]:
        """Those that have spoken lately. StoreError: they cannot be seen."""

        def words() -> Any:
            now = int(self._redis.time()[0]) * 1000
            return self._redis.zrange(keys.WORKERS, now - span_ms(ALIVE), "+inf", byscore=True)

        return read(guard(words))

    def is_gone(self, worker: Presence) -> None:
        """It ends, and need not be waited for."""
        guard(lambda: self._redis.zrem(keys.WORKERS, worker.as_text()))


def read(words: Iterable[str]) -> tuple[Presence, ...]:
    """The workers in the members of the set, by host and pid. What is none is left out: a newer version may have written it."""
    return tuple(sorted(filter(None, map(_presence, words)), key=lambda each: (each.host, each.pid)))


def _presence(words: str) -> Presence | None:
    try:
        said = json.loads(words)
    except ValueError:
        return None
    if not isinstance(said, Mapping):
        return None
    match {**said}:
        case {"host": str(host), "pid": int(pid), "lanes": list(lanes), "pool": str(pool), "version": str(version)}:
            return Presence(host, pid, tuple(map(str, lanes)), pool, version)
    return None
