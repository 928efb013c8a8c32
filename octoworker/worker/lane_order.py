"""In which order a worker takes jobs from its lanes.

Kombu's own orders do not fit: one takes from all lanes alike, the other two let the lower ones starve.
"""

from __future__ import annotations

from typing import Any

from kombu.utils.scheduling import round_robin_cycle

from octoworker.sms import lanes

RANK = {queue: rank for rank, queue in enumerate(lanes.QUEUES.values())}

BULK = lanes.QUEUES["bulk"]

KEPT_FREE = 4
"""One place in so many is never given to a bulk job, where the worker reads other lanes too. Fewer places: none is."""

TURN = 10
"""One look in ten begins with the lowest lane, so that it does not starve behind urgent jobs without end."""


class UrgentFirst(round_robin_cycle):  # type: ignore[type-arg]  # generic in its stubs alone
    """Urgent before normal before bulk, and no more bulk jobs in hand than leave room for the others."""

    looks = 0
    bulk_in_hand = 0
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
        """Whether there is no place for one more bulk job. Each may take as long as a hundred calls, and an urgent
        message must not wait until one of them ends."""
        return 0 < self.in_hand_at_most - self.in_hand_at_most // KEPT_FREE <= self.bulk_in_hand

    def rotate(self, last_used: Any) -> None:
        """Nothing moves: rank decides."""
