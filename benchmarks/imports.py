"""What `from octoworker import enqueue` costs a web process: milliseconds, megabytes and modules; medians of several runs.

python benchmarks/imports.py            this checkout
python benchmarks/imports.py --of DIR   another one, for before and after
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
from pathlib import Path

PROBE = """
import resource, sys, time
before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
{statement}
took = time.perf_counter() - began
print(took * 1000, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024, len(sys.modules))
"""

STATEMENTS = {
    "import celery, kombu, redis": "import celery; celery.Celery; import kombu, redis",
    "from octoworker import enqueue": "from octoworker import enqueue",
    "from octoworker import send_sms": "from octoworker import send_sms",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--of", type=Path, default=Path(__file__).parents[1], help="the checkout to look at")
    parser.add_argument("--rounds", type=int, default=9)
    given = parser.parse_args()
    environ = {**os.environ, "PYTHONPATH": str(given.of.resolve())}
    print(f"{'':<34}{'ms':>8}{'MB':>8}{'modules':>9}")
    for name, statement in STATEMENTS.items():
        runs = [_run(statement, environ) for _ in range(given.rounds)]
        ms, mb, modules = (statistics.median(column) for column in zip(*runs, strict=True))
        print(f"{name:<34}{ms:>8.0f}{mb:>8.1f}{modules:>9.0f}")


def _run(statement: str, environ: dict[str, str]) -> tuple[float, ...]:
    done = subprocess.run(
        [sys.executable, "-c", PROBE.format(statement=statement)],
        env=environ, cwd="/", capture_output=True, text=True, check=True,
    )  # fmt: skip
    return tuple(float(word) for word in done.stdout.split())


if __name__ == "__main__":
    main()
