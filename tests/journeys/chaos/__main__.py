"""`python tests/journeys/chaos --kills 1000`: the long run, its report on standard output and in a folder.

Exit status 0 when nothing is lost, twice, stuck or wrong, nobody rang when all was asked for again, and no worker ended by itself. The same seed gives the same plan,
not the same race.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[2])]

from chaos import report
from chaos.oracle import BAD
from chaos.run import Run, surroundings
from chaos.weather import Shares
from octoworker.gateway import dialects


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--kills", type=int, default=100)
    options.add_argument("--minutes", type=float, default=600.0, help="end after so long, however few kills that were")
    options.add_argument("--seed", type=int, default=random.randrange(10**6))
    options.add_argument(
        "--ambiguous", type=float, default=0.28, help="share of first calls whose outcome is not to be seen"
    )
    options.add_argument("--refused", type=float, default=0.08, help="share of first calls that Octopush refuses")
    options.add_argument(
        "--late", type=float, default=40.0, help="seconds by which a late answer or a late booking is late"
    )
    options.add_argument("--burnt", action="store_true", help="a refused call uses its key up")
    options.add_argument("--pace", type=float, default=0.05, help="seconds between two calls of a producer")
    options.add_argument(
        "--appendfsync",
        default="always",
        help="of Redis; everysec may lose the moment before a SIGKILL, see docs/chaos.md",
    )
    options.add_argument("--api", default="legacy", choices=dialects.DIALECTS, help="the API that is spoken")
    options.add_argument(
        "--change-to", choices=dialects.DIALECTS, help="after half of the kills most workers come back with this API"
    )
    options.add_argument(
        "--patience", type=float, default=120.0, help="minutes after the last mishap in which messages may still move"
    )
    options.add_argument("--report", type=Path, help="folder of the report; default: a new one in the temporary folder")
    given = options.parse_args()
    folder = given.report or Path(tempfile.mkdtemp(prefix="octoworker-chaos-report-"))
    folder.mkdir(parents=True, exist_ok=True)
    print(f"seed {given.seed}; the report goes to {folder}", flush=True)
    apis = tuple(filter(None, (given.api, given.change_to)))
    shares = Shares(given.ambiguous, given.refused, given.late, burnt=given.burnt, apis=apis)
    began = time.monotonic()
    with surroundings(given.appendfsync, given.api, given.seed) as (house, proxy):
        run = Run(house, proxy, folder, random.Random(given.seed), shares, given.pace, patience=given.patience * 60)
        results = run.go(given.kills, began + given.minutes * 60)
    text = report.page(
        run, results, shares, seconds=time.monotonic() - began, seed=given.seed, appendfsync=given.appendfsync
    )
    print(text)
    (folder / "report.md").write_text(text)
    bad = run.gave_up or run.heard.bad or run.again.rang_again or any(results.of(bad) for bad in BAD)
    sys.exit(1 if run.ended or bad else 0)


if __name__ == "__main__":
    main()
