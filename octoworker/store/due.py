"""What a scheduler takes out of Redis: messages whose jobs must be published now. Each is taken by one scheduler only.

`rescue` finds what is stranded, `stage` what is due, `release` what flow control lets go. A message that was taken and not
published costs nothing: it is looked at again after `requeue_after`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, NamedTuple

from octoworker.sms.record import State
from octoworker.store.limits import Limits
from octoworker.store.scripts import Scripts
from octoworker.store.units import span, span_ms
from octoworker.store.values import Wakeup


class Timings(NamedTuple):
    """How long things are left alone."""

    requeue_after: timedelta
    keep: timedelta
    lease: timedelta
    max_crashes: int
    key_window: timedelta
    absent_after: timedelta
    """Without a word of any worker of an account, none of it runs."""


class Slice(NamedTuple):
    """What one look took. `full`: there may be more."""

    wakeups: list[Wakeup]
    full: bool


class DueSet:
    """All messages that are not over, by when they are looked at again; and the backlogs."""

    def __init__(self, scripts: Scripts, timings: Timings, limits: Limits) -> None:
        self._scripts = scripts
        self._timings = timings
        self._kept = {"requeue_after": span_ms(timings.requeue_after), "keep": span_ms(timings.keep)}
        self._limits = limits

    def rescue(
        self, size: int, queues: Mapping[str, str], ended: Callable[[str, str, State], None] = lambda *_: None
    ) -> Slice:
        """Leases that ran out, jobs that vanished, backlogged messages that expired or lost their backlog.

        `queues`: the broker's list of each lane, "" when the jobs are on another server. `ended` is told of each message
        that ended here, or was left to an operator: its id, its lane, where it stands now.
        """
        timings = self._timings
        looked_at, wakeups, over = self._run(
            "rescue",
            size,
            max_crashes=timings.max_crashes,
            queues=dict(queues),
            absent_after=span_ms(timings.absent_after),
            key_window=span_ms(timings.key_window),
            account=self._limits.account,
        )
        for message_id, lane, state in json.loads(over):
            ended(message_id, lane, State(state))
        return Slice(_wakeups(wakeups), looked_at >= size)

    def stage(self, size: int, look_ahead: timedelta) -> Slice:
        """Messages that are due, or will be within `look_ahead`."""
        looked_at, wakeups = self._run("stage", size, look_ahead=span_ms(look_ahead), account=self._limits.account)
        return Slice(_wakeups(wakeups), looked_at >= size)

    def release(self, size: int, look_ahead: timedelta) -> Slice:
        """Backlogged messages that flow control lets go within `look_ahead`, each with its own instant."""
        facts = {"look_ahead": span_ms(look_ahead), "lease": span_ms(self._timings.lease)}
        released, wakeups = self._run("release", size, self._limits.as_text, **facts)
        return Slice(_wakeups(wakeups), released >= size)

    def _run(self, script: str, size: int, *more: str, **facts: object) -> list[Any]:
        request = {"slice": size, **self._kept, **facts}
        answer: list[Any] = self._scripts.run(script, [], [json.dumps(request), *more])
        return answer


def _wakeups(text: str) -> list[Wakeup]:
    return [Wakeup(**{**each, "delay": span(each["delay"])}) for each in json.loads(text)]
