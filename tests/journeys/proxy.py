"""A TCP proxy in front of Redis that can swallow: a half-open link, as a firewall that forgot makes it. Or it loses an answer."""

from __future__ import annotations

import contextlib
import socket
import threading


class Proxy:
    """Forwards a loopback port. While it swallows, bytes are read and thrown away, and no connection is ever closed."""

    def __init__(self, target_port):
        self._target = target_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._links = []
        self._swallowing = threading.Event()
        self._losing = threading.Event()
        self._passing: int | None = None
        self.cuts = 0
        """How often a link was cut in the middle of what was asked."""
        self._closing = False

    @property
    def url(self):
        return f"redis://127.0.0.1:{self.port}/0"

    def swallow(self):
        self._swallowing.set()

    def lose_the_next_answer(self):
        """What is asked next arrives and happens; its answer does not come, for the link is cut."""
        self._losing.set()

    def cut_after(self, count):
        """The link is cut when so many more bytes have been asked: mostly in the middle of a command."""
        self._passing = count

    def heal(self):
        """New bytes pass again. The links that lost some are closed, as their ends would be when they notice."""
        self._swallowing.clear()
        self._passing = None
        for link in self._links:
            _close(link)
        self._links.clear()

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._closing = True
        _close(self._listener)
        self.heal()

    def _accept(self):
        while not self._closing:
            try:
                inside, _ = self._listener.accept()
                outside = socket.create_connection(("127.0.0.1", self._target), timeout=5)
            except OSError:
                continue
            outside.settimeout(None)
            self._links += [inside, outside]
            for one, other in ((inside, outside), (outside, inside)):
                threading.Thread(target=self._pump, args=(one, other, one is outside), daemon=True).start()

    def _pump(self, source, sink, answers):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if answers and self._losing.is_set():
                    self._losing.clear()
                    break
                if not answers and self._passing is not None:
                    data, rest = data[: self._passing], data[self._passing :]
                    self._passing = None if rest else self._passing - len(data)
                    if rest:
                        self.cuts += 1
                        sink.sendall(data)
                        break
                if not self._swallowing.is_set():
                    sink.sendall(data)
        if not self._swallowing.is_set():
            _close(source)
            _close(sink)


def _close(link):
    with contextlib.suppress(OSError):
        link.shutdown(socket.SHUT_RDWR)
    with contextlib.suppress(OSError):
        link.close()
