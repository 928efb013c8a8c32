"""Whether a worker lives, and whether it consumes, at the cost of looking at a file.

1. A worker keeps two files fresh: `alive`, as long as its main thread and its scheduler turn, and `ready`, as long as it
   takes jobs.
2. A probe looks how old they are. Half a minute of silence is an answer.

`alive` does not depend on Redis, so that an outage of Redis restarts no worker. `ready` goes with it, and at a shutdown.
A worker has a folder of its own, OCTOWORKER_HEALTH_DIR: two in one folder would speak for each other. Of a worker of several
processes each keeps files of its own there (`alive-1`), and the supervisor the two that count.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import stat
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

SHARED = f"another worker keeps the same health files: give each its own {FOLDER}"


def folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Where the files are: the folder that is set, else one of this user's among the temporary files."""
    given = environ.get(FOLDER)
    return Path(given) if given else Path(tempfile.gettempdir(), f"octoworker-{os.getuid()}")


class HeartbeatFile:
    """One of the two files. What fails here is dropped: it must not keep a worker from sending."""

    def __init__(self, name: str, where: Path | None = None) -> None:
        self._path = (where or folder()) / name
        self._last = 0.0

    def beat(self, behind: float = 0.0) -> None:
        """Say that it is so, or was `behind` seconds ago. Costs nothing when something was said a moment ago."""
        if time.monotonic() - self._last < BEAT / 2:
            return
        first, self._last = not self._last, time.monotonic()
        with contextlib.suppress(OSError):
            if first or not self._path.exists():
                self._sign()
            at = time.time() - behind
            os.utime(self._path, (at, at), follow_symlinks=False)  # needs no room on a full disk

    def end(self, of: int | None = None) -> None:
        """Say that it is so no longer. What another worker keeps fresh by now is its own. `of`: the process that kept it."""
        self._last = 0.0
        with contextlib.suppress(OSError):
            if self._signed_by() in (None, of or os.getpid()):
                self._path.unlink()

    def silence(self) -> float | None:
        """Seconds since the last beat, negative when this clock was set back since; None when there was none."""
        try:
            return time.time() - self._path.stat().st_mtime
        except OSError:
            return None

    def of_another(self) -> bool:
        """Whether somebody else keeps this file fresh."""
        silent = self.silence()
        other = self._signed_by()
        if silent is None or abs(silent) > STALE or other in (None, os.getpid()):
            return False
        with contextlib.suppress(OSError):
            os.kill(other, 0)
            return True
        return False

    def _sign(self) -> None:
        """Make the file anew, with our process in it. OSError when it cannot be, or would be somewhere else."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not _trusted(self._path.parent):
            raise PermissionError
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW
        with os.fdopen(os.open(self._path, flags, 0o644), "w", encoding="ascii") as file:
            file.write(f"{os.getpid()}\n")

    def _signed_by(self) -> int | None:
        try:
            return int(self._path.read_text(encoding="ascii"))
        except (OSError, ValueError):
            return None


def _trusted(where: Path) -> bool:
    """Whether this folder can lead us nowhere else. The one that is set is its setter's; the other stands among everybody's
    temporary files, where a stranger may have made it first, with a link to a file of ours in it."""
    if os.environ.get(FOLDER):
        return True
    seen = where.lstat()
    return stat.S_ISDIR(seen.st_mode) and seen.st_uid == os.getuid()


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
    reply = [_reply(name, given.stale) for name in wanted]
    print(", ".join(text for _, text in reply), file=sys.stderr if not all(good for good, _ in reply) else sys.stdout)
    return 0 if all(good for good, _ in reply) else 1


def _reply(name: str, stale: float) -> tuple[bool, str]:
    silent = HeartbeatFile(name).silence()
    if silent is None:
        return False, f"not {name}: there is no {folder() / name}"
    good = abs(silent) <= stale
    heard = f"last heard {silent:.0f} s ago" if silent > -1 else f"last heard {-silent:.0f} s ahead of this clock"
    return good, f"{name if good else 'not ' + name}: {heard}"
