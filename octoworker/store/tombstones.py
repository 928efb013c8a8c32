"""What is left of a message that ended long ago, where memory is short: enough never to send it again, and to explain the bill.

Off unless a setting says after how long. The record keeps its time to live: what makes a repeat the same message stands as long
as ever, and what a person may want to read goes sooner.
"""

from __future__ import annotations

import json
from datetime import timedelta

from octoworker.store.scripts import Scripts
from octoworker.store.units import span_ms

SLICE = 100
"""Messages of one state in one step: some 3 ms of Redis."""


class Tombstones:
    """Shortens records, a slice at a time."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts

    def shorten(self, after: timedelta) -> bool:
        """Shorten some of what has not moved for so long and is over. True: there is more. StoreError: Redis is away."""
        _, more = self._scripts.run("shorten", [], [json.dumps({"after": span_ms(after), "slice": SLICE})])
        return bool(more)
