"""A process that is to run until SIGTERM or Ctrl-C.

A handler runs in the main thread, in the midst of whatever that does. `threading.Event` has a lock which the main thread may hold at
that moment, because it waits for the very event: then its `set` waits for ever. `queue.SimpleQueue` has none.
"""

from __future__ import annotations

import queue
import signal
from typing import Self


class Stopping:
    """What `threading.Event` can, and a signal's handler may set it."""

    def __init__(self) -> None:
        self._asked = queue.SimpleQueue[None]()

    @classmethod
    def by_signals(cls) -> Self:
        """Set by SIGTERM and SIGINT from now on. In the main thread alone."""
        stopping = cls()
        for each in (signal.SIGTERM, signal.SIGINT):
            signal.signal(each, lambda *_: stopping.set())
        return stopping

    def set(self) -> None:
        self._asked.put(None)

    def is_set(self) -> bool:
        return not self._asked.empty()

    def wait(self, timeout: float | None = None) -> bool:
        """Whether it is set; wait for that for so many seconds, or for ever."""
        try:
            self._asked.get(timeout=timeout)
        except queue.Empty:
            return False
        self._asked.put(None)
        return True
