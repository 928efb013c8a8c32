"""How soon a one-time code is handed over. `python benchmarks/codes.py [--codes 300] [--bulk 100000]`

From the call of `otp.start` until the record is accepted, one after the other, alone and while bulk messages go out; the goal is a p99
of 150 ms. Prints what it finds and writes benchmarks/results/codes.json.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from pathlib import Path

from traffic import house, messages

RESULTS = Path(__file__).parent / "results" / "codes.json"
GOAL_MS = 150


def codes(client, count, first):
    """Milliseconds of each, to a number of its own."""
    from octoworker import otp  # noqa: PLC0415 - it reads the environment that the house has made

    times = []
    for n in range(first, first + count):
        began = time.perf_counter()
        started = otp.start(f"+336{n:08d}", purpose="bench")
        while client.store.get(started.message_id).state != "accepted":
            time.sleep(0.002)
        times.append((time.perf_counter() - began) * 1000)
    times.sort()
    return {"p50_ms": round(statistics.median(times), 1), "p99_ms": round(times[int(len(times) * 0.99)], 1)}


def main():
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--codes", type=int, default=300)
    asked.add_argument("--bulk", type=int, default=100_000)
    given = asked.parse_args()
    with house(1) as (client, _, server):
        kwargs = server.connection_pool.connection_kwargs
        os.environ["OCTOWORKER_REDIS_URL"] = f"redis://{kwargs['host']}:{kwargs['port']}/{kwargs.get('db', 0)}"
        os.environ["OCTOWORKER_CODE_KEYS"] = "a secret of a bench for codes that go nowhere"
        os.environ["OCTOWORKER_CODE_GUARD"] = "off"
        alone = codes(client, given.codes, 10_000_000)
        bulk = messages(given.bulk)
        for start in range(0, given.bulk, 5000):
            client.enqueue_many(bulk[start : start + 5000])
        beside = codes(client, given.codes, 20_000_000)
        left = server.zcard("ow:due")
    found = {"codes": given.codes, "bulk": given.bulk, "alone": alone, "beside": beside, "bulk_left_at_the_end": left}
    RESULTS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=1))
    print(f"p99 beside {given.bulk:,} bulk messages: {beside['p99_ms']} ms (goal: {GOAL_MS} ms)")


if __name__ == "__main__":
    main()
