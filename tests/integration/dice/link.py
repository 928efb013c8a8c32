"""The link between a producer and Redis, which the dice cut at any command: before it arrives, or before its answer does."""

from __future__ import annotations

import fakeredis
import redis
from fakeredis import FakeRedisConnection
from redis.backoff import NoBackoff
from redis.retry import Retry


class KilledError(BaseException):
    """The producer is gone."""


class Link:
    """Whole until `cut`. Once it has given way it stays so until it is mended."""

    def __init__(self, server):
        self.left = None
        """Commands until it gives way."""
        self.arrives = False
        """Whether the last one arrives."""
        self.kills = False
        """Whether the producer dies with it."""
        self.client = fakeredis.FakeRedis(
            server=server, decode_responses=True, connection_class=_connection(self), retry=Retry(NoBackoff(), 0)
        )

    def cut(self, dice):
        self.left, self.arrives, self.kills = dice.randrange(14), dice.random() < 0.5, dice.random() < 0.3

    def mend(self):
        self.left = None

    def carry(self, send):
        """Send a command, or do not."""
        if self.left is None or self.left > 0 or (self.left == 0 and self.arrives):
            send()
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                raise KilledError if self.kills else redis.ConnectionError("the link is cut")


def _connection(link):
    class Connection(FakeRedisConnection):
        def send_packed_command(self, *command, **how):
            try:
                link.carry(lambda: super(Connection, self).send_packed_command(*command, **how))
            except BaseException:
                self.disconnect()  # an answer that nobody reads would be the next one's
                raise

    return Connection
