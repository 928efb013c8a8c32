"""One budget of time for all that a call asks of Redis: connecting, TLS, the handshake and the answer share it.

redis-py has a timeout for each of these steps, so a slow link takes a multiple of it. Inside `within(seconds)` a
connection waits no longer than what is left, and the call ends in redis-py's TimeoutError when nothing is.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import redis
from redis.connection import Connection, SSLConnection, UnixDomainSocketConnection
from redis.sentinel import SentinelManagedConnection, SentinelManagedSSLConnection


class _Budget(threading.local):
    ends_at: float | None = None
    """Monotonic; of this thread's call."""


_budget = _Budget()


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """All that is asked of Redis in this block, by this thread, takes that long at the most."""
    before, _budget.ends_at = _budget.ends_at, time.monotonic() + seconds
    try:
        yield
    finally:
        _budget.ends_at = before


LEAST = 0.001
"""Seconds that a socket waits at the least: it takes none at all for "never"."""


def at_most(seconds: float) -> float:
    """So many seconds, or what is left of the budget."""
    left = _left()
    return seconds if left is None else min(seconds, left)


def _left() -> float | None:
    """Seconds; None without a budget."""
    return None if _budget.ends_at is None else max(LEAST, _budget.ends_at - time.monotonic())


def _check() -> None:
    """TimeoutError when nothing is left."""
    if _budget.ends_at is not None and time.monotonic() >= _budget.ends_at:
        raise redis.TimeoutError("The time for this call is spent")


class _Punctual:
    """What makes a connection keep to the budget. The socket's own timeout comes back with the first call without one."""

    _sock: Any
    socket_timeout: float | None
    _socket_connect_timeout: float | None
    _hurried = False

    @property
    def socket_connect_timeout(self) -> float | None:
        return self._at_most(self._socket_connect_timeout)

    @socket_connect_timeout.setter
    def socket_connect_timeout(self, value: float | None) -> None:
        self._socket_connect_timeout = value

    def _connect(self) -> Any:
        _check()
        return super()._connect()  # type: ignore[misc]

    def send_packed_command(self, *args: Any, **options: Any) -> Any:
        self._hurry()
        return super().send_packed_command(*args, **options)  # type: ignore[misc]

    def read_response(self, *args: Any, **options: Any) -> Any:
        self._hurry()
        return super().read_response(*args, **options)  # type: ignore[misc]

    def _hurry(self) -> None:
        _check()
        left = _left()
        if self._sock is not None and (left is not None or self._hurried):
            self._sock.settimeout(self._at_most(self.socket_timeout))
        self._hurried = left is not None

    @staticmethod
    def _at_most(timeout: float | None) -> float | None:
        left = _left()
        return timeout if left is None else left if timeout is None else min(left, timeout)


class PunctualConnection(_Punctual, Connection):
    """Over TCP."""


class PunctualSSLConnection(_Punctual, SSLConnection):
    """Over TLS."""


class PunctualUnixConnection(_Punctual, UnixDomainSocketConnection):
    """Over a socket file."""


class PunctualPrimaryConnection(_Punctual, SentinelManagedConnection):
    """Over TCP, to the primary that Sentinels name."""


class PunctualPrimarySSLConnection(_Punctual, SentinelManagedSSLConnection):
    """The same over TLS."""


def connection_class(url: str) -> type[Any]:
    """The class for this address."""
    scheme = url.partition(":")[0].lower()
    return {"rediss": PunctualSSLConnection, "unix": PunctualUnixConnection}.get(scheme, PunctualConnection)
