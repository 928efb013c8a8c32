"""How long a message of a single `enqueue` takes while many come: `python benchmarks/crowd.py [--rates 450,1000] [--seconds 10]`

One worker, a gateway that answers at once (or after --delay-ms), and so many calls of `enqueue` a second by one thread. From the
record of each message: from its `enqueue` to its `accepted`, by Redis' clock. Of the last second as well: a worker that falls
behind shows there. CPU of worker and Redis together. A rate of 10 is a system in which nothing waits.
Writes benchmarks/results/crowd.json.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from pathlib import Path

import redis
from contenders import measure, runs
from contenders.gateway import Stub
from contenders.sending import messages

from octoworker.client.client import Client
from octoworker.sms import jobs
from octoworker.store import embedded

RESULTS = Path(__file__).parent / "results" / "crowd.json"
WARM = 50
PATIENCE = 120.0


def until_sent(server, count):
    deadline = time.monotonic() + PATIENCE
    while server.zcard("ow:state:accepted") < count:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{server.zcard('ow:state:accepted')} of {count} were sent")
        time.sleep(0.05)


def enqueued(client, each, rate):
    """Their ids, and how many a second it were: a producer may be slower than it is asked to be."""
    ids, began = [], time.monotonic()
    for n, message in enumerate(each):
        if (ahead := began + n / rate - time.monotonic()) > 0:
            time.sleep(ahead)
        ids.append(client.enqueue(message))
    return ids, len(ids) / (time.monotonic() - began)


def waited(store, ids):
    """ms from `enqueue` to `accepted`, of each."""
    stories = (store.get(message_id).history for message_id in ids)
    return [round((story[-1].at - story[0].at).total_seconds() * 1000) for story in stories]


def measured(rate, seconds, pool, delay_ms):
    entry = runs.Entry("crowd", "octoworker_single", settings={"BENCH_POOL": pool})
    with tempfile.TemporaryDirectory(prefix="crowd-") as scratch, embedded.Server() as address:
        folder = Path(scratch)
        with Stub(folder, delay_ms, 1) as stub, (folder / "log").open("wb") as log:
            env = runs.environ(entry, address.url, stub.url)
            os.environ.update(env)
            client, server = Client(env), redis.Redis.from_url(address.url, decode_responses=True)
            _, processes = runs.started(entry, env, log)
            try:
                enqueued(client, messages(WARM), 100)
                until_sent(server, WARM)
                pids = [*measure.tree(process.pid for process in processes), server.info()["process_id"]]
                before = measure.cpu(pids)
                count = int(rate * seconds)
                ids, came = enqueued(client, messages(WARM + count)[WARM:], rate)
                until_sent(server, WARM + count)
                used = measure.cpu(pids) - before
                took = waited(client.store, ids)
            finally:
                measure.end(processes)
                client.close()
    took_last, ordered = took[-int(rate) :], sorted(took)
    return {
        "rate": rate,
        "came_per_s": round(came, 1),
        "pool": pool,
        "delay_ms": delay_ms,
        "p50_ms": statistics.median(took),
        "p90_ms": ordered[int(len(took) * 0.9)],
        "p99_ms": ordered[int(len(took) * 0.99)],
        "p50_of_the_last_second_ms": statistics.median(took_last),
        "cpu_us": round(used / count * 1e6),
    }


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rates", default="10,450,1000")
    options.add_argument("--seconds", type=float, default=10)
    options.add_argument("--pools", default="threads,prefork")
    options.add_argument("--delay-ms", type=int, default=0)
    options.add_argument("--alone", action="store_true", help="as jobs of an older producer: each is taken by itself")
    options.add_argument("--no-write", action="store_true")
    given = options.parse_args()
    if given.alone:
        jobs.may_go_together = lambda **_: {}
    found = []
    for pool in given.pools.split(","):
        for rate in map(int, given.rates.split(",")):
            found.append(measured(rate, given.seconds, pool, given.delay_ms))
            print(*(f"{name} {value}" for name, value in found[-1].items()), flush=True)
    if not given.no_write:
        RESULTS.write_text(json.dumps({"load": os.getloadavg()[0], "rows": found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
