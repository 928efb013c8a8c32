"""What each producer was promised: once a door had taken a message, its people are noted here, and nothing is taken back."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Promise:
    """One text to one handset. `message_id` is None where the door gives no id for a person: then `campaign` is its name."""

    door: str
    number: str
    text: str
    message_id: str | None = None
    campaign: str | None = None


class Ledger:
    """Safe to share between producers."""

    def __init__(self):
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self.promises: list[Promise] = []
        self.perhaps: list[Promise] = []
        """What a door may have taken: its caller was not told, and cannot ask again."""
        self.calls: list[Callable[[], object]] = []
        """What was asked and taken, to be asked once more: under the same key, id or content."""

    def number(self):
        """Somebody nobody has written to."""
        with self._lock:
            return f"+336{next(self._numbers):08d}"

    def taken(self, promises):
        with self._lock:
            self.promises += promises

    def perhaps_taken(self, promises):
        with self._lock:
            self.perhaps += promises

    def asked(self, call):
        with self._lock:
            self.calls.append(call)

    def latest(self, count):
        """Messages with an id, the latest of them."""
        with self._lock:
            return [each.message_id for each in self.promises[-count:] if each.message_id]
