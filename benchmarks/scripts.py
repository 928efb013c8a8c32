"""What each script costs in Redis: `python benchmarks/scripts.py [messages]`

A worker sends messages that are enqueued one by one, then as many that are held for some seconds, then bulk. Redis' slow log,
with a limit of 0, gives the time of every call; the table has calls, mean and median for each script, in microseconds.
Writes benchmarks/results/scripts.json.
"""

from __future__ import annotations

import hashlib
import json
import statistics
import sys
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from pathlib import Path

from traffic import TEXT, house, messages

from octoworker.store.scripts import OF_ONE, TOGETHER, names, source

RESULTS = Path(__file__).parent / "results" / "scripts.json"


def measured(count):
    took = defaultdict(list)
    by_sha = {
        hashlib.sha1(source(name).encode()).hexdigest(): name
        for name in [*names(), *(each + TOGETHER for each in OF_ONE)]
    }
    with house(1) as (client, sandbox, server):
        server.config_set("slowlog-max-len", 1_000_000)
        server.config_set("slowlog-log-slower-than", 0)
        for each in messages(count):
            client.enqueue({**each, "lane": "normal", "text": TEXT})
        sandbox.wait(handsets=count, timeout=120)
        later = datetime.now(UTC) + timedelta(seconds=4)
        for n, each in enumerate(messages(count)):
            at = later + timedelta(milliseconds=4 * n)
            client.enqueue({**each, "text": TEXT + " !", "lane": "normal", "hold": True, "send_at": at.isoformat()})
        sandbox.wait(handsets=2 * count, timeout=120)
        client.enqueue_many([{**each, "text": TEXT + " ?"} for each in messages(count)])
        sandbox.wait(handsets=3 * count, timeout=120)
        server.config_set("slowlog-log-slower-than", -1)
        for entry in server.slowlog_get(1_000_000):
            words = entry["command"].split() if isinstance(entry["command"], str) else entry["command"].decode().split()
            if words[0].upper() == "EVALSHA":
                took[by_sha.get(words[1], "Celery's and kombu's own")].append(entry["duration"])
    return {
        name: {"calls": len(each), "mean": round(statistics.mean(each), 1), "median": statistics.median(each)}
        for name, each in sorted(took.items())
    }


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    found = measured(count)
    print(f"{'script':<28}{'calls':>8}{'mean us':>10}{'median us':>11}")
    for name, each in found.items():
        print(f"{name:<28}{each['calls']:>8}{each['mean']:>10}{each['median']:>11}")
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps({"messages": count, "scripts": found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
