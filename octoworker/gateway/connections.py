"""The connections. They answer two questions that no exception of the libraries below answers.

Could the request have left? A failed TLS handshake and a TLS connection that broke after the request raise the same
error. So a connection notes when it starts to connect and when it is through: a failure in between is proof that
nothing left.

Is it too late? Timeouts of a socket start anew with each byte, so a server that drips could hold a call, and with it
a lease, for ever. Each read waits at most until the call must end, and no request leaves after that.
"""

from __future__ import annotations

import io
import math
import socket
import threading
import time
from http.client import HTTPResponse
from typing import Any, cast

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError


class Call(threading.local):
    """The call that this thread makes: what its connections must know, and what they found."""

    deadline = math.inf
    """On the monotonic clock, in seconds."""
    max_idle = math.inf
    unsent = False
    """True while it is proven that no byte of the request has left."""

    def begin(self, total: float, max_idle: float) -> None:
        """Start a call that must end within `total` seconds."""
        self.deadline, self.max_idle, self.unsent = time.monotonic() + total, max_idle, True

    def left(self) -> float:
        """Seconds until the call must end; 0 or less when it is over."""
        return self.deadline - time.monotonic()


call = Call()


class _Patience(io.RawIOBase):
    """The reading end of a socket. Each read waits as long as the socket does, but not beyond the end of the call."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket) -> None:
        self._raw = raw
        self._sock = sock
        self._silence = sock.gettimeout() or math.inf

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = min(self._silence, call.left())
        if left <= 0:
            raise TimeoutError("the call must end")
        self._sock.settimeout(None if left == math.inf else left)
        return cast("int | None", self._raw.readinto(buffer))

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(HTTPResponse):
    def __init__(self, sock: socket.socket, *arguments: Any, **options: Any) -> None:
        super().__init__(sock, *arguments, **options)
        self.fp = io.BufferedReader(_Patience(self.fp.detach(), sock))


class _Connection(HTTPConnection):
    """A connection that notes its progress in `call`."""

    response_class = _Response
    _used_at = math.inf

    @property
    def is_connected(self) -> bool:
        """Whether the pool may use it again."""
        return super().is_connected and time.monotonic() - self._used_at < call.max_idle

    def connect(self) -> None:
        call.unsent = True
        super().connect()
        if call.left() <= 0:
            raise ConnectTimeoutError(self, "connected too late")
        call.unsent = False

    def request(self, *arguments: Any, **options: Any) -> None:
        self._used_at = time.monotonic()
        super().request(*arguments, **options)


class _SecureConnection(_Connection, HTTPSConnection):
    """The same over TLS."""


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


_POOLS = {"http": _Pool, "https": _SecurePool}


class Connections(HTTPAdapter):
    """The adapter that calls over these connections, directly or through an HTTP proxy.

    A SOCKS proxy brings connections of its own, which note nothing: there every failure counts as a maybe.
    """

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **options)
        if not proxy.lower().startswith("socks"):
            manager.pool_classes_by_scheme = _POOLS
        return manager
