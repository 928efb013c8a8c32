"""A campaign of 100,000 rows through real workers and the sandbox, with a worker killed every few seconds and a pause.

`python benchmarks/campaign.py [--rows 100000] [--kill-every 4] [--calm]`

It ends complete or it fails: each handset received its message once, and the progress adds up. Prints the figures and
writes benchmarks/results/campaign.json.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from octoworker.config import Settings
from octoworker.sandbox import Sandbox
from octoworker.store import embedded
from octoworker.worker import runtime

RESULTS = Path(__file__).parent / "results" / "campaign.json"
TEXT = "Bonjour {prenom}, votre commande est prete"


class Fleet:
    """So many workers, each started again when it is gone."""

    def __init__(self, environ, size, folder):
        self._environ, self._folder, self._started = environ, folder, 0
        self.processes = [self._start() for _ in range(size)]

    def _start(self):
        self._started += 1
        log = Path(self._folder, f"worker-{self._started}.log").open("wb")  # noqa: SIM115 - the worker's for its life
        command = [sys.executable, "-m", "octoworker", "worker", "-n", f"w{self._started}@%h"]
        return subprocess.Popen(command, env=self._environ, stdout=log, stderr=log, start_new_session=True)

    def kill_one(self):
        n = random.randrange(len(self.processes))
        os.killpg(self.processes[n].pid, signal.SIGKILL)
        self.processes[n].wait()
        self.processes[n] = self._start()

    def stop(self):
        for process in self.processes:
            process.send_signal(signal.SIGTERM)
        for process in self.processes:
            process.wait(60)


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rows", type=int, default=100_000)
    options.add_argument("--kill-every", type=float, default=4.0)
    options.add_argument("--calm", action="store_true", help="no kills, no pause")
    given = options.parse_args()
    with embedded.Server() as server, Sandbox(credit="1000000") as sandbox, tempfile.TemporaryDirectory() as folder:
        environ = {
            **os.environ,
            "REDIS_URL": server.url,
            "OCTOPUSH_URL": sandbox.url,
            "OCTOPUSH_USER_LOGIN": sandbox.user_login,
            "OCTOPUSH_API_KEY": sandbox.api_key,
            "OCTOWORKER_SENDER": "Octo",
            "OCTOWORKER_LEASE": "10",
            "OCTOWORKER_HTTP_TIMEOUT": "4",
            "OCTOWORKER_REQUEUE_AFTER": "20",
            "OCTOWORKER_MAX_CRASHES": "1000",
        }
        found = run(given, environ, sandbox, folder)
    print(json.dumps(found, indent=1))
    known = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    known["calm" if given.calm else "killed"] = found
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(known, indent=1) + "\n")
    sys.exit(0 if found["complete"] else 1)


def run(given, environ, sandbox, folder):
    path = Path(folder, "people.csv")
    with path.open("w", encoding="utf-8") as out:
        out.write("tel;prenom\n")
        out.writelines(f"06{n:08d};P{n}\n" for n in range(10_000_000, 10_000_000 + given.rows))
    command = [
        sys.executable,
        "-m",
        "octoworker",
        "bulk",
        str(path),
        "--template",
        TEXT,
        "--transactional",
        "--send",
        "--json",
    ]
    started = time.monotonic()
    campaign = json.loads(subprocess.check_output(command, env=environ))["campaign"]
    loaded = time.monotonic() - started
    store, kills, paused = runtime.open_store(Settings.load(environ)), 0, given.calm
    fleet, started = Fleet(environ, 2, folder), time.monotonic()
    next_kill = started + given.kill_every
    while not (now := store.campaigns.get(campaign)).over:
        time.sleep(0.5)
        if not paused and now.done > given.rows / 3:
            store.campaigns.pause(campaign)
            time.sleep(5)
            store.campaigns.resume(campaign)
            paused = True
        if not given.calm and time.monotonic() > next_kill:
            fleet.kill_one()
            kills, next_kill = kills + 1, time.monotonic() + given.kill_every
    took = time.monotonic() - started
    fleet.stop()
    rang = [len(messages) for messages in sandbox.handsets().values()]
    return {
        "rows": given.rows,
        "kills": kills,
        "paused_and_resumed": not given.calm,
        "load_s": round(loaded, 1),
        "load_per_s": round(given.rows / loaded),
        "send_s": round(took, 1),
        "send_per_s": round(given.rows / took),
        "counts": {state: count for state, count in now.counts.items() if count},
        "handsets": len(rang),
        "rang_more_than_once": sum(count > 1 for count in rang),
        "complete": now.counts.get("accepted") == given.rows == len(rang) and max(rang) == 1,
    }


if __name__ == "__main__":
    main()
