"""What a final record and a tombstone take in Redis: `python benchmarks/memory.py [--records N] [SERVER ...]`

A worker sends that many messages of 100 characters to one recipient each; then the growth of `used_memory` is divided by them:
the record with its places in the indexes, as it stands for OCTOWORKER_KEEP_FOR. Then all of them are shortened, as
OCTOWORKER_DETAIL_FOR has it done. With the server that is here and each that is named, with the shipped
hash-max-listpack-value; in the first also with Redis' own. Prints a table of SMS a day, and writes results/memory.json.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from traffic import house, messages

from octoworker.store.server import COMPACT_UP_TO

RESULTS = Path(__file__).parent / "results" / "memory.json"
OF_REDIS = 64
TEXT = "Your parcel 4711 was handed to your neighbour, who is at home until eight. Yours, the shop. STOP XXXXX"[:100]
PATIENCE = 60
"""Seconds for a batch: how long it takes is not what is asked here."""

FIRST = 200
"""Messages before the counting begins: what is there once is in no record."""
AT_ONCE = 5000
DAYS = 30
A_DAY = (1_000, 10_000, 50_000, 100_000, 1_000_000)
DETAIL_DAYS = 3


def used(server):
    return server.info("memory")["used_memory"]


def shortened(store):
    """All that has ended, at once: what was written a moment ago counts as long ago."""
    time.sleep(0.01)
    while store.tombstones.shorten(timedelta(milliseconds=1)):
        pass


def measured(count, compact_up_to):
    with house(1) as (client, sandbox, server):
        client.budget = PATIENCE
        server.config_set("hash-max-listpack-value", compact_up_to)
        several = [{**each, "text": TEXT} for each in messages(FIRST + count)]
        before = 0
        for some, sent in ((several[:FIRST], FIRST), (several[FIRST:], FIRST + count)):
            before = used(server)
            for start in range(0, len(some), AT_ONCE):
                client.enqueue_many(some[start : start + AT_ONCE])
            sandbox.wait(handsets=sent, timeout=1200)
            while server.zcard("ow:due"):
                time.sleep(0.05)
        final = (used(server) - before) / count
        shortened(client.store)
        about = server.info("server")
        # Those of the first part have shrunk, too.
        tombstone = final - (before + final * count - used(server)) / (count + FIRST)
    server_name = "Valkey" if "valkey_version" in about else "Redis"
    return {
        "server": f"{server_name} {about.get('valkey_version') or about['redis_version']}",
        "compact_up_to": compact_up_to,
        "final": round(final),
        "tombstone": round(tombstone),
    }


def needed(row, a_day):
    """Gigabytes for so many SMS a day: all of them final, and with tombstones after three days."""
    whole = a_day * DAYS * row["final"]
    short = a_day * (DETAIL_DAYS * row["final"] + (DAYS - DETAIL_DAYS) * row["tombstone"])
    return whole / 1e9, short / 1e9


def on_path(server):
    """This server is the one that is started: in a folder of its own in front of all others."""
    folder = tempfile.mkdtemp(prefix="bench-redis-")
    Path(folder, "redis-server").symlink_to(Path(server).resolve())
    os.environ["PATH"] = f"{folder}:{os.environ['PATH']}"


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--records", type=int, default=20_000)
    options.add_argument("servers", nargs="*", help="other redis-servers to measure, too")
    given = options.parse_args()
    rows = [measured(given.records, compact_up_to) for compact_up_to in (OF_REDIS, COMPACT_UP_TO)]
    for server in given.servers:
        on_path(server)
        rows.append(measured(given.records, COMPACT_UP_TO))
    for row in rows:
        print(
            f"{row['server']}, hash-max-listpack-value {row['compact_up_to']}: {row['final']:,} bytes a final record, "
            f"{row['tombstone']:,} a tombstone ({given.records:,} records)"
        )
    # The goals are for Redis 7, where one was named; else for what is here.
    goal = rows[-1]
    print(
        f"SMS a day -> Redis, GB ({goal['server']}, {DAYS} days, of them all in detail; or {DETAIL_DAYS}, then tombstones)"
    )
    for a_day in A_DAY:
        whole, short = needed(goal, a_day)
        print(f"{a_day:>10,} {whole:>8.2f} {short:>8.2f}")
    RESULTS.write_text(
        json.dumps({"records": given.records, "rows": rows, "goal": goal}, indent=1) + "\n", encoding="utf-8"
    )


if __name__ == "__main__":
    main()
