"""What a final record takes in Redis: `python benchmarks/memory.py [records]`

A worker sends that many messages of 100 characters to one recipient each; then the growth of `used_memory` is divided by them:
the record with its places in the indexes, as it stands for OCTOWORKER_KEEP_FOR. Once with Redis' own
hash-max-listpack-value and once with the one that is shipped.
"""

from __future__ import annotations

import sys
import time

from traffic import house, messages

from octoworker.store.server import COMPACT_UP_TO

OF_REDIS = 64
TEXT = "Your parcel 4711 was handed to your neighbour, who is at home until eight. Yours, the shop. STOP XXXXX"[:100]
PATIENCE = 60
"""Seconds for a batch: how long it takes is not what is asked here."""

FIRST = 200
"""Messages before the counting begins: what is there once is in no record."""


def measured(count, compact_up_to):
    with house(1) as (client, sandbox, server):
        client.budget = PATIENCE
        server.config_set("hash-max-listpack-value", compact_up_to)
        several = [{**each, "text": TEXT} for each in messages(FIRST + count)]
        before = 0
        for some, sent in ((several[:FIRST], FIRST), (several[FIRST:], FIRST + count)):
            before = server.info("memory")["used_memory"]
            client.enqueue_many(some)
            sandbox.wait(handsets=sent, timeout=600)
            while server.zcard("ow:due"):
                time.sleep(0.05)
        return (server.info("memory")["used_memory"] - before) / count, server.info("server")


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    for compact_up_to in (OF_REDIS, COMPACT_UP_TO):
        size, about = measured(count, compact_up_to)
        version = about.get("valkey_version") or about["redis_version"]
        print(f"hash-max-listpack-value {compact_up_to}: {size:,.0f} bytes a record ({version}, {count:,} records)")


if __name__ == "__main__":
    main()
