"""In which order a worker takes jobs from its lanes.

Kombu's own orders do not fit: one takes from all lanes alike, the other two let the lower ones starve.
"""

from __future__ import annotations

from typing import Any

from kombu.utils.scheduling import round_robin_cycle

from octoworker import wire

RANK = {queue: rank for rank, queue in enumerate(wire.QUEUES.values())}

TURN = 10
"""One look in ten begins with the lowest lane, so that it does not starve behind urgent jobs without end."""


class UrgentFirst(round_robin_cycle):  # type: ignore[type-arg]  # generic in its stubs alone
    """Urgent before normal before bulk."""

    looks = 0

    def consume(self, n: Any) -> Any:
        """The queues, in the order in which the next job is looked for."""
        self.looks += 1
        backwards = self.looks % TURN == 0
        return sorted((self.items or [])[:n], key=lambda queue: RANK.get(queue, len(RANK)), reverse=backwards)

    def rotate(self, last_used: Any) -> None:
        """Nothing moves: rank decides."""
