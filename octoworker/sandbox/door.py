"""The door: one loopback port, who stands in it, and how to shut it for a while."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress

from octoworker.sandbox.conversation import Conversation
from octoworker.sandbox.form import Request
from octoworker.sandbox.replies import Reply

LOOPBACK = "127.0.0.1"
BACKLOG = 256
"""Callers that may wait to be let in: a chaos run connects all its workers at once."""
LOOK_UP = 0.02
"""Seconds between two looks at whether the door shall be shut; the longest that shutting takes."""
FAREWELL = 5.0
"""Seconds we wait for a conversation to end; each one only has to notice that its line is gone."""


class Door:
    """Lets callers in and gives each a thread. Shut, it keeps the port, so that nobody else can take it."""

    def __init__(self, port: int, route: Callable[[Request], Reply]) -> None:
        self._route = route
        self._closing = threading.Event()
        self._socket = _bound(port)
        self.port: int = self._socket.getsockname()[1]
        self._guests: dict[Conversation, threading.Thread] = {}
        self._lock = threading.Lock()
        self._moving = threading.Lock()
        """Held while the door moves, so that closing for good cannot cross shutting for a while."""
        self._porter: _Porter | None = None
        self._reopening: threading.Thread | None = None

    def open(self) -> None:
        """From here on anybody on this machine can connect."""
        self._socket.listen(BACKLOG)
        self._porter = _Porter(self._socket, self._welcome)

    def shut_for(self, seconds: float) -> None:
        """Nobody can connect for so long, and idle connections end; calls under way are finished. One at a time."""
        with self._moving:
            if self._reopening is not None and self._reopening.is_alive():
                raise ValueError("The door is shut already.")
            if self._closing.is_set():
                return
            self._shut()
            self._socket = _bound(self.port)
            self._send_idle_away()
            self._reopening = threading.Thread(target=self._reopen_after, args=(seconds,), name="sandbox-reopen")
            self._reopening.start()

    def close(self) -> None:
        """Nobody comes in any more, everybody leaves, no thread and no socket stays."""
        self._closing.set()
        with self._moving:
            if self._reopening is not None:
                self._reopening.join(FAREWELL)
            self._shut()
        for guest, thread in self._present().items():
            guest.cut()
            thread.join(FAREWELL)

    def _shut(self) -> None:
        if self._porter is not None:
            self._porter.dismiss()
        self._socket.close()

    def _send_idle_away(self) -> None:
        for guest in self._present():
            if guest.idle:
                guest.cut()

    def _reopen_after(self, seconds: float) -> None:
        if not self._closing.wait(seconds):
            self.open()

    def _welcome(self, line: socket.socket) -> None:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        guest = Conversation(line, self._route, self._closing)
        thread = threading.Thread(target=self._talk, args=(guest,), name="sandbox-guest", daemon=True)
        with self._lock:
            self._guests[guest] = thread
        thread.start()

    def _talk(self, guest: Conversation) -> None:
        try:
            guest.run()
        finally:
            with self._lock:
                del self._guests[guest]

    def _present(self) -> dict[Conversation, threading.Thread]:
        with self._lock:
            return dict(self._guests)


class _Porter:
    """The thread that lets callers in."""

    def __init__(self, door: socket.socket, welcome: Callable[[socket.socket], None]) -> None:
        door.settimeout(LOOK_UP)
        self._welcome = welcome
        self._dismissed = threading.Event()
        self._thread = threading.Thread(target=self._let_in, args=(door,), name="sandbox-porter", daemon=True)
        self._thread.start()

    def dismiss(self) -> None:
        self._dismissed.set()
        self._thread.join()

    def _let_in(self, door: socket.socket) -> None:
        while not self._dismissed.is_set():
            with suppress(OSError):
                line, _ = door.accept()
                line.settimeout(None)
                self._welcome(line)


def _bound(port: int) -> socket.socket:
    """Bound but not listening: whoever connects is refused."""
    door = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        door.bind((LOOPBACK, port))
    except OSError:
        door.close()
        raise
    return door
