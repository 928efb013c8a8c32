"""The files in which the processes of one worker count: a folder for each worker, two files for each process.

1. The folder is made before the fork and locked for as long as the worker or a child of it lives; what a killed worker
   left is removed by the next.
2. Each process has its files reserved on the disk before it counts: a full disk under a mapped file ends a process.
3. What a dead child counted is added to the files of the dead, and its own are removed.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOM = 1 << 16
"""Bytes of one file: prometheus_client's own first size. All that can be counted here, every code included, fits."""

FOLDER = "octoworker-metrics-"


def reserve(folder: Path) -> None:
    """Room on the disk for the files of this process, and of the dead."""
    for name in (str(os.getpid()), "dead"):
        for kind in ("counter", "histogram"):
            descriptor = os.open(folder / f"{kind}_{name}.db", os.O_RDWR | os.O_CREAT, 0o600)
            try:
                if os.fstat(descriptor).st_size < ROOM:
                    _allocate(descriptor)
            finally:
                os.close(descriptor)


def _allocate(descriptor: int) -> None:
    if sys.platform == "linux":
        os.posix_fallocate(descriptor, 0, ROOM)
    else:
        os.write(descriptor, bytes(ROOM))


def own_folder() -> Path:
    """A new folder, locked as long as this worker lives: its children hold the lock too."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=FOLDER))
        lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        with contextlib.suppress(OSError):
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Another worker that was just starting may have taken it for a leftover.
            if (folder / "lock").exists():
                return folder
        os.close(lock)


def remove_leftovers() -> None:
    """Folders of workers that were killed: nobody holds their lock."""
    for folder in Path(tempfile.gettempdir()).glob(f"{FOLDER}*"):
        with contextlib.suppress(OSError):
            lock = os.open(folder / "lock", os.O_RDWR | os.O_NOFOLLOW)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(lock)


def fold_the_dead(folder: Path) -> None:
    """Add what dead children counted to the files of the dead, and remove theirs: else a year of children is a million files."""
    from prometheus_client.mmap_dict import MmapedDict  # noqa: PLC0415 - only who counts pays for it

    for path, pid in _files(folder):
        if pid == os.getpid() or _alive(pid):
            continue
        dead = MmapedDict(str(path.with_name(f"{path.name.partition('_')[0]}_dead.db")))  # type: ignore[no-untyped-call]
        try:
            for key, value, at, _ in MmapedDict.read_all_values_from_file(str(path)):  # type: ignore[no-untyped-call]
                dead.write_value(key, dead.read_value(key)[0] + value, at)  # type: ignore[no-untyped-call]
        finally:
            dead.close()  # type: ignore[no-untyped-call]
        path.unlink()


def _files(folder: Path) -> Iterator[tuple[Path, int]]:
    for path in sorted(folder.glob("*_*.db")):
        pid = path.stem.partition("_")[2]
        if pid.isdigit():
            yield path, int(pid)


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
