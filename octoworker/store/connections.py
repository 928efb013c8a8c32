"""Commands to Redis by the shortest way, over connections of redis-py's own pool.

redis-py's `execute_command` takes twice as long as the connection below it: it takes a connection from the pool and
gives it back, counts, measures and looks for its options, each time. A send talks to Redis three times. So connections
that are idle are kept at hand here, and used as they are. What fails, for whatever reason, is left to the caller, who
asks again in the usual way: with its retries, its reconnects and its errors.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import redis

FRESH = 20.0
"""Seconds for which an idle connection is trusted. After that redis-py looks whether it is still alive."""

MOST = 16
"""Idle connections kept, and no more than half of the pool's: for it they are in use, and it has others to serve."""


class Talk:
    """Asks over idle connections. Safe to share between threads; a child process begins with none of them."""

    def __init__(self, pool: redis.ConnectionPool, *, most: int = MOST) -> None:
        """`most`: idle connections kept."""
        self._pool = pool
        self._look = getattr(pool, "look", None)
        self._most = min(most, pool.max_connections // 2)
        self._pid = os.getpid()
        self._idle: deque[tuple[Any, float]] = deque()

    def ask(self, *command: Any) -> Any:
        """The answer to one command. RedisError when there is none, or an error: the command may have happened."""
        return self.ask_all([command])[0]

    def ask_all(self, commands: Sequence[Sequence[Any]]) -> list[Any]:
        """The answers to several commands, in one round trip."""
        return self._asked(commands, lambda connection: connection.read_response())

    def ask_each(self, commands: Sequence[Sequence[Any]]) -> list[Any]:
        """The same, with the ResponseError of one that failed in its place. RedisError when not all were answered."""
        return self._asked(commands, _answer)

    def _asked(self, commands: Sequence[Sequence[Any]], read: Callable[[Any], Any]) -> list[Any]:
        connection = self._taken()
        try:
            connection.send_packed_command(connection.pack_commands(commands))
            answers = [read(connection) for _ in commands]
        except BaseException:
            # An answer that was not read would be taken for the next one's. And where one has failed the others may, too.
            connection.disconnect()
            self._pool.release(connection)
            self.close()
            raise
        if len(self._idle) < self._most:
            self._idle.append((connection, time.monotonic()))
        else:
            self._pool.release(connection)
        return answers

    def tried(self, commands: Sequence[Sequence[Any]]) -> bool:
        """Whether these were done, in one round trip. False: they may have been, and are to be asked in the usual way."""
        try:
            self.ask_all(commands)
        except redis.RedisError:
            return False
        return True

    def _taken(self) -> Any:
        if os.getpid() != self._pid:
            self._pid, self._idle = os.getpid(), deque()
        if self._look is not None:
            self._look()
        try:
            connection, since = self._idle.pop()
        except IndexError:
            return self._pool.get_connection()
        if time.monotonic() - since > FRESH or not self._pool.owns_connection(connection):
            self._pool.release(connection)
            return self._pool.get_connection()
        return connection

    def close(self) -> None:
        """Give all connections back."""
        with contextlib.suppress(IndexError):
            while True:
                self._pool.release(self._idle.pop()[0])


def _answer(connection: Any) -> Any:
    try:
        return connection.read_response()
    except redis.ResponseError as error:
        return error
