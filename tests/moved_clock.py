"""A wall clock of its own for a worker process: wrong from its start, or moved while it runs (moved_clock.c)."""

from __future__ import annotations

import shutil
import struct
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

SOURCE = Path(__file__).with_suffix(".c")

needs_a_compiler = pytest.mark.skipif(
    sys.platform != "linux" or shutil.which("cc") is None,
    reason="a process gets a wrong clock by LD_PRELOAD of a library that cc makes",
)


class WallClock:
    """`environ` gives it to a process and its children; `move` moves it, also while they run."""

    def __init__(self, folder: Path, ahead: timedelta = timedelta(0)) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file = folder / "ahead"
        self.move(ahead)
        library = folder / "moved_clock.so"
        subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", library, SOURCE, "-ldl"], check=True)
        self.environ = {"LD_PRELOAD": str(library), "MOVED_CLOCK": str(self._file)}

    def move(self, ahead: timedelta) -> None:
        with self._file.open("r+b" if self._file.exists() else "wb") as file:
            file.write(struct.pack("=q", round(ahead.total_seconds())))
