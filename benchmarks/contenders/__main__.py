"""Measure all contenders, print the table and the goals, write results/contenders.json, the plot and the tables of the docs.

`make bench-contenders`, or `python -m contenders --rounds 1 --scale 0.2 --only octoworker --no-write` for a quick look.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
from pathlib import Path

from contenders import gateway, goals, plot, runs, surroundings, tables
from contenders.entries import ENTRIES
from contenders.round_trips import Door
from octoworker.store import embedded

HERE = Path(__file__).parent
RESULTS = HERE.parent / "results" / "contenders.json"
PLOT = HERE.parent.parent / "docs" / "images" / "performance.svg"
MEMORY = HERE.parent / "results" / "memory.json"
COUNTED = (goals.NAIVE, goals.TUNED, goals.CROWD, goals.FED, goals.BULK)
"""Contenders whose round trips to Redis are counted."""


def measured(entries, folder, rounds, scale):
    """Rounds of all entries, each in an order of its own. What fails is told and left out, not guessed."""
    found = {entry.name: [] for entry in entries}
    for number in range(rounds):
        for entry in random.sample(entries, len(entries)):
            print(f"round {number + 1} of {rounds}: {entry.name}", flush=True)
            try:
                found[entry.name].append(runs.run(entry, folder, max(40, int(entry.count * scale))))
            except (RuntimeError, TimeoutError) as error:
                print(f"  failed: {error}", flush=True)
    return {name: each for name, each in found.items() if each}


def counted_trips(entry, folder, count):
    """Round trips per message of the worker, by the first command of each."""
    log_path = folder / "round-trips.log"
    with (
        embedded.Server() as server,
        gateway.Stub(folder, entry.delay_ms, entry.per_call) as stub,
        Door(server.port) as door,
        log_path.open("wb") as log,
    ):
        direct = runs.environ(entry, server.url, stub.url)
        if not entry.fed:
            runs.described(entry, direct, "prepare", str(count))
        _, processes = runs.started(entry, runs.environ(entry, door.url, stub.url), log)
        feeder = [runs.fed(entry, direct, count, log)] if entry.fed else []
        try:
            runs.until(stub, count // 10, processes, log)
            before, calls = door.trips.copy(), stub.calls
            runs.until(stub, count, processes, log)
            after, calls = door.trips.copy(), stub.calls - calls
        finally:
            runs.measure.end([*processes, *feeder])
    return {name: round(trips / calls, 3) for name, trips in (after - before).most_common()}


def enqueued(folder, rounds, count):
    """Medians of what handing over costs."""
    entry = ENTRIES[0]
    with embedded.Server() as server, gateway.Stub(folder) as stub:
        env = runs.environ(entry, server.url, stub.url)
        command = [runs.sys.executable, "-m", "contenders.enqueue", str(count)]
        options = {"env": env, "check": True, "stdout": runs.subprocess.PIPE, "cwd": HERE.parent}
        return runs.medians([json.loads(runs.subprocess.run(command, **options).stdout) for _ in range(rounds)])


def show(found):
    print(f"\n{found['machine']['machine']}; medians of {found['rounds']} rounds, order shuffled")
    print(
        f"{'CPU us/SMS:':<39}{'workers':>9}{'Redis':>7}{'sum':>7}{'SMS/s':>8}{'PSS MB':>8}{'start s':>9}{'gateway':>9}  writes"
    )
    for name, row in found["contenders"].items():
        cpu = f"{row['cpu_us']:>9.0f}{row['redis_us']:>7.0f}{row['sum_us']:>7.0f}"
        figures = f"{cpu}{row['per_s']:>8.0f}{row['pss_mb']:>8.0f}{row['start_s']:>9.2f}"
        print(f"{name:<39}{figures}{row['gateway_cpu_share']:>9.0%}  {found['writes'][name]}")
    for name, trips in found["round_trips"].items():
        told = ", ".join(f"{command} {each:.2f}" for command, each in trips.items() if each >= 0.01)
        print(f"round trips per SMS, {name}: {sum(trips.values()):.2f} ({told})")
    costs = found["enqueue"]
    print(
        f"hand over: enqueue p50 {costs['enqueue_p50_us']:.0f} us, bare apply_async p50 "
        f"{costs['apply_async_p50_us']:.0f} us, enqueue_many {costs['enqueue_many_us']:.0f} us a message"
    )
    print()
    for goal in found["goals"]:
        state = "met" if goal["met"] else "MISSED"
        print(f"{goal['goal']:<68}{goal['value']:>9.2f}  goal {goal['bound']:<9}{state}")


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--scale", type=float, default=1.0, help="part of the usual number of messages")
    options.add_argument("--only", default="", help="contenders with this in their name")
    options.add_argument("--no-write", action="store_true")
    given = options.parse_args()
    surroundings.refuse_the_wrong_one()
    entries = [entry for entry in ENTRIES if given.only in entry.name]
    with tempfile.TemporaryDirectory(prefix="contenders-") as scratch:
        folder = Path(scratch)
        found = {"machine": surroundings.described(), "rounds": given.rounds, "gateway": gateway.capacity(folder)}
        each = measured(entries, folder, given.rounds, given.scale)
        found["contenders"] = {name: runs.medians(several) for name, several in each.items()}
        counted = [entry for entry in entries if entry.name in COUNTED]
        found["round_trips"] = {entry.name: counted_trips(entry, folder, 2000) for entry in counted}
        found["enqueue"] = enqueued(folder, given.rounds, int(1000 * given.scale))
    found["writes"] = {entry.name: entry.writes for entry in entries}
    if MEMORY.exists():
        found["memory"] = json.loads(MEMORY.read_text(encoding="utf-8"))["goal"]
    found["goals"] = goals.judged(found)
    found["runs"] = each
    if not given.no_write:
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        PLOT.write_text(plot.drawn(found), encoding="utf-8")
        tables.written(found)
    print(
        f"\ngateway: {found['gateway']['calls_per_s']:.0f} calls/s, {found['gateway']['cpu_us_per_call']:.1f} us each"
    )
    show(found)


if __name__ == "__main__":
    main()
