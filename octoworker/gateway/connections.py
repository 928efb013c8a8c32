"""The connections: one request goes out over one of them, one whole answer comes back.

requests' adapter keeps them, with its proxies and certificates; on each one http.client writes the request and reads the
answer. What the libraries between those two do for others (redirects, retries, cookies, hooks, decoding) is nothing that
a call of ours may do, and cost more than the call itself.

Two questions are answered here that no exception of the libraries answers.

Could the request have left? A failed TLS handshake and a TLS connection that broke after the request raise the same
error. So connecting is a step of its own: what fails before its end is proof that nothing left.

Is it too late? Timeouts of a socket start anew with each byte, so a server that drips could hold a call, and with it
a lease, for ever. Each read waits at most until the call must end, and no request leaves after that.
"""

from __future__ import annotations

import io
import math
import re
import socket
import ssl
import threading
import time
from collections.abc import Collection, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from functools import cache
from http.client import HTTPConnection, HTTPException, HTTPMessage, HTTPResponse, IncompleteRead
from typing import Any, cast
from urllib.parse import urlsplit

from requests.adapters import HTTPAdapter
from urllib3 import connection as urllib3_connection
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.exceptions import ConnectTimeoutError, HTTPError, ProxyError
from urllib3.util.ssl_match_hostname import CertificateError

from octoworker.gateway import faults

ROOM_FOR_HEADERS = 256 * 1024
"""Bytes that an answer may take beside its body: its headers, and the sizes of its chunks."""

PORTS = {"http": 80, "https": 443}

PLAIN = "identity"
"""The one encoding of an answer that is asked for."""


class Call(threading.local):
    """The call that this thread makes: what its connections must know, and what they found."""

    deadline = math.inf
    """On the monotonic clock, in seconds."""
    max_idle = math.inf
    room = math.inf
    """Bytes that may still come."""
    unsent = False
    """True while it is proven that no byte of the request has left."""

    def begin(self, total: float, max_idle: float) -> None:
        """Start a call that must end within `total` seconds."""
        self.deadline, self.max_idle, self.unsent = time.monotonic() + total, max_idle, True
        self.room = math.inf

    def left(self) -> float:
        """Seconds until the call must end; 0 or less when it is over."""
        return self.deadline - time.monotonic()


call = Call()


@dataclass(frozen=True)
class Request:
    """What goes out, but for its body: written once, as all calls to one address differ in that alone."""

    method: str
    head: bytes = field(repr=False)
    """As it goes out, but for its last lines."""

    @classmethod
    def written(cls, method: str, url: str, headers: Mapping[str, str]) -> Request:
        """The request as http.client writes it. Raises ValueError for a header that cannot be sent."""
        address, paper = urlsplit(url), _Paper()
        connection = HTTPConnection((address.hostname or "").rstrip("."), address.port or PORTS[address.scheme])
        connection.default_port, connection.sock = PORTS[address.scheme], cast("socket.socket", paper)
        path = f"{address.path or '/'}?{address.query}" if address.query else address.path or "/"
        connection.putrequest(method, path, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders()
        return cls(method, paper.written.removesuffix(b"\r\n"))

    def with_body(self, body: bytes) -> bytes:
        """All of it, to leave in one piece."""
        return b"%bContent-Length: %d\r\n\r\n%b" % (self.head, len(body), body) if body else self.head + b"\r\n"


class _Paper:
    """Stands where a connection has its socket, and keeps what is written."""

    written = b""

    def sendall(self, raw: bytes) -> None:
        self.written += raw


@dataclass(frozen=True)
class Limits:
    """Of one exchange. Times are in seconds."""

    connect_timeout: float
    read_timeout: float
    room: int
    """Bytes that the body of the answer may have."""
    read: Collection[int]
    """The statuses whose body is read."""


@dataclass(frozen=True)
class Reply:
    """`body` is empty when nobody asked for the body of such a status."""

    status: int
    headers: Mapping[str, str]
    """By names in any case."""
    body: bytes


class _Patience(io.RawIOBase):
    """The reading end of a socket. Each read waits as long as the socket does, but not beyond the end of the call, and all of
    them together take no more than the call has room for."""

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
        found = cast("int | None", self._raw.readinto(buffer))
        call.room -= found or 0
        if call.room < 0:
            raise faults.TooLongError
        return found

    def close(self) -> None:
        self._raw.close()
        super().close()


_USUAL = re.compile(rb"HTTP/1\.1 20[01] ([ -~]*)\r\n((?:[!-9;-~]+:[ -~]*\r\n)+)\r\n")
"""The head of nearly every answer that says yes, when all of it is here: each line has a name and a value, and nothing in it has
two readings."""


class _Response(HTTPResponse):
    _method: str | None

    def __init__(self, sock: socket.socket, *arguments: Any, **options: Any) -> None:
        super().__init__(sock, *arguments, **options)
        self.fp = io.BufferedReader(_Patience(self.fp.detach(), sock))

    def begin(self) -> None:
        """As http.client does it, which reads each head as if it were a mail. Any other head than the usual one is left to it."""
        usual = _USUAL.match(self.fp.peek())
        headers = _headers(usual[2]) if usual else HTTPMessage()
        chunked, length = headers.get("Transfer-Encoding", "").lower() == "chunked", headers.get("Content-Length", "")
        if not usual or self._method == "HEAD" or not (chunked or length.isdecimal()):
            super().begin()
            return
        self.fp.read(usual.end())
        self.headers = self.msg = headers
        self.version, self.code, self.reason = 11, int(usual[0][9:12]), usual[1].decode()
        self.status = self.code
        self.chunked, self.chunk_left = chunked, None
        self.length = None if chunked else int(length)
        self.will_close = self._check_close()  # type: ignore[attr-defined]  # not in its stubs


def _headers(lines: bytes) -> HTTPMessage:
    found = HTTPMessage()
    for line in lines.decode("ascii").splitlines():
        name, _, value = line.partition(":")
        found.set_raw(name, value.lstrip(" "))
    return found


class _Connection(urllib3_connection.HTTPConnection):
    """What each connection is beside what its library makes of it: it knows when the call must end."""

    response_class = _Response
    used_at = math.inf

    @property
    def is_connected(self) -> bool:
        """Whether the pool may use it again."""
        return super().is_connected and time.monotonic() - self.used_at < call.max_idle

    def connect(self) -> None:
        super().connect()
        if call.left() <= 0:
            raise ConnectTimeoutError(self, "connected too late")

    def request(self, *arguments: Any, **options: Any) -> None:
        self.used_at = time.monotonic()
        super().request(*arguments, **options)


class _Pool(HTTPConnectionPool):
    """What the pool of one host can do here beside what it comes with, whether it calls directly or through a proxy."""

    def exchange(self, request: Request, body: bytes, limits: Limits) -> Reply:
        """Send, and read the answer, over a connection that is kept only after a whole answer."""
        connection: Any = self._get_conn()
        kept = False
        try:
            if connection.is_closed:
                connection.timeout = limits.connect_timeout
                self._connect(connection)
            call.unsent = False
            reply, kept = _exchanged(connection, request, body, limits)
            connection.used_at = time.monotonic()
        finally:
            if not kept:
                connection.close()
            self._put_conn(connection)
        return reply

    def _connect(self, connection: Any) -> None:
        if self.proxy is None:
            connection.connect()
            return
        try:
            self._prepare_proxy(connection)
        except (OSError, HTTPException, HTTPError, CertificateError) as error:
            if connection.has_connected_to_proxy and isinstance(error, (ssl.SSLError, CertificateError)):
                raise
            raise ProxyError("no tunnel", error) from error


class Connections(HTTPAdapter):
    """The adapter whose pools exchange as above, directly or through a proxy. What it sends itself ends in time, too."""

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options)
        _let_exchange(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **options)
        _let_exchange(manager)
        return manager


def _let_exchange(manager: Any) -> None:
    """Pools and connections as ours, whichever the manager has: a SOCKS proxy brings some of its own."""
    manager.pool_classes_by_scheme = {
        scheme: pool if issubclass(pool, _Pool) else _as_ours(pool)
        for scheme, pool in manager.pool_classes_by_scheme.items()
    }


@cache
def _as_ours(pool: Any) -> Any:
    connection = type(pool.ConnectionCls.__name__, (_Connection, pool.ConnectionCls), {})
    return type(pool.__name__, (_Pool, pool), {"ConnectionCls": connection})


def _exchanged(connection: Any, request: Request, body: bytes, limits: Limits) -> tuple[Reply, bool]:
    """The reply, and whether the connection may be used again."""
    call.room = ROOM_FOR_HEADERS + limits.room
    connection.sock.settimeout(limits.read_timeout)
    with suppress(BrokenPipeError, ConnectionResetError):  # a server may answer, and hang up, before it has read all
        connection.sock.sendall(request.with_body(body))
    with closing(_Response(connection.sock, method=request.method)) as response:
        response.begin()
        headers = cast("Mapping[str, str]", response.headers)
        if response.status not in limits.read:
            return Reply(response.status, headers, b""), False
        found = _body(response, limits.room)
        return Reply(response.status, headers, found), response.isclosed() and not response.will_close


def _body(response: HTTPResponse, room: int) -> bytes:
    """At most `room` bytes, as they came: none is decompressed, for a kilobyte may hold hundreds of megabytes."""
    headers = response.headers
    if headers.get("Content-Encoding", PLAIN).strip().lower() not in ("", PLAIN):
        raise faults.EncodedError
    # What two readers could cut differently is not cut at all: the rest would be the answer to somebody else's call.
    if headers.get("Transfer-Encoding") and not response.chunked:
        raise faults.EncodedError
    if len(set(headers.get_all("Content-Length", ()))) > 1:
        raise IncompleteRead(b"")
    body = response.read(room + 1)
    if len(body) > room:
        raise faults.TooLongError
    if response.length:
        raise IncompleteRead(b"")
    return body
