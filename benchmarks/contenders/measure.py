"""What a tree of processes uses, read from /proc."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")


def _stat(pid):
    """Fields of /proc/PID/stat from the third on; the second, the name, may hold anything."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def tree(roots):
    """These processes and all below them."""
    children = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError, IndexError):
                children.setdefault(int(_stat(entry.name)[1]), []).append(int(entry.name))
    found, look_at = [], list(roots)
    while look_at:
        pid = look_at.pop()
        found.append(pid)
        look_at += children.get(pid, [])
    return found


def cpu(pids):
    """Seconds of user and system time of these, and of their children that have ended and been waited for."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            total += sum(int(value) for value in _stat(pid)[11:15])
    return total / TICK


def pss(pids):
    """Megabytes: memory of their own, and their part of what they share."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
            total += next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total / 1024


def end(processes):
    """End these and everything they started: what is measured is over, and a warm shutdown can take half a minute."""
    for pid in tree(process.pid for process in processes):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    for process in processes:
        process.wait()
