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
from typing import BinaryIO

from octoworker.sandbox.form import Request
from octoworker.sandbox.reading import LONGEST_LINE, UnreadableError, read_request
from octoworker.sandbox.replies import Reply

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
        """Send bytes, all of them."""
        self._line.sendall(data)

    def pause(self, seconds: float) -> None:
        """Do nothing for a while, or until the sandbox closes."""
        self._closing.wait(seconds)

    def wait_until_gone(self, seconds: float) -> None:
        """Wait until the caller hangs up, or the sandbox closes."""
        self._line.settimeout(seconds)
        with suppress(OSError):
            self._line.recv(1, socket.MSG_PEEK)
        self._line.settimeout(None)

    def hang_up(self) -> None:
        """End it in the ordinary way (FIN)."""
        self._over = True

    def reset(self) -> None:
        """End it rudely (RST)."""
        self._line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        self._over = True

    def cut(self) -> None:
        """End it from another thread; whoever reads or writes here sees the line closed."""
        with suppress(OSError):
            self._line.shutdown(socket.SHUT_RDWR)

    def _exchange(self, stream: BinaryIO) -> None:
        line = stream.readline(LONGEST_LINE)
        self.idle = False
        reply = self._answer(stream, line) if line else None
        if reply is None:
            self.hang_up()
            return
        self.pause(reply.delay)
        reply.ready()
        reply.leave(self, reply.packet())
        self._over = self._over or not reply.keep
        self.idle = True

    def _answer(self, stream: BinaryIO, line: bytes) -> Reply | None:
        try:
            request = read_request(stream, line, self.write)
        except UnreadableError as error:
            return Reply(status=error.status, keep=False)
        if request is None:
            return None
        reply = self._route(request)
        return replace(reply, keep=reply.keep and request.keep)
