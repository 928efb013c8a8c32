"""The primary that Sentinels name: a client that goes where it is, also while it moves.

1. A new connection asks the Sentinels first, one after the other, until one of them names a primary that is well.
2. A connection that is there already may lead to a primary that others have replaced, which does not know it yet: behind a
   network that is cut it goes on taking what will be thrown away. So once a second the Sentinels are asked again, and what
   leads elsewhere is closed.
3. Where no Sentinel answers, what is connected goes on: they are no part of taking and sending.
"""

from __future__ import annotations

import asyncio
import copy
import time
from typing import Any

import redis
import redis.asyncio
from redis.asyncio.sentinel import Sentinel as AsyncSentinel
from redis.asyncio.sentinel import SentinelConnectionPool as AsyncSentinelPool
from redis.asyncio.sentinel import SentinelManagedConnection as AsyncPrimaryConnection
from redis.asyncio.sentinel import SentinelManagedSSLConnection as AsyncPrimarySSLConnection
from redis.sentinel import Sentinel, SentinelConnectionPool

from octoworker import environment
from octoworker.store import budget

EVERY = 1.0
"""Seconds between two looks. For so long a primary that was replaced is believed, at the most."""

EVERY_WITHOUT = 5.0
"""The same while no Sentinel answers: asking in vain takes time of a caller's."""

LOOK_WITHIN = 0.3
"""Seconds for one look, over all Sentinels: a caller waits for it, who has one second in all."""

SENTINEL_TIMEOUT = 1.0
"""Seconds for one Sentinel, at the most; never more than half of what Redis has."""


class _Sentinels(Sentinel):
    """redis-py puts the one that answered in front, in place: two threads at once can so lose one of them for good."""

    def discover_master(self, service_name: str) -> Any:
        mine = copy.copy(self)
        mine.sentinels = list(self.sentinels)
        found = Sentinel.discover_master(mine, service_name)  # type: ignore[no-untyped-call]  # so in its stubs
        self.sentinels = mine.sentinels
        return found


class _AsyncSentinels(AsyncSentinel):
    """The same of coroutines."""

    async def discover_master(self, service_name: str) -> Any:
        mine = copy.copy(self)
        mine.sentinels = list(self.sentinels)
        found = await AsyncSentinel.discover_master(mine, service_name)
        self.sentinels = mine.sentinels
        return found


class PrimaryPool(SentinelConnectionPool):
    """Connections to the primary."""

    _next_look = 0.0
    moves = 0
    """How often the primary has become another one."""

    def get_connection(self, *args: Any, **options: Any) -> Any:
        self.look()
        return super().get_connection(*args, **options)

    def look(self) -> None:
        """Ask the Sentinels when it is time to. What led to another primary leads there no more; a failure changes nothing."""
        now = time.monotonic()
        if now < self._next_look:
            return
        self._next_look = now + EVERY
        before = self.master_address
        try:
            with budget.within(budget.at_most(LOOK_WITHIN)):
                self.get_master_address()  # type: ignore[no-untyped-call]  # so in its stubs
        except (redis.RedisError, OSError):
            self._next_look = now + EVERY_WITHOUT
        if before not in (None, self.master_address):
            self.moves += 1

    def disconnect(self, inuse_connections: bool = True) -> None:  # noqa: FBT001, FBT002 - as redis-py has it
        super().disconnect(inuse_connections)
        if inuse_connections:
            self.sentinel_manager.close()


class AsyncPrimaryPool(AsyncSentinelPool):
    """The same for an event loop."""

    _next_look = 0.0

    async def get_connection(self, *args: Any, **options: Any) -> Any:
        await self.look()
        return await super().get_connection(*args, **options)  # type: ignore[no-untyped-call]  # so in its stubs

    async def look(self) -> None:
        """As PrimaryPool.look."""
        now = time.monotonic()
        if now < self._next_look:
            return
        self._next_look = now + EVERY
        try:
            async with asyncio.timeout(LOOK_WITHIN):
                await self.get_master_address()  # type: ignore[no-untyped-call]  # so in its stubs
        except (redis.RedisError, OSError, TimeoutError):
            self._next_look = now + EVERY_WITHOUT

    async def disconnect(self, inuse_connections: bool = True) -> None:  # noqa: FBT001, FBT002 - as redis-py has it
        await super().disconnect(inuse_connections)
        if inuse_connections:
            for each in self.sentinel_manager.sentinels:
                await each.aclose()


def connect(known: environment.Sentinels, **options: Any) -> redis.Redis:
    """A client of the primary, with these options of a connection. It asks nobody before its first use."""
    manager = _Sentinels([])  # type: ignore[no-untyped-call]  # so in its stubs
    timeouts = _timeouts(options)
    kind = budget.PunctualConnection if known.tls is None else budget.PunctualSSLConnection
    manager.sentinels = [
        redis.Redis.from_pool(
            redis.ConnectionPool(connection_class=kind, host=host, port=port, **timeouts, **_at(known))
        )
        for host, port in known.hosts
    ]
    primary = budget.PunctualPrimaryConnection if known.tls is None else budget.PunctualPrimarySSLConnection
    pool = PrimaryPool(  # type: ignore[no-untyped-call]  # so in its stubs
        known.master_name, manager, connection_class=primary, **options, **_of_primary(known)
    )
    return redis.Redis.from_pool(pool)


def connect_async(known: environment.Sentinels, **options: Any) -> redis.asyncio.Redis:
    """The same for an event loop."""
    manager = _AsyncSentinels([])  # type: ignore[no-untyped-call]  # so in its stubs
    kind = redis.asyncio.Connection if known.tls is None else redis.asyncio.SSLConnection
    timeouts = _timeouts(options)
    manager.sentinels = [
        redis.asyncio.Redis.from_pool(
            redis.asyncio.ConnectionPool(connection_class=kind, host=host, port=port, **timeouts, **_at(known))
        )
        for host, port in known.hosts
    ]
    primary = AsyncPrimaryConnection if known.tls is None else AsyncPrimarySSLConnection
    pool = AsyncPrimaryPool(  # type: ignore[no-untyped-call]  # so in its stubs
        known.master_name, manager, connection_class=primary, **options, **_of_primary(known)
    )
    return redis.asyncio.Redis.from_pool(pool)


def _timeouts(options: dict[str, Any]) -> dict[str, Any]:
    timeout = min(options["socket_timeout"] / 2, SENTINEL_TIMEOUT)
    return {"socket_timeout": timeout, "socket_connect_timeout": timeout}


def _at(known: environment.Sentinels) -> dict[str, Any]:
    return {**known.sentinel_login, **(known.tls or {})}


def _of_primary(known: environment.Sentinels) -> dict[str, Any]:
    return {"db": known.database, **known.login, **(known.tls or {})}
