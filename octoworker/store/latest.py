"""The messages that moved last. Two round trips: who they are, and what their records say."""

from __future__ import annotations

from operator import itemgetter
from typing import Any

import redis

from octoworker.sms.record import FINAL, Record, State
from octoworker.store import keys
from octoworker.store.scripts import guard

RESTING = sorted(FINAL | {State.UNKNOWN})
"""States whose index tells when a message came there."""


def latest(client: redis.Redis, limit: int) -> list[Record]:
    """Up to `limit` records, those that moved last first. Of those under way, it looks at the ones that are due soonest."""
    found: list[Record] = guard(lambda: _records(client, _ids(client, limit)))
    return sorted(found, key=_moved_at, reverse=True)[:limit]


def _ids(client: redis.Redis, limit: int) -> list[str]:
    with client.pipeline(transaction=False) as pipe:
        pipe.zrange(keys.DUE, 0, limit - 1)
        for state in RESTING:
            pipe.zrange(keys.state(state), 0, limit - 1, desc=True, withscores=True)
        moving, *resting = pipe.execute()
    over = sorted((each for some in resting for each in some), key=itemgetter(1), reverse=True)
    return list(dict.fromkeys([*moving, *(message_id for message_id, _ in over[:limit])]))


def _records(client: redis.Redis, ids: list[str]) -> list[Record]:
    with client.pipeline(transaction=False) as pipe:
        for message_id in ids:
            pipe.hgetall(keys.record(message_id))
        answers: list[Any] = pipe.execute()
    return [Record.from_hash(each, fields) for each, fields in zip(ids, answers, strict=True) if fields.get("state")]


def _moved_at(record: Record) -> float:
    return record.history[-1].at.timestamp() if record.history else 0.0
