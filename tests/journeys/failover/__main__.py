"""`python tests/journeys/failover --failovers 50`: failovers under load, their report on standard output and in a folder.

Exit status 0 when nothing is lost, twice, stuck or wrong, and no worker ended by itself; with --confirm none the figures are
printed as they are. The same seed gives the same plan, not the same race.
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[2])]

from chaos.oracle import BAD, GOOD
from chaos.weather import Shares
from harness import API_KEY, LOGIN

from failover.cluster import Cluster, binary_of, has_tls
from failover.mishaps import WORDS
from failover.run import Run
from octoworker.sandbox import Sandbox

ALL = (*BAD, *GOOD)


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--failovers", type=int, default=50)
    options.add_argument("--server", choices=("redis", "valkey"), default="redis")
    options.add_argument(
        "--confirm",
        choices=("replica", "none"),
        default="replica",
        help="OCTOWORKER_CONFIRM; replica asks for the majority",
    )
    options.add_argument("--min-replicas", type=int, default=1, help="min-replicas-to-write of the servers")
    options.add_argument(
        "--kept", action="store_true", help="a refused call leaves its key as it was; else it uses it up"
    )
    options.add_argument("--ambiguous", type=float, default=0.1, help="share of calls whose outcome is not to be seen")
    options.add_argument("--refused", type=float, default=0.15, help="share of calls that Octopush refuses")
    options.add_argument("--pace", type=float, default=0.05, help="seconds between two calls of a producer")
    options.add_argument("--seed", type=int, default=random.randrange(10**6))
    options.add_argument(
        "--report", type=Path, help="folder of the report and the logs; default: a new one in the temporary folder"
    )
    given = options.parse_args()
    binary = binary_of(given.server)
    if not binary:
        sys.exit("redis-server is missing: apt-get install redis-server redis-sentinel, or SERVER=valkey")
    folder = given.report or Path(tempfile.mkdtemp(prefix="octoworker-failover-"))
    folder.mkdir(parents=True, exist_ok=True)
    tls = has_tls(binary)
    version = subprocess.run([binary, "--version"], capture_output=True, text=True, check=True).stdout.split()
    print(f"seed {given.seed}; the report goes to {folder}", flush=True)
    settings = {"OCTOWORKER_CONFIRM": given.confirm}
    if given.confirm == "replica":
        settings |= {"OCTOWORKER_CONFIRM_REPLICAS": "majority", "OCTOWORKER_REPLICAS": "2"}
    shares = Shares(given.ambiguous, given.refused, 5.0, burnt=not given.kept)
    # Whoever stops it stops what it started, too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    began = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="octoworker-cluster-") as servers,
        Sandbox(user_login=LOGIN, api_key=API_KEY, credit="1000000.00") as sandbox,
    ):
        cluster = Cluster(servers, binary, tls=tls, min_replicas=given.min_replicas)
        try:
            cluster.start()
            run = Run(cluster, sandbox, folder, random.Random(given.seed), shares, settings, pace=given.pace)
            try:
                results = run.go(given.failovers)
            finally:
                for worker in run.workers.values():
                    worker.kill()
        finally:
            cluster.close()
    text = page(given, run, results, " ".join(version[:3]), seconds=time.monotonic() - began, tls=tls)
    print(text)
    (folder / "report.md").write_text(text)
    bad = any(results.of(each) for each in BAD) or any(each.failed for each in run.producers)
    sys.exit(1 if run.ended or (bad and given.confirm != "none") else 0)


def page(given, run, results, version, *, seconds, tls):
    doors = "\n".join(
        f"| {door} | {' | '.join(str(counts[name]) for name in ALL)} |"
        for door, counts in sorted(results.counts.items())
    )
    sums = " | ".join(f"**{results.of(name)}**" for name in ALL)
    kinds = "\n".join(
        f"| {kind} | {run.counts[kind]} | {middle([at for name, at, _ in run.mishaps.lasted if name == kind])} | "
        f"{middle([whole for name, _, whole in run.mishaps.lasted if name == kind])} | {words} |"
        for kind, words in WORDS.items()
    )
    refused = sum((each.refused for each in run.producers), Counter())
    told = "\n".join(f"- {count} times {words}" for words, count in refused.most_common()) or "- none"
    weather = ", ".join(f"{name} {count}" for name, count in sorted(run.weather.counts.items()))
    ended = "\n".join(f"- {count} times {cause}" for cause, count in run.ended.most_common()) or "- none"
    stories = "\n".join(f"- {story}" for story in results.stories[:50])
    return f"""# Failovers under load

`make check-failover FAILOVERS={given.failovers} SERVER={given.server} CONFIRM={given.confirm}` (seed {given.seed}) on {platform.machine()}, {os.cpu_count()} cores, Python
{platform.python_version()}, {version}, {"TLS and users" if tls else "users, and no TLS, which this server was built without"}, min-replicas-to-write {given.min_replicas}:
{results.people} people, {sum(run.counts.values())} failovers, {seconds:.0f} s. Keys {"outlast a refusal" if given.kept else "are burnt by a refusal"}.

| door | {" | ".join(ALL)} |
|---|{"---|" * len(ALL)}
{doors}
| **all** | {sums} |

Left to an operator because Redis went back: {run.rolled_back}. Taken by a call whose message was over, unsent: {sum(each.over_unsent for each in run.producers)}.

| how the primary went | times | s until another was named | s until whole | |
|---|---|---|---|---|
{kinds}

Until a call of a producer's was taken it took {max(each.longest for each in run.producers):.1f} s at the most. Refused calls, each repeated with its key:
{told}

Octopush's faults: {weather}. {run.started} workers were started.

Workers that ended by themselves, and producers:
{ended}
{"".join(f"- {each.failed}" for each in run.producers if each.failed)}
{"## What was bad" if stories else ""}
{stories}
"""


def middle(values):
    return f"{statistics.median(values):.1f}" if values else "-"


if __name__ == "__main__":
    main()
