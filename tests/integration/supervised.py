"""A worker of several processes without Celery: what each does is an argument."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from octoworker.telemetry import log
from octoworker.worker import health, processes, share

what, folder = sys.argv[1], Path(sys.argv[2])


def main():
    log.configure("json", "INFO")
    status = processes.supervise(2)
    if status is not None:
        return status
    mine = share.mine
    if what == "exits" and mine.index == 1:
        return 3
    if what == "told" and mine.index == 1:
        return 0
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    for name in (health.ALIVE, health.READY):
        health.HeartbeatFile(mine.file(name)).beat()
    (folder / f"{mine.index}.pids").open("a").write(f"{os.getpid()}\n")
    while True:
        signal.pause()


sys.exit(main())
