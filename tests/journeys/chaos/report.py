"""The page that a run leaves: results by door, the share left to people, and what happened meanwhile."""

from __future__ import annotations

import os
import platform
from collections import Counter

from chaos.mishaps import WORDS
from chaos.oracle import BAD, GOOD

ALL = (*BAD, *GOOD)


def ending(run):
    """What the run waited for after the last mishap, and whether it stopped waiting for something."""
    if not run.gave_up:
        return f"All had come to an end {run.calm_took:.0f} s after the last mishap."
    load = os.getloadavg()[0]
    return f"It gave up {run.calm_took:.0f} s after the last mishap, at a load of {load:.0f}: {'; '.join(run.gave_up)}."


def page(run, results, shares, *, seconds, seed, appendfsync):
    used = sum((producer.counts for producer in run.producers), Counter())
    doors = "\n".join(
        f"| {door} | {' | '.join(str(counts[name]) for name in ALL)} |"
        for door, counts in sorted(results.counts.items())
    )
    sums = " | ".join(f"**{results.of(name)}**" for name in ALL)
    left = results.of("for a person")
    why = "\n".join(
        f"- {people.total()} people in {len(people)} messages, at most {max(people.values())} in one: {reason}"
        for reason, people in sorted(results.left.items(), key=lambda pair: -pair[1].total())
    )
    mishaps = "\n".join(f"| {name} | {run.counts[name]} | {words} |" for name, words in WORDS.items())
    weather = ", ".join(f"{name} {count}" for name, count in sorted(run.weather.counts.items()))
    ended = "\n".join(f"- {count} times {cause}" for cause, count in run.ended.most_common()) or "- none"
    stories = "\n".join(f"- {story}" for story in results.stories[:50])
    return f"""# A long run

`make chaos KILLS={run.kills}` (seed {seed}, API {" then ".join(shares.apis)}, `appendfsync {appendfsync}`) on {platform.machine()}, {os.cpu_count()} cores,
Python {platform.python_version()}: {results.people} people, {run.kills} kills, {seconds:.0f} s. Of the first calls {shares.ambiguous:.0%} were ambiguous,
{shares.refused:.0%} refused; keys {"are burnt by a refusal" if shares.burnt else "outlast a refusal"}.

| door | {" | ".join(ALL)} |
|---|{"---|" * len(ALL)}
{doors}
| **all** | {sums} |

{ending(run)}

Left to a person: {left} of {results.people}, {left / max(1, results.people):.2%}.
{why}

| mishap | times | |
|---|---|---|
{mishaps}

The producers used their doors and were refused: {", ".join(f"{name} {count}" for name, count in sorted(used.items()))}.
The link was cut in the middle {run.proxy.cuts} times. Octopush's faults: {weather}. {run.fleet.started} workers were started.

## Workers that ended by themselves
{ended}
{run.heard.page}
{run.again.page}
{"## What was bad" if stories else ""}
{stories}
"""
