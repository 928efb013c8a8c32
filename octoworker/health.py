"""Whether a worker lives, and whether it consumes, at the cost of looking at a file.

1. A worker keeps two files fresh: `alive`, as long as its clock turns, and `ready`, as long as it takes jobs.
2. A probe looks how old they are. Half a minute of silence is an answer.

`alive` does not depend on Redis, so that an outage of Redis restarts no worker. `ready` goes with it, and at a shutdown.
A worker has a folder of its own, OCTOWORKER_HEALTH_DIR: two in one folder would speak for each other.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

FOLDER = "OCTOWORKER_HEALTH_DIR"
STALE = 30.0
"""Seconds after which a file that nobody touched says no."""

BEAT = 2.0
"""Seconds between two touches."""

ALIVE, READY = "alive", "ready"


def folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Where the files are: the folder that is set, else one of this user's among the temporary files."""
    given = environ.get(FOLDER)
    return Path(given) if given else Path(tempfile.gettempdir(), f"octoworker-{os.getuid()}")


class Pulse:
    """One of the two files. What fails here is dropped: it must not keep a worker from sending."""

    def __init__(self, name: str, where: Path | None = None) -> None:
        self._path = (where or folder()) / name
        self._last = 0.0

    def beat(self) -> None:
        """Say that it is so, now. Costs nothing when it was said a moment ago."""
        if time.monotonic() - self._last < BEAT / 2:
            return
        first, self._last = not self._last, time.monotonic()
        with contextlib.suppress(OSError):
            if first or not self._path.exists():
                self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                self._path.write_text(f"{os.getpid()}\n", encoding="ascii")
            else:
                os.utime(self._path)  # needs no room on a full disk

    def end(self) -> None:
        """Say that it is so no longer."""
        self._last = 0.0
        with contextlib.suppress(OSError):
            self._path.unlink()

    def silence(self) -> float | None:
        """Seconds since the last beat; None when there was none."""
        try:
            return max(0.0, time.time() - self._path.stat().st_mtime)
        except OSError:
            return None

    def of_another(self) -> bool:
        """Whether somebody else keeps this file fresh."""
        silent = self.silence()
        if silent is None or silent > STALE:
            return False
        with contextlib.suppress(OSError, ValueError):
            other = int(self._path.read_text(encoding="ascii"))
            if other != os.getpid():
                os.kill(other, 0)
                return True
        return False


def main(arguments: Sequence[str]) -> int:
    """The command `octoworker health`. It imports next to nothing: it is run every few seconds."""
    parser = argparse.ArgumentParser(
        prog="octoworker health",
        description="Exit status 0 when the worker of this machine is alive and takes jobs, 1 when not.",
    )
    parser.add_argument("--live", action="store_true", help="only whether it is alive; an outage of Redis is no death")
    parser.add_argument("--ready", action="store_true", help="only whether it takes jobs")
    parser.add_argument("--stale", type=float, default=STALE, help="seconds of silence that are a no (default: 30)")
    given = parser.parse_args(arguments)
    wanted = [name for name, asked in ((ALIVE, given.live), (READY, given.ready)) if asked] or [ALIVE, READY]
    told = [_told(name, given.stale) for name in wanted]
    print(", ".join(text for _, text in told), file=sys.stderr if not all(good for good, _ in told) else sys.stdout)
    return 0 if all(good for good, _ in told) else 1


def _told(name: str, stale: float) -> tuple[bool, str]:
    silent = Pulse(name).silence()
    if silent is None:
        return False, f"not {name}: there is no {folder() / name}"
    good = silent <= stale
    return good, f"{name if good else 'not ' + name}: last heard {silent:.0f} s ago"
