"""The HTTP server of the metrics and the status page: the standard library's, for two paths that only read.

It runs in threads of the process whose numbers it shows. It logs nothing: an address may hold the token.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from urllib.parse import parse_qs, urlsplit

PATIENCE = 10
"""Seconds for a caller to say what it wants, and to take its answer."""

LOOK_UP = 0.1
"""Seconds between two looks at whether to stop."""

AT_ONCE = 16
"""Answers made at once; whoever comes on top of that is turned away."""


@dataclass(frozen=True)
class Request:
    """A GET. `query` holds the last value of each name, `headers` are named Like-This."""

    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Reply:
    """What goes back."""

    body: bytes
    status: HTTPStatus = HTTPStatus.OK
    kind: str = "text/plain; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = field(default=())


Route = Callable[[Request], Reply]


class Server:
    """Listens from `start` to `stop`. `host` "": every address, IPv6 and IPv4; `port` 0: any that is free. OSError: taken."""

    def __init__(self, host: str, port: int, route: Route) -> None:
        self._server = _Listening(host, port, route)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._run, name="octoworker-metrics", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def serve(self) -> None:
        """Serve in this thread, until it is interrupted."""
        try:
            self._run()
        finally:
            self._server.server_close()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _run(self) -> None:
        self._server.serve_forever(poll_interval=LOOK_UP)


class _Listening(ThreadingHTTPServer):
    """Who listens. What is answered comes from `route`."""

    daemon_threads = True

    def __init__(self, host: str, port: int, route: Route) -> None:
        everywhere = not host and socket.has_dualstack_ipv6()
        self.address_family = socket.AF_INET6 if ":" in host or everywhere else socket.AF_INET
        self.route = route
        self.room = threading.BoundedSemaphore(AT_ONCE)
        self._everywhere = everywhere
        super().__init__((host, port), _Conversation)

    def server_bind(self) -> None:
        if self._everywhere:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        # Not http.server's own: it asks a name server who we are, which may take long.
        TCPServer.server_bind(self)

    def handle_error(self, request: object, client_address: object) -> None:
        """A caller that hangs up is no event."""


class _Conversation(BaseHTTPRequestHandler):
    """One request, one answer, and good-bye."""

    server: _Listening
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "octoworker", ""
    timeout = PATIENCE

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def log_message(self, *_: object) -> None:
        """Nothing: an address may hold the token."""

    def _answer(self, *, with_body: bool) -> None:
        if self.server.room.acquire(blocking=False):
            try:
                reply = _routed(self.server.route, self.path, dict(self.headers.items()))
            finally:
                self.server.room.release()
        else:
            reply = Reply(b"Too many callers at once.\n", HTTPStatus.SERVICE_UNAVAILABLE)
        self.send_response(reply.status)
        own = (("Content-Type", reply.kind), ("Content-Length", str(len(reply.body))), ("Connection", "close"))
        for name, value in (*own, *reply.headers):
            self.send_header(name, value)
        self.end_headers()
        if with_body:
            self.wfile.write(reply.body)


def _routed(route: Route, target: str, headers: Mapping[str, str]) -> Reply:
    try:
        parts = urlsplit(target)
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        return route(Request(parts.path, query, {name.title(): value for name, value in headers.items()}))
    except Exception:  # noqa: BLE001 - a bug here must not show what it was handling, nor end the worker's thread
        return Reply(b"Something went wrong here.\n", HTTPStatus.INTERNAL_SERVER_ERROR)
