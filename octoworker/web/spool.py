"""Where calls are kept while Redis cannot be written: one file for each, on the disk before the call is answered.

1. A call that Redis does not take is written to a file of its own, with fsync, and answered 200 all the same.
2. While files are waiting a thread tries to feed them in, oldest first, and removes each that Redis has taken.
3. The next process on the same folder, also after a kill, feeds in what is there. A call that is fed in twice, because somebody
   died in between, is the same call: what is processed twice changes nothing.
"""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from octoworker.errors import StoreError
from octoworker.store.inbox import Arrival

Put = Callable[[Sequence[Arrival]], None]

MOST = 200_000
"""Files that may wait: a quarter of an hour at 200 calls a second. Beyond that a call is refused, not taken and lost."""

AT_ONCE = 100
"""Files fed in with one step."""

EVERY = 0.2
"""Seconds between two tries: for so long, at the most, a STOP may lie here once Redis is back."""

KEPT, HALF, ODD = ".call", ".half", ".odd"
"""A call; one that was being written; a file that is none, which stays for an operator."""


class Spool:
    """A folder of calls. Several processes may share it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, arrivals: Sequence[Arrival]) -> None:
        """Write one call to the disk. StoreError: it cannot be kept."""
        name = f"{time.time_ns():020d}-{os.urandom(6).hex()}"
        text = json.dumps([each.as_json() for each in arrivals])
        try:
            if sum(1 for _ in self._folder.iterdir()) >= MOST:
                raise StoreError("The spool is full.")
            half = self._folder / (name + HALF)
            with half.open("w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            half.rename(self._folder / (name + KEPT))
            self._sync_folder()
        except OSError as error:
            raise StoreError(f"The spool cannot be written ({type(error).__name__}).") from None

    def waiting(self) -> list[Path]:
        """The oldest calls. What was only half written was never answered."""
        with contextlib.suppress(OSError):
            return sorted(each for each in self._folder.iterdir() if each.suffix == KEPT)[:AT_ONCE]
        return []

    def all(self) -> Iterator[str]:
        """Every call as it is written, half or whole: for somebody who must know what stands in there."""
        for each in self._folder.iterdir():
            with contextlib.suppress(FileNotFoundError):  # it was fed in meanwhile
                if each.suffix in (KEPT, HALF, ODD):
                    yield each.read_text(encoding="utf-8", errors="replace")

    def feed(self, put: Put) -> bool:
        """Hand the oldest calls over, and remove what was taken. Whether there are more. StoreError: still not."""
        names = self.waiting()
        arrivals = [each for name in names for each in _read(name)]
        if arrivals:
            put(arrivals)
        for name in names:
            name.unlink(missing_ok=True)
        return len(names) == AT_ONCE

    def _sync_folder(self) -> None:
        descriptor = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


class Spooling:
    """Puts calls into Redis, or else into the spool; feeds the spool in as soon as that is possible."""

    def __init__(self, put: Put, spool: Spool) -> None:
        self._put = put
        self._spool = spool
        self._away = threading.Event()
        self._lock = threading.Lock()
        self._feeder: threading.Thread | None = None
        if spool.waiting():
            self._begin_to_feed()

    def __call__(self, arrivals: Sequence[Arrival]) -> None:
        """StoreError: neither of the two takes it."""
        # While calls are waiting, Redis was away a moment ago: nobody waits for it again but the feeder.
        if not self._away.is_set():
            with contextlib.suppress(StoreError):
                self._put(arrivals)
                return
        self._spool.keep(arrivals)
        self._begin_to_feed()

    def _begin_to_feed(self) -> None:
        with self._lock:
            self._away.set()
            if self._feeder is None or not self._feeder.is_alive():
                self._feeder = threading.Thread(target=self._feed, name="octoworker-spool", daemon=True)
                self._feeder.start()

    def _feed(self) -> None:
        while True:
            try:
                more = self._spool.feed(self._put)
            except (StoreError, OSError):
                time.sleep(EVERY)
                continue
            with self._lock:
                # Nobody writes between this look and the end: whoever comes next asks Redis first.
                if not more and not self._spool.waiting():
                    self._away.clear()
                    self._feeder = None
                    return


def _read(name: Path) -> list[Arrival]:
    """A file that somebody else has fed in by now is none. One that cannot be read keeps nothing behind it from being fed in."""
    try:
        return [Arrival.from_json(each) for each in json.loads(name.read_text(encoding="utf-8"))]
    except FileNotFoundError:
        return []
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
        name.rename(name.with_suffix(ODD))
        return []
