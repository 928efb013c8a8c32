"""Writes the tables of docs/performance.md from results/contenders.json: `python -m contenders.tables`, or `make bench-tables`.

Each stands between two marks, `<!-- bench NAME -->` and `<!-- end bench -->`; what is written by hand around them stays.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

HERE = Path(__file__).parent
PAGE = HERE.parent.parent / "docs/performance.md"
RESULTS = HERE.parent / "results" / "contenders.json"


def _row(*cells):
    return "| " + " | ".join(map(str, cells)) + " |"


def contenders(found):
    yield _row("", "workers, us", "Redis, us", "sum, us", "SMS/s", "PSS MB", "start s", "writes for each message")
    yield _row("---", *["---"] * 7)
    for name, row in found["contenders"].items():
        ours = f"**{name}**" if name.startswith("octoworker") else name
        cpu = [f"{row[each]:,.0f}" for each in ("cpu_us", "redis_us", "sum_us", "per_s", "pss_mb")]
        yield _row(ours, *cpu, f"{row['start_s']:.2f}", found["writes"][name])


def goals(found):
    yield _row("goal", "", "measured", "")
    yield _row(*["---"] * 4)
    for goal in found["goals"]:
        yield _row(goal["goal"], goal["bound"], f"{goal['value']:,.2f}", "met" if goal["met"] else "**missed**")


def trips(found):
    yield _row("", "in all", "of them")
    yield _row(*["---"] * 3)
    for name, counted in found["round_trips"].items():
        told = ", ".join(f"{command} {each:.2f}" for command, each in counted.items() if each >= 0.01)
        yield _row(name, f"{sum(counted.values()):.2f}", told)


def setting(found):
    gateway = found["gateway"]
    yield (
        f"Medians of {found['rounds']} rounds with the order shuffled, on {found['machine']['machine']}; "
        f"one stub gateway ({gateway['calls_per_s']:,.0f} calls/s)."
    )


TABLES = {"setting": setting, "contenders": contenders, "goals": goals, "round-trips": trips}


def filled(page, found):
    """The page with these tables in their places. ValueError: there is no such place."""
    for name, made in TABLES.items():
        place = re.compile(rf"(<!-- bench {name} -->\n).*?(<!-- end bench -->)", re.DOTALL)
        if not place.search(page):
            raise ValueError(f"docs/performance.md has no place for the table {name}")
        table = "\n".join(made(found))
        page = place.sub(lambda marks, table=table: f"{marks[1]}{table}\n{marks[2]}", page)
    return page


def written(found):
    PAGE.write_text(filled(PAGE.read_text(encoding="utf-8"), found), encoding="utf-8")


if __name__ == "__main__":
    written(json.loads(RESULTS.read_text(encoding="utf-8")))
