"""`python tests/journeys/stopped_bulk.py --rows 130000`: `octoworker bulk` is stopped three times on its way, by SIGKILL, by Ctrl-C and by
a full Redis, and continued by the same command, each time under other settings, while a worker sends.

The oracle is the handsets': everybody's text came once.
"""

from __future__ import annotations

import argparse
import csv
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness import API_KEY, LOGIN, House, until

from octoworker.sandbox import Sandbox
from octoworker.store import embedded

TEMPLATE = "Bonjour {prenom}, votre rendez-vous approche."
HOUR = 3600.0
WORKER = {"OCTOWORKER_CONCURRENCY": "16", "OCTOWORKER_REQUEUE_AFTER": "60"}

SETTINGS = (
    {"OCTOWORKER_SENDER": "First"},
    {"OCTOWORKER_SENDER": "Second", "OCTOWORKER_COUNTRIES": "FR,BE"},
    {"OCTOWORKER_SENDER": "Third", "OCTOWORKER_ALLOW_POSSIBLE": "true"},
    {"OCTOWORKER_SENDER": "Fourth", "OCTOWORKER_COUNTRIES": "FR"},
)
"""Of the command, from call to call."""


def written(n):
    """As people write it, in three ways."""
    return (f"06 12 {n // 10000:02d} {n // 100 % 100:02d} {n % 100:02d}", f"+33612{n:06d}", f"0033612{n:06d}")[n % 3]


def reached(it, process, wanted):
    return it.redis.dbsize() > wanted or process.poll() is not None


def full(it, _):
    """It has room for some thousand more."""
    it.redis.config_set("maxmemory", int(it.redis.info("memory")["used_memory"]) + 2_500_000)


STOPS = (
    lambda _, process: process.send_signal(signal.SIGKILL),
    lambda _, process: process.send_signal(signal.SIGINT),
    full,
)


def run(rows, folder):
    """Exit statuses of the calls, and how many people heard nothing, heard it twice, or were not asked for."""
    path = folder / "people.csv"
    with path.open("w", newline="", encoding="utf-8") as out:
        csv.writer(out, delimiter=";").writerows([("tel", "prenom"), *((written(n), f"P{n}") for n in range(rows))])
    texts = {f"+33612{n:06d}": f"Bonjour P{n}, votre rendez-vous approche." for n in range(rows)}
    command = [
        sys.executable,
        "-m",
        "octoworker",
        "bulk",
        str(path),
        "--template",
        TEMPLATE,
        "--transactional",
        "--send",
    ]
    statuses = []
    with (
        embedded.Server() as server,
        Sandbox(user_login=LOGIN, api_key=API_KEY, credit="1000000.00") as sandbox,
        closing(House(server.url, sandbox, folder, WORKER)) as it,
    ):
        it.worker()
        for call, settings in enumerate(SETTINGS):
            process = subprocess.Popen(command, env={**it.environ, **settings}, stdout=subprocess.DEVNULL)
            if call < len(STOPS):
                wanted = (call + 1) * rows // 4
                until(partial(reached, it, process, wanted), HOUR, every=0.1)
                STOPS[call](it, process)
            statuses.append(process.wait())
            it.redis.config_set("maxmemory", 0)
        until(lambda: not it.redis.zcard("ow:due"), HOUR, every=1)
        heard = sandbox.handsets()
    rings = {number: [each["text"] for each in messages] for number, messages in heard.items()}
    return statuses, {
        "heard it once": sum(rings.get(number) == [text] for number, text in texts.items()),
        "heard nothing": sum(not rings.get(number) for number in texts),
        "heard it twice": sum(len(each) > 1 for each in rings.values()),
        "another text": sum(text not in rings.get(number, [text]) for number, text in texts.items()),
        "not asked for": len(rings.keys() - texts.keys()),
    }


def main():
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--rows", type=int, default=130_000)
    given = asked.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        statuses, found = run(given.rows, Path(folder))
    print(f"{given.rows:,} rows, exit statuses {statuses}, {time.monotonic() - began:.0f} s")
    for name, count in found.items():
        print(f"{name:<20}{count:>8,}")
    sys.exit(found["heard it once"] != given.rows or bool(found["not asked for"]) or 0 not in statuses)


if __name__ == "__main__":
    main()
