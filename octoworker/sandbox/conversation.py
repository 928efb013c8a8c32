"""One connection: requests come in, replies go out, until somebody hangs up. HTTP/1.1 with keep-alive.

Written on the bare socket, because a stand-in for a bad day needs to cut, drip and reset where an HTTP library helps.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from email.message import Message
from http.client import HTTPException, parse_headers
from typing import BinaryIO

from octoworker.sandbox.form import Request
from octoworker.sandbox.replies import Reply

LONGEST_LINE = 64 * 1024
"""Bytes of the request line: a GET with 500 recipients fits several times."""
LARGEST_BODY = 1024 * 1024
"""Bytes. 500 recipients with names need about a tenth."""
RESET_ON_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER on, zero seconds: close() sends RST instead of FIN."""


class Conversation:
    """Reads, asks `route` for the reply, writes. `closing` cuts every pause short."""

    def __init__(self, line: socket.socket, route: Callable[[Request], Reply], closing: threading.Event) -> None:
        self._line = line
        self._route = route
        self._closing = closing
        self._over = False
        self.idle = True
        """True between calls: nobody loses an answer when the line is cut now."""

    def run(self) -> None:
        """Talk until the end. A caller that dies is no news: killed workers are what the sandbox is for."""
        with suppress(OSError), self._line, self._line.makefile("rb") as stream:
            while not self._over:
                self._exchange(stream)

    def write(self, data: bytes) -> None:
        self._line.sendall(data)

    def pause(self, seconds: float) -> None:
        self._closing.wait(seconds)

    def hang_up(self) -> None:
        self._over = True

    def reset(self) -> None:
        self._line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        self._over = True

    def cut(self) -> None:
        """End it from another thread; whoever reads or writes here sees the line closed."""
        with suppress(OSError):
            self._line.shutdown(socket.SHUT_RDWR)

    def _exchange(self, stream: BinaryIO) -> None:
        asked = self._read(stream)
        if asked is None:
            self.hang_up()
            return
        reply = asked if isinstance(asked, Reply) else self._route(asked)
        reply = replace(reply, keep=reply.keep and (isinstance(asked, Request) and asked.keep))
        if reply.delay:
            self.pause(reply.delay)
        reply.leave(self, reply.packet())
        self._over = self._over or not reply.keep
        self.idle = True

    def _read(self, stream: BinaryIO) -> Request | Reply | None:
        """The next request, the reply to one that cannot be read, or None when the caller has gone."""
        line = stream.readline(LONGEST_LINE)
        self.idle = False
        words = line.decode("latin-1").split()
        if not line:
            return None
        try:
            method, target, version = words
            headers = parse_headers(stream)
            length = int(headers.get("Content-Length", "0"))
        except (ValueError, HTTPException):
            return Reply(status=400)
        if unwelcome := _unwelcome(headers, length):
            return Reply(status=unwelcome)
        return self._read_body(stream, Request(method, target, headers.get("Content-Type", "")), length, headers)
