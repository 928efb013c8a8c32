"""The post office: a few carriers, each with its own round of numbers, so that one handset's events keep their order."""

from __future__ import annotations

import threading
import zlib
from collections.abc import Callable
from contextlib import suppress
from itertools import groupby
from queue import Empty, SimpleQueue

from octoworker.sandbox.callbacks.carrier import carry
from octoworker.sandbox.callbacks.letters import Letter, body
from octoworker.sandbox.callbacks.log import Callback

CARRIERS = 4
"""Callbacks under way at once: a slow receiver holds up a quarter of the handsets."""
LARGEST_ARRAY = 100
"""Events in one list."""
FAREWELL = 12.0
"""Seconds we wait for a carrier; longer than it waits for an answer."""

Bag = SimpleQueue[Letter | None]


class PostOffice:
    """Posts letters in the background. `noted` hears of each answer."""

    def __init__(self, noted: Callable[[Callback], None], now: Callable[[], float]) -> None:
        self._noted = noted
        self._now = now
        self._lock = threading.Lock()
        self._closed = False
        self._bags: list[Bag] = []
        self._carriers: list[threading.Thread] = []

    def send(self, letter: Letter) -> None:
        """Post it soon. The carriers come to work with the first letter."""
        with self._lock:
            if self._closed:
                letter.done.set()
                return
            if not self._bags:
                self._open()
            self._bags[zlib.crc32(letter.number.encode()) % CARRIERS].put(letter)

    def close(self) -> None:
        """Post nothing more; what is under way is finished, no thread stays."""
        with self._lock:
            self._closed = True
            for bag in self._bags:
                bag.put(None)
        for carrier in self._carriers:
            carrier.join(FAREWELL)

    def _open(self) -> None:
        self._bags = [SimpleQueue() for _ in range(CARRIERS)]
        self._carriers = [
            threading.Thread(target=self._work, args=(bag,), name="sandbox-carrier", daemon=True) for bag in self._bags
        ]
        for carrier in self._carriers:
            carrier.start()

    def _work(self, bag: Bag) -> None:
        while (letter := bag.get()) is not None and not self._closed:
            self._round([letter, *_waiting(bag)])

    def _round(self, letters: list[Letter]) -> None:
        """Post them in their order, those that may share a list together."""
        for together, batch in groupby(
            letters, key=lambda each: (each.url, each.array and each.payload_type == "json")
        ):
            for packed in [list(batch)] if together[1] else [[letter] for letter in batch]:
                self._post(packed)

    def _post(self, letters: list[Letter]) -> None:
        """Once, or as often as it takes, where the account says so: at once, since how long Octopush would wait nobody knows."""
        for _ in range(letters[0].tries):
            if self._taken(letters):
                break
        for letter in letters:
            letter.done.set()

    def _taken(self, letters: list[Letter]) -> bool:
        content_type, packed = body(letters)
        answer = carry(letters[0].url, content_type, packed)
        self._noted(
            Callback(
                n=0,
                at=self._now(),
                api=letters[0].api,
                kinds=tuple(letter.kind for letter in letters),
                numbers=tuple(letter.number for letter in letters),
                fields=tuple(letter.fields for letter in letters),
                content_type=content_type,
                answer=answer,
            )
        )
        return answer.good


def _waiting(bag: Bag) -> list[Letter]:
    """What lies in the bag already, as much as one list may hold; a call to stop is put back."""
    letters: list[Letter] = []
    with suppress(Empty):
        while len(letters) < LARGEST_ARRAY - 1:
            letter = bag.get_nowait()
            if letter is None:
                bag.put(None)
                break
            letters.append(letter)
    return letters
