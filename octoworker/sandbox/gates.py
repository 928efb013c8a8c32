"""Gates: where a call stands still until a test lets it go on. They make "kill it right here" exact."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable


class Gates:
    """Gates by name. One exists while calls stand at it; opening it lets all of them through."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        """Called without our lock: it takes the account's, which is held by readers who ask us."""
        self._moved = threading.Condition()
        self._standing: Counter[str] = Counter()
        self._opened_up_to: dict[str, int] = {}
        """The last fault of each name that was let through: a call may still be on its way to an opened gate."""
        self._torn_down = False

    def stand(self, name: str, fault_id: int) -> None:
        """Stand here, sent by this fault, until somebody opens the gate."""
        with self._moved:
            if self._passes(name, fault_id):
                return
            self._standing[name] += 1
            self._moved.notify_all()
        self._changed()
        with self._moved:
            self._moved.wait_for(lambda: self._passes(name, fault_id))

    def open(self, name: str, up_to: int) -> int:
        """Let all through who were sent here by faults up to this id; returns how many stood."""
        with self._moved:
            self._opened_up_to[name] = up_to
            through = self._standing.pop(name, 0)
            self._moved.notify_all()
        self._changed()
        return through

    def reached(self, name: str, timeout: float) -> int:
        """Wait until a call stands at the gate; returns how many do, 0 after `timeout` seconds."""
        with self._moved:
            self._moved.wait_for(lambda: self._torn_down or self._standing[name], timeout)
            return self._standing[name]

    def standing(self) -> dict[str, int]:
        """How many calls stand at each gate that has any."""
        with self._moved:
            return {name: waiting for name, waiting in self._standing.items() if waiting}

    def tear_down(self) -> None:
        """No gate holds anybody any more: the sandbox is closing."""
        with self._moved:
            self._torn_down = True
            self._moved.notify_all()

    def _passes(self, name: str, fault_id: int) -> bool:
        return self._torn_down or fault_id <= self._opened_up_to.get(name, 0)
