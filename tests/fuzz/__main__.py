"""make fuzz CASES=200000   random outside data for every reader; says how many cases each had, and what fell out."""

from __future__ import annotations

import argparse
import sys
import time
import traceback

import readers
from hypothesis import HealthCheck, Phase, given, settings


def run(name, cases):
    """How many were tried, and what fell out, which hypothesis has made as small as it can."""
    reader, count = readers.READERS[name], 0

    @settings(
        max_examples=cases,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink],
    )
    @given(reader.fed)
    def every(fed):
        nonlocal count
        count += 1
        readers.tried(reader, fed)

    try:
        every()
    except Exception:  # noqa: BLE001 - whatever it is, it is what this looks for
        return count, traceback.format_exc()
    return count, ""


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=200_000, help="of all readers together")
    parser.add_argument("--only", default="", help="readers with this in their name")
    asked = parser.parse_args()
    names = [name for name in readers.READERS if asked.only in name]
    found, total = {}, 0
    for name in names:
        began = time.monotonic()
        count, problem = run(name, -(-asked.cases // len(names)))
        total += count
        print(
            f"{count:>8}  {name}  ({time.monotonic() - began:.0f} s){'  FOUND SOMETHING' if problem else ''}",
            flush=True,
        )
        if problem:
            found[name] = problem
    for name, problem in found.items():
        print(f"\n{name}\n{problem}")
    print(f"{total:>8}  in all, {len(found)} readers with an error that is none of ours")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
