"""What no worker goes on with, for an operator: jobs that were set aside, and records on which a script failed.

An entry is named by a digest of itself, so that somebody who has seen it can act on it and on no other. What a job holds is
never shown: it may be a number and a text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any, Literal

import redis

from octoworker.store import keys
from octoworker.store.scripts import Scripts, guard
from octoworker.store.units import instant

BROKEN = "a script failed on its record, which is not as octoworker writes it"

ODD = "this entry is not as octoworker writes it"

_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class SetAside:
    """One of them. `queue`: where a job stood; `message_id`: of its message, where the job says it."""

    id: str
    kind: Literal["job", "record"]
    at: datetime
    reason: str
    queue: str = ""
    message_id: str = ""
    entry: str = field(default="", repr=False)
    """As it stands in Redis."""
    job: str = field(default="", repr=False)


class JobsAside:
    """Jobs that were set aside, on the Redis of the jobs. `client` must keep bytes that are no UTF-8 (`surrogateescape`)."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client
        self._scripts = Scripts(client)

    def all(self) -> Iterator[SetAside]:
        """The latest first."""
        entries: list[Any] = guard(lambda: self._redis.lrange(keys.JOBS_SET_ASIDE, 0, -1))
        return map(read_job, entries)

    def put_back(self, aside: SetAside) -> bool:
        """At the end of its queue. Whether it was still there."""
        places = [keys.JOBS_SET_ASIDE, aside.queue]
        return (
            bool(aside.queue)
            and self._scripts.run("put_job_back", places, [_bytes(aside.entry), _bytes(aside.job)]) == "done"
        )

    def discard(self, aside: SetAside) -> bool:
        """Whether it was still there."""
        return bool(guard(lambda: self._redis.lrem(keys.JOBS_SET_ASIDE, 1, _bytes(aside.entry))))


class BrokenRecords:
    """Records on which a script failed."""

    def __init__(self, client: redis.Redis, *, keep_ms: int) -> None:
        self._redis = client
        self._keep_ms = keep_ms

    def all(self) -> Iterable[SetAside]:
        """The latest first."""
        found: list[Any] = guard(lambda: self._redis.zrange(keys.BROKEN_RECORDS, 0, -1, desc=True, withscores=True))
        return (SetAside(id_, "record", instant(at), BROKEN, message_id=id_) for id_, at in found)

    def put_back(self, aside: SetAside) -> bool:
        """To be looked at again, by whichever worker comes next: an operator has mended it. Whether it was still there."""

        def again() -> Any:
            now = int(self._redis.time()[0]) * 1000
            with self._redis.pipeline(transaction=True) as pipe:
                pipe.zadd(keys.DUE, {aside.message_id: now})
                pipe.zrem(keys.BROKEN_RECORDS, aside.message_id)
                return pipe.execute()[1]

        return bool(guard(again))

    def discard(self, aside: SetAside) -> bool:
        """Nobody looks at it any more: it goes when a record would that has ended. Whether it was still there."""

        def drop() -> Any:
            with self._redis.pipeline(transaction=True) as pipe:
                pipe.pexpire(keys.record(aside.message_id), self._keep_ms)
                pipe.zrem(keys.BROKEN_RECORDS, aside.message_id)
                return pipe.execute()[1]

        return bool(guard(drop))


def read_job(entry: str) -> SetAside:
    """An entry is ours, and the job in it is anybody's. One that is not can only be discarded."""
    name = sha256(_bytes(entry)).hexdigest()[:12]
    try:
        kept = json.loads(entry)
        at, job = instant(kept["at"] * 1000), str(kept["job"])
        _bytes(job)
        return SetAside(name, "job", at, str(kept["reason"]), str(kept["queue"]), _message_of(job), entry, job)
    except (ValueError, TypeError, LookupError, OverflowError, OSError, RecursionError):
        return SetAside(name, "job", instant(0), ODD, entry=entry)


def _bytes(text: str) -> Any:
    """As they stand in Redis."""
    return text.encode("utf-8", "surrogateescape")


def _message_of(job: str) -> str:
    """ "" when the job says nothing that can be one."""
    try:
        id_ = json.loads(job)["headers"]["id"].replace("-", "")
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        return ""
    return id_ if _ID.fullmatch(id_) else ""
