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

    def append(self, message: Any, delivery_tag: str) -> None:
        QoS.append(self, message, delivery_tag)

    def ack(self, delivery_tag: str) -> None:
        self._forget_count(delivery_tag)
        super().ack(delivery_tag)

    def set_aside(self, delivery_tag: str, reason: str) -> None:
        """Lay a job aside that no worker can read, where an operator can see it. It goes there as it was taken."""
        with self.channel.conn_or_acquire() as client:
            places = [self.unacked_index_key, self.unacked_key, keys.JOBS_SET_ASIDE]
            script("set_job_aside").run(client, places, [delivery_tag, reason, ASIDE_FOR, ASIDE_AT_MOST])

    def give_back(self, delivery_tag: str) -> None:
        """A job that was not begun: to the front of its queue, where kombu would put it at the end."""
        self.restore_by_tag(delivery_tag)
        self._quick_ack(delivery_tag)

    def lost(self, delivery_tag: str) -> None:
        """A job whose process did not come back from it: to the front of its queue, and counted."""
        self._restore(delivery_tag, 1)
        self._quick_ack(delivery_tag)

    def restore_visible(self, start: int = 0, num: int | None = 10, interval: int = 10) -> None:
        """Put back the jobs of workers that are gone. The script is one step: no lock, and no clock of ours."""
        del start, interval
        self._restore("", num or 10)

    def _restore(self, delivery_tag: str, most_at_once: int) -> None:
        with self.channel.conn_or_acquire() as client:
            places = [self.unacked_index_key, self.unacked_key, keys.DELIVERIES]
            visible = round(self.visibility_timeout * 1000)
            _, *others = script("restore").run(client, places, [visible, most_at_once, delivery_tag, COUNTED_FOR])
            for tag in others:
                self.restore_by_tag(tag, client)

    def _forget_count(self, delivery_tag: str) -> None:
        if (job_id := self.counted.pop(delivery_tag, None)) is not None:
            with self.channel.conn_or_acquire() as client:
                client.hdel(keys.DELIVERIES, job_id)


def noted(message: Any) -> InHand | None:
    """The notes in which a job stands; None on a broker that is no Redis, which keeps its own."""
    qos = getattr(message.channel, "qos", None)
    return qos if isinstance(qos, InHand) else None
