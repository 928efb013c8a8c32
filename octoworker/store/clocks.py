"""The wall clocks of all workers, side by side: each reports how far it is from Redis', and learns whose clock is wrong."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum

import redis

from octoworker.store import keys
from octoworker.store.scripts import Scripts, guard
from octoworker.store.units import span_ms

WRONG = timedelta(minutes=1)
"""From there on a wall clock is wrong: less is the business of NTP, and nothing here depends on it."""

STALE = timedelta(minutes=3)
"""After which what a worker reported says nothing any more: it reports each minute."""

ALERTED = "alerted"
"""The field that says that an operator was alerted of Redis' clock."""


class Comparison(StrEnum):
    """Whose clock is wrong, as far as one worker and the others can tell."""

    RIGHT = "right"
    WRONG = "wrong"
    """This worker's."""
    ALONE = "alone"
    """This worker's or Redis': nobody else is there to compare with."""
    REDIS = "redis"
    """Redis': several workers are away from it by the same."""


class Clocks:
    """What the workers have reported."""

    def __init__(self, client: redis.Redis, scripts: Scripts) -> None:
        self._redis = client
        self._scripts = scripts

    def compare(self, worker: str, drift: timedelta) -> tuple[Comparison, bool]:
        """Report a drift. The second of the answer: this one is to alert an operator that it is Redis' clock."""
        request = {"wrong": span_ms(WRONG), "stale": span_ms(STALE), "keep": span_ms(2 * STALE)}
        outcome, *alerted = self._scripts.run("compare_clocks", [], [worker, span_ms(drift), json.dumps(request)])
        return Comparison(outcome), bool(alerted and alerted[0])

    def leave(self, worker: str) -> None:
        """A worker ends."""
        guard(lambda: self._redis.hdel(keys.CLOCKS, worker))


def drifts_of(fields: Mapping[str, str]) -> dict[str, timedelta]:
    """By how much each worker is ahead of Redis, out of the hash that holds it."""
    reports = {worker: value.partition("|")[2] for worker, value in fields.items() if worker != ALERTED}
    return {
        worker: timedelta(milliseconds=int(drift))
        for worker, drift in reports.items()
        if drift.removeprefix("-").isdigit()
    }
