"""`octoworker optout`: the list of those who want no more SMS, by hand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from octoworker.cli import output
from octoworker.cli.messages import as_json
from octoworker.config import Settings
from octoworker.errors import PayloadError
from octoworker.sms import opt_outs, recipient, sizes
from octoworker.sms.record import iso
from octoworker.store import Store, audit
from octoworker.store.opt_outs import OptOut
from octoworker.worker import runtime

AT_ONCE = 500
"""Lines of an export that are put back with one round trip."""

TOO_LONG = "too long"
"""Stands for a line that nobody reads."""


@click.group()
def optout() -> None:
    """Who wants no more SMS: add, remove, list, import, export, why."""


@optout.command()
@click.argument("number")
@click.option("--all", "everything", is_flag=True, help="Nothing at all, not even what is no marketing.")
def add(number: str, *, everything: bool) -> None:
    """Put a number into the list, and cancel the marketing that waits for it."""
    settings, store = _opened()
    entry = OptOut("operator", "all" if everything else "marketing")
    found = store.opt_outs.add(_hashes(number, settings), entry, by=audit.by("optout add"))
    asked = f" A worker asks Octopush to cancel {len(found.recalled)} more." if found.recalled else ""
    output.say(f"Added. {len(found.cancelled)} waiting messages were cancelled.{asked}")


@optout.command()
@click.argument("number")
def remove(number: str) -> None:
    """Take a number out of the list. Exit status 1: it is not in it."""
    settings, store = _opened()
    found = store.opt_outs.remove(_hashes(number, settings))
    output.say("Removed: marketing may go there again." if found else "This number is not in the list.")
    raise SystemExit(not found)


@optout.command()
@click.argument("number")
@as_json
def why(number: str, *, json_: bool) -> None:
    """Say since when a number is in the list, and how it came in. Exit status 1: it is not in it."""
    settings, store = _opened()
    entry = store.opt_outs.find(_hashes(number, settings))
    if json_:
        output.as_json(None if entry is None else _shown(entry))
    elif entry is None:
        output.say("This number is not in the list.")
    else:
        output.say("  ".join(f"{name} {value}" for name, value in _shown(entry).items() if value))
    raise SystemExit(entry is None)


@optout.command(name="list")
@as_json
def list_(*, json_: bool) -> None:
    """Count the list, by how its entries came in. It holds hashes and no numbers."""
    _, store = _opened()
    counts: dict[str, int] = {}
    for _, entry in store.opt_outs.all():
        counts[entry.source] = counts.get(entry.source, 0) + 1
    if json_:
        output.as_json(counts)
        return
    for source, count in sorted(counts.items()):
        output.say(f"{count:>8}  {source}")
    output.say(f"{sum(counts.values()):>8}  in all")


@optout.command()
def export() -> None:
    """Write the list on standard output, one JSON object a line: hashes and how they came in."""
    _, store = _opened()
    for hash_, entry in store.opt_outs.all():
        output.as_json({"hash": hash_, **entry.as_json()})


@optout.command(name="import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--all", "everything", is_flag=True, help="Of numbers: nothing at all, not even what is no marketing.")
def import_(file: Path, *, everything: bool) -> None:
    """Put in the lines of FILE: numbers, or what `export` wrote. Exit status 1: some lines could not be read."""
    settings, store = _opened()
    entry = OptOut("import", "all" if everything else "marketing")
    store.audit.note("optout import")
    taken, bad = 0, []
    exported: list[tuple[str, OptOut]] = []
    for line, text in _lines(file):
        try:
            if text.startswith("{"):
                exported.append(OptOut.exported(text))
            else:
                store.opt_outs.add(_hashes(text, settings), entry)
        except (PayloadError, ValueError):
            bad.append(line)
            continue
        taken += 1
        if len(exported) == AT_ONCE:
            store.opt_outs.put(exported)
            exported = []
    store.opt_outs.put(exported)
    output.say(f"{taken} taken.")
    if bad:
        output.say(f"{len(bad)} lines could not be read: {', '.join(map(str, bad[:10]))}", err=True)
    raise SystemExit(bool(bad))


def _opened() -> tuple[Settings, Store]:
    settings = Settings.load()
    return settings, runtime.open_store(settings)


def _hashes(number: str, settings: Settings) -> list[str]:
    """PayloadError: it is no number."""
    anywhere = replace(settings.policy, countries=frozenset(), allow_possible=True)
    try:
        return opt_outs.hashes(recipient.read(number, anywhere), settings.opt_outs.number_keys)
    except recipient.NumberRefused as refused:
        raise PayloadError([f"number: {refused}"]) from None


def _lines(file: Path) -> Iterator[tuple[int, str]]:
    """The lines that are not blank. Of one that is too long only so much that it is refused."""
    with file.open(encoding="utf-8-sig", errors="replace") as lines:
        number = 0
        while text := lines.readline(sizes.OPT_OUT_LINE + 1):
            number += 1
            rest = text
            while not rest.endswith("\n") and (rest := lines.readline(sizes.OPT_OUT_LINE)):
                text = TOO_LONG
            if bare := text.strip():
                yield number, bare


def _shown(entry: OptOut) -> dict[str, Any]:
    since = iso(entry.since) if entry.since else ""
    return {"since": since, "source": entry.source, "scope": entry.scope, "ticket": entry.ticket}


COMMANDS = (optout,)
