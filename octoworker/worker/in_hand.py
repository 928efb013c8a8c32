"""The jobs that a worker has in hand: each noted in Redis, given back, counted, or forgotten.

Kombu's notes stay as they are (`unacked`, `unacked_index`), so that its own tools and ours read the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from hashlib import sha1
from typing import Any

from kombu.transport import redis as kombu_redis
from kombu.transport.virtual import QoS

from octoworker.store import keys
from octoworker.store.scripts import NoScriptError, source

COUNTED_FOR = 24 * 3600 * 1000
"""Milliseconds for which it is known how many workers a job has ended."""

ASIDE_FOR = 7 * 24 * 3600 * 1000
"""Milliseconds for which a job that was set aside can be looked at. It may hold a number and a text."""

ASIDE_AT_MOST = 1000
"""Such jobs that are kept, the latest."""


class Script:
    """A script of ours on the Redis of the jobs, which need not be that of the records."""

    def __init__(self, name: str) -> None:
        self.source = source(name)
        self.sha = sha1(self.source.encode()).hexdigest()  # noqa: S324 - what Redis calls it by

    def run(self, client: Any, places: Sequence[str], arguments: Sequence[Any]) -> Any:
        try:
            return client.evalsha(self.sha, len(places), *places, *arguments)
        except NoScriptError:
            return client.eval(self.source, len(places), *places, *arguments)


@cache
def script(name: str) -> Script:
    """Put together once, and by a worker alone."""
    return Script(name)


Notes: Any = kombu_redis.QoS


class InHand(Notes):  # type: ignore[misc]  # its stubs know half of it
    """The jobs that this worker has, each noted in Redis by the step that took it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.counted: dict[str, str] = {}
        self._together: dict[str, Sequence[str]] = {}
        """By the tag of a job that this worker made of several: their tags, the first in the queue first."""

    def append(self, message: Any, delivery_tag: str) -> None:
        QoS.append(self, message, delivery_tag)

    def are_one(self, delivery_tag: str, tags: Sequence[str]) -> None:
        """From now on these are acknowledged, given back, counted and forgotten as one, under this tag."""
        self._together[delivery_tag] = tags

    def made(self, delivery_tag: str) -> bool:
        """Whether this worker made the job of this tag."""
        return delivery_tag in self._together

    def ack(self, delivery_tag: str) -> None:
        """The note goes first: a place in the index without one is cleared away by `restore`, so the two need no MULTI."""
        self._forget_count(delivery_tag)
        tags = self._tags(delivery_tag)
        gone = [("HDEL", self.unacked_key, *tags), ("ZREM", self.unacked_index_key, *tags)]
        if not self.channel.short_way.tried(gone):
            self._remove_from_indices(delivery_tag).execute()
        self._over(delivery_tag)

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:  # noqa: FBT001, FBT002 - kombu's own
        super().reject(delivery_tag, requeue)
        self._together.pop(delivery_tag, None)

    def _tags(self, delivery_tag: str) -> Sequence[str]:
        return self._together.get(delivery_tag) or (delivery_tag,)

    def _over(self, delivery_tag: str) -> None:
        self._quick_ack(delivery_tag)
        self._together.pop(delivery_tag, None)

    def _remove_from_indices(self, delivery_tag: str, pipe: Any = None) -> Any:
        tags = self._tags(delivery_tag)
        with self.pipe_or_acquire(pipe) as asked:
            return asked.zrem(self.unacked_index_key, *tags).hdel(self.unacked_key, *tags)

    def restore_by_tag(self, tag: str, client: Any = None, leftmost: bool = False) -> None:  # noqa: FBT001, FBT002 - the same
        """To the front of its queue; `leftmost`: to its end. It was not begun, or this worker could not go on: not counted."""
        self._restore(self._tags(tag), "end" if leftmost else "front", client=client)

    def set_aside(self, delivery_tag: str, reason: str) -> None:
        """Lay a job aside that no worker can read, where an operator can see it. It goes there as it was taken."""
        with self.channel.conn_or_acquire() as client:
            places = [self.unacked_index_key, self.unacked_key, keys.JOBS_SET_ASIDE]
            for tag in self._tags(delivery_tag):
                script("set_job_aside").run(client, places, [tag, reason, ASIDE_FOR, ASIDE_AT_MOST])

    def give_back(self, delivery_tag: str) -> None:
        """A job that was not begun: to the front of its queue, where kombu would put it at the end."""
        self.restore_by_tag(delivery_tag)
        self._over(delivery_tag)

    def lost(self, delivery_tag: str) -> None:
        """A job whose process did not come back from it: to the front of its queue, and counted."""
        self._restore(self._tags(delivery_tag), counted_for=COUNTED_FOR)
        self._over(delivery_tag)

    def restore_visible(self, start: int = 0, num: int | None = 10, interval: int = 10) -> None:
        """Put back the jobs of workers that are gone. The script is one step: no lock, and no clock of ours."""
        del start, interval
        self._restore(counted_for=COUNTED_FOR, most=num or 10)

    def _restore(
        self, tags: Sequence[str] = (), where: str = "front", *, counted_for: int = 0, most: int = 0, client: Any = None
    ) -> None:
        """Jobs with these tags; without any those of workers that are gone."""
        with self.channel.conn_or_acquire(client) as asked:
            places = [self.unacked_index_key, self.unacked_key, keys.DELIVERIES]
            visible = round(self.visibility_timeout * 1000)
            _, *others = script("restore").run(asked, places, [visible, most, counted_for, where, *tags])
            for tag in others:
                super().restore_by_tag(tag, asked, where == "end")

    def _forget_count(self, delivery_tag: str) -> None:
        if (job_id := self.counted.pop(delivery_tag, None)) is not None:
            with self.channel.conn_or_acquire() as client:
                client.hdel(keys.DELIVERIES, job_id)


def noted(message: Any) -> InHand | None:
    """The notes in which a job stands; None on a broker that is no Redis, which keeps its own."""
    qos = getattr(message.channel, "qos", None)
    return qos if isinstance(qos, InHand) else None
