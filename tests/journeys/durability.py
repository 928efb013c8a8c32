"""What a SIGKILL of Redis takes with it: enqueues that were confirmed and are gone after the restart.

    .venv/bin/python tests/journeys/durability.py --kills 40

1. Some threads create records, each confirmed one noted with its instant.
2. Redis is killed at a random moment, and started again on its own folder.
3. Every record confirmed in that life is looked for: for each `appendfsync`, on the disk as it is and on a slow one.

The slow disk is made: a preloaded library lets each fsync of the server take longer (it needs a C compiler). Prints one
line per case. It says nothing about a machine that goes down: then the page cache goes too.
"""

# ruff: noqa: T201 - a script that prints
from __future__ import annotations

import argparse
import os
import random
import subprocess
import tempfile
import threading
import time
import uuid
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

from octoworker.errors import StoreError
from octoworker.store import Store, connect, embedded, keys

THREADS = 2
PAUSE = 0.001
"""Seconds between two records of a thread."""

SLOW = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <unistd.h>
static int late(const char *name, int fd) { usleep(DELAY); return ((int (*)(int))dlsym(RTLD_NEXT, name))(fd); }
int fdatasync(int fd) { return late("fdatasync", fd); }
int fsync(int fd) { return late("fsync", fd); }
"""

LIFE = (1.0, 3.0)
"""Seconds that a server lives: at least one fsync, and a moment before or after the next."""


class Producer(threading.Thread):
    """Creates records, one after the other, until Redis is gone."""

    def __init__(self, url):
        super().__init__()
        self.confirmed: list[tuple[float, str]] = []
        self._store = Store(
            connect(url, timeout=1.0, retries=0), keep_for=timedelta(hours=1), requeue_after=timedelta(hours=1)
        )

    def run(self):
        with suppress(StoreError):
            while True:
                message_id = uuid.uuid4().hex
                self._store.create(message_id, "fp", "normal", '{"recipients": "+33600000000", "text": "durable?"}')
                self.confirmed.append((time.monotonic(), message_id))
                time.sleep(PAUSE)
        self._store.close()


@contextmanager
def slow_disk(milliseconds):
    """Servers started inside have a disk whose fsync takes this much longer."""
    if not milliseconds:
        yield
        return
    with tempfile.TemporaryDirectory() as folder:
        source, library = Path(folder, "slow.c"), Path(folder, "slow.so")
        source.write_text(SLOW)
        subprocess.run(
            ["cc", "-shared", "-fPIC", f"-DDELAY={milliseconds * 1000}", "-o", library, source, "-ldl"], check=True
        )
        os.environ["LD_PRELOAD"] = str(library)
        try:
            yield
        finally:
            del os.environ["LD_PRELOAD"]


def one_life(server, chance):
    """How many were confirmed, and for each missing one the seconds between its confirmation and the kill."""
    server.start()
    producers = [Producer(server.url) for _ in range(THREADS)]
    for producer in producers:
        producer.start()
    time.sleep(chance.uniform(*LIFE))
    killed_at = time.monotonic()
    server.kill()
    for producer in producers:
        producer.join()
    server.start()
    confirmed = [pair for producer in producers for pair in producer.confirmed]
    with connect(server.url) as client, client.pipeline(transaction=False) as pipe:
        for _, message_id in confirmed:
            pipe.exists(keys.record(message_id))
        found = pipe.execute()
    server.kill()
    return len(confirmed), [killed_at - at for (at, _), there in zip(confirmed, found, strict=True) if not there]


def case(kills, chance, folder, appendfsync, delay):
    confirmed, missing, robbed = 0, [], 0
    for _ in range(kills):
        with tempfile.TemporaryDirectory(dir=folder) as own, slow_disk(delay):
            more, gone = one_life(embedded.Server(Path(own), appendfsync=appendfsync), chance)
        confirmed, missing, robbed = confirmed + more, missing + gone, robbed + bool(gone)
    oldest = f"{max(missing) * 1000:.0f} ms" if missing else "-"
    disk = f"fsync {delay} ms slower" if delay else "as it is"
    print(f"| {appendfsync} | {disk} | {kills} | {confirmed} | {robbed} | {len(missing)} | {oldest} |", flush=True)


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--kills", type=int, default=40)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--slow", type=int, default=100, help="milliseconds that the slow disk adds to each fsync")
    options.add_argument("--folder", help="a folder on the disk to measure; default: the temporary folder")
    given = options.parse_args()
    print("| appendfsync | disk | kills | confirmed | kills that took some | confirmed and gone | oldest of them |")
    print("|---|---|---|---|---|---|---|")
    for delay in (0, given.slow):
        for appendfsync in ("everysec", "always"):
            case(given.kills, random.Random(given.seed), given.folder, appendfsync, delay)


if __name__ == "__main__":
    main()
