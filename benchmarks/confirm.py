"""What OCTOWORKER_CONFIRM=replica costs on one machine: a primary, a replica, one producer and one worker's round trips.

Each figure is the median of so many rounds, the settings taken in turn, so that all meet the same machine. Prints a table and writes
benchmarks/results/confirm.json.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from datetime import timedelta
from pathlib import Path

import redis

from octoworker.sms.record import State
from octoworker.store import ClaimRequest, Confirm, NewMessage, Outcome, Store, connect, embedded

RESULTS = Path(__file__).parent / "results" / "confirm.json"
PAYLOAD = json.dumps({"recipients": "+33612345678", "text": "Bonjour, votre rendez-vous est demain a 9 h 15."})
CONFIRMS = {"none": None, "replica": Confirm(1, timedelta(seconds=2))}


def opened(url, confirm):
    return Store(
        connect(url),
        keep_for=timedelta(days=10),
        requeue_after=timedelta(minutes=10),
        lease=timedelta(seconds=45),
        key_window=timedelta(days=1),
        max_crashes=5,
        confirm=confirm,
    )


def one(store, n, spent):
    """One message through the three round trips of its life."""
    message_id = f"{n:032x}"
    began = time.perf_counter()
    store.create(message_id, "print", "normal", PAYLOAD)
    taken = time.perf_counter()
    lease = store.claim(ClaimRequest(message_id, "print", "normal", PAYLOAD, segments=1))
    claimed = time.perf_counter()
    store.settle(message_id, lease.token, Outcome(State.ACCEPTED, "", 0))
    settled = time.perf_counter()
    for act, took in (("enqueue", taken - began), ("claim", claimed - taken), ("settle", settled - claimed)):
        spent.setdefault(act, []).append(took)


def many(store, first, count):
    """A bulk: created, claimed and settled a hundred at a time, in seconds."""
    began = time.perf_counter()
    for start in range(first, first + count, 100):
        ids = [f"{n:032x}" for n in range(start, start + 100)]
        store.create_many("bulk", [NewMessage(each, "print", PAYLOAD) for each in ids])
        leases = store.claim_many([ClaimRequest(each, "print", "bulk", PAYLOAD, segments=1) for each in ids])
        pairs = zip(ids, leases, strict=True)
        store.settle_many([(each, lease.token, Outcome(State.ACCEPTED, "", 0)) for each, lease in pairs])
    return time.perf_counter() - began


def measured(rounds, count):
    with (
        embedded.Server(repl_diskless_sync_delay="0", save="") as primary,
        embedded.Server() as replica,
        redis.Redis.from_url(primary.url, socket_timeout=30) as there,
        redis.Redis.from_url(replica.url) as follower,
    ):
        follower.replicaof("127.0.0.1", primary.port)
        there.set("there", "")
        if there.wait(1, 20_000) != 1:
            raise SystemExit("The replica did not follow.")
        stores = {name: opened(primary.url, confirm) for name, confirm in CONFIRMS.items()}
        spent, bulk, n = {name: {} for name in stores}, {name: [] for name in stores}, 0
        for _ in range(rounds):
            for name, store in stores.items():
                for _ in range(count):
                    one(store, n := n + 1, spent[name])
                bulk[name].append(many(store, n + 1, 10 * count))
                n += 10 * count
        return {
            name: {act: statistics.median(took) * 1000 for act, took in spent[name].items()}
            | {"bulk_per_message_ms": statistics.median(bulk[name]) * 1000 / (10 * count)}
            for name in stores
        }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--count", type=int, default=200)
    asked = parser.parse_args()
    found = measured(asked.rounds, asked.count)
    RESULTS.write_text(json.dumps(found, indent=1) + "\n")
    print(f"{'':<22}{'none':>10}{'replica':>10}   (ms, median)")
    for figure in found["none"]:
        print(f"{figure:<22}" + "".join(f"{found[name][figure]:>10.3f}" for name in found))


if __name__ == "__main__":
    main()
