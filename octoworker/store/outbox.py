"""The outbox: what a web app is told. A script writes an event in the very step that makes the move, if anybody wants to know.

Whether anybody does stands in Redis (`ow:events-to`), because moves are also made by web apps and commands, which do not know
the workers' settings.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from octoworker.store import keys
from octoworker.store.scripts import guard
from octoworker.store.streams import Stream

if TYPE_CHECKING:
    import redis

GROUP = "senders"

WANTED_FOR = 24 * 3600
"""Seconds for which events are written after the last worker that could send them: one that is restarted finds them."""


class Outbox(Stream):
    """The outbox of one Redis."""

    def __init__(self, client: redis.Redis, *, lease: timedelta) -> None:
        super().__init__(client, keys.OUTBOX, GROUP, lease=lease)
        self._client = client

    def is_wanted(self) -> None:
        """Somebody here sends events: from now on they are written."""
        guard(lambda: self._client.set(keys.EVENTS_TO, "1", ex=WANTED_FOR))
