"""In which order a worker takes jobs from its lanes.

Kombu's own orders do not fit: one takes from all lanes alike, the other two let the lower ones starve.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kombu.utils.scheduling import round_robin_cycle

from octoworker.sms import lanes

RANK = {queue: rank for rank, queue in enumerate(lanes.QUEUES.values())}

BULK = lanes.QUEUES["bulk"]

KEPT_FREE = 4
"""One place in so many is never given to a job of many messages, where the worker reads more urgent lanes too. Fewer places:
none is."""

TURN = 10
"""One look in ten begins with the lowest lane, so that it does not starve behind urgent jobs without end."""


class UrgentFirst(round_robin_cycle):  # type: ignore[type-arg]  # generic in its stubs alone
    """Urgent before normal before bulk, and no more bulk jobs in hand than leave room for the others."""

    looks = 0
    of_many: Mapping[str, int] = {}
    """By queue: jobs of many messages that are in hand."""
    in_hand_at_most = 0
    """Jobs that this worker takes at once; 0: no bound."""

    def consume(self, n: Any) -> Any:
        """The queues, in the order in which the next job is looked for."""
        self.looks += 1
        backwards = self.looks % TURN == 0
        wanted = sorted((self.items or [])[:n], key=lambda queue: RANK.get(queue, len(RANK)), reverse=backwards)
        others = [queue for queue in wanted if queue != BULK]
        return others if others and self.full() else wanted

    def full(self) -> bool:
        """Whether there is no place for one more job of many messages. Each may take as long as a hundred calls, and an
        urgent message must not wait until one of them ends."""
        in_hand = sum(self.of_many.values())
        return 0 < self.in_hand_at_most - self.in_hand_at_most // KEPT_FREE <= in_hand

    def no_more_of(self, queue: str) -> bool:
        """Whether this lane must leave the last places to more urgent ones. One that has no such job in hand goes on, one by
        one: bulk jobs alone do not hold it up."""
        mine = RANK.get(queue, len(RANK))
        others = any(RANK.get(each, len(RANK)) < mine for each in self.items or ())
        return others and self.full() and bool(self.of_many.get(queue))

    def rotate(self, last_used: Any) -> None:
        """Nothing moves: rank decides."""
