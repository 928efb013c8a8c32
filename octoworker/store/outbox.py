"""The outbox: the events for the web app. A script writes an event in the very step that makes the move, if anybody wants to know.

Whether anybody does stands in Redis (`ow:events-to`), because moves are also made by web apps and commands, which do not know
the workers' settings.

All events stand in a log as well (`ow:events`), whoever has taken them: a web app that lost some has them sent again.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from octoworker.store import keys
from octoworker.store.scripts import Scripts, guard
from octoworker.store.streams import Stream
from octoworker.store.units import instant, instant_ms

if TYPE_CHECKING:
    import redis

GROUP = "senders"

WANTED_FOR = 24 * 3600
"""Seconds for which events are written after the last worker that could send them: one that is restarted finds them."""


LOGGED_FOR = timedelta(days=7)
"""For which an event can be sent again; of them the latest 100,000 (lua/lib/events.lua)."""

SLICE = 500


class Outbox(Stream):
    """The outbox of one Redis."""

    def __init__(self, client: redis.Redis, *, lease: timedelta) -> None:
        super().__init__(client, keys.OUTBOX, GROUP, lease=lease)
        self._client = client

    def is_wanted(self) -> None:
        """Somebody here sends events: from now on they are written."""
        guard(lambda: self._client.set(keys.EVENTS_TO, "1", ex=WANTED_FOR))


class EventLog:
    """The latest events of one Redis, taken or not."""

    def __init__(self, client: redis.Redis, scripts: Scripts) -> None:
        self._redis = client
        self._scripts = scripts

    def replay(self, since: datetime) -> int:
        """Have all that happened since then sent again, by each way that is wanted, under the same ids. How many those are.

        What failed, or waits for its next try, is left to `Webhooks.replay`.
        """
        count: int = 0
        place = ""
        while True:
            request = {"since": instant_ms(since), "from": place, "slice": SLICE}
            sent, place = self._scripts.run("events_replay", [], [json.dumps(request)])
            count += sent
            if not place:
                return count

    def kept(self) -> tuple[int, datetime | None]:
        """How many there are, and when the oldest happened."""

        def read() -> tuple[int, Any]:
            return self._redis.xlen(keys.EVENTS), self._redis.xrange(keys.EVENTS, count=1)

        many, oldest = guard(read)
        return many, instant(int(oldest[0][0].partition("-")[0])) if oldest else None

    def prune(self, now: datetime) -> None:
        """Drop what is older than it is kept."""
        guard(lambda: self._redis.xtrim(keys.EVENTS, minid=instant_ms(now - LOGGED_FOR), approximate=False))
