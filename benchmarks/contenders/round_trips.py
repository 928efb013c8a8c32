"""How often a worker waits for Redis: a door in front of it counts each time the talk turns from answer to question.

Commands that go out together (a MULTI, a pipeline) are one round trip; what a script does inside Redis is none.
"""

from __future__ import annotations

import re
import selectors
import socket
import threading
from collections import Counter

FIRST = re.compile(rb"\*\d+\r\n\$\d+\r\n([A-Za-z]+)\r\n")
CHUNK = 1 << 20


class Door:
    """A loopback port that leads to Redis. A context manager."""

    def __init__(self, redis_port):
        self._redis_port = redis_port
        self._selector = selectors.DefaultSelector()
        self._ending = threading.Event()
        self._asking = {}
        """Whether a connection, by its worker's end, has asked and not been answered."""
        self.trips = Counter()
        """Round trips by the first command of each."""

    def __enter__(self):
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.url = f"redis://127.0.0.1:{self._listener.getsockname()[1]}/0"
        self._selector.register(self._listener, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ending.set()
        self._thread.join(10)
        for key in list(self._selector.get_map().values()):
            key.fileobj.close()
        self._selector.close()

    def _serve(self):
        while not self._ending.is_set():
            for key, _ in self._selector.select(timeout=0.1):
                if key.data is None:
                    self._open()
                else:
                    self._pass_on(key.fileobj, *key.data)

    def _open(self):
        worker, _ = self._listener.accept()
        server = socket.create_connection(("127.0.0.1", self._redis_port))
        for side in (worker, server):
            side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._selector.register(worker, selectors.EVENT_READ, (server, worker, True))
        self._selector.register(server, selectors.EVENT_READ, (worker, worker, False))

    def _pass_on(self, source, target, worker, asks):
        try:
            data = source.recv(CHUNK)
            target.sendall(data)
        except OSError:
            data = b""
        if not data:
            self._close(source, target)
            return
        if asks and not self._asking.get(worker):
            found = FIRST.match(data)
            self.trips[found[1].decode().upper() if found else "?"] += 1
        self._asking[worker] = asks

    def _close(self, *sides):
        for side in sides:
            if side.fileno() >= 0:
                self._selector.unregister(side)
                side.close()
