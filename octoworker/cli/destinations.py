"""`octoworker destinations`: what arrives where, as the table and the settings say it."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import click

from octoworker.cli import output
from octoworker.cli.messages import as_json
from octoworker.config import Settings
from octoworker.sms.destinations import table
from octoworker.sms.destinations.choices import Choices
from octoworker.sms.destinations.table import Line

NO_ADVICE = "From public pages, second-hand, and no legal advice. OCTOWORKER_DESTINATIONS changes what a line does."


@click.command()
@click.argument("country", required=False, callback=lambda _ctx, _param, value: value.upper() if value else None)
@click.option(
    "--old", is_flag=True, help="Only what nobody has looked up for a year. Exit status 1: there is such a line."
)
@as_json
def destinations(country: str | None, *, old: bool, json_: bool) -> None:
    """What each country wants of an SMS, with its source and when somebody last looked it up."""
    choices = Settings.load().destinations.choices
    if old:
        raise SystemExit(_look_for_old(datetime.now(UTC).date(), json_=json_))
    found = [line for line in (table.of(country) if country else table.lines()) if line.kind != "clock"]
    if json_:
        output.as_json([_facts(line, country, choices) for line in found])
        return
    if not found:
        output.say(f"No rule of {country} is known. OCTOWORKER_HOURS can give it hours.")
    for line in found:
        facts = _facts(line, country, choices)
        where = country or " ".join(facts["places"])
        output.say(f"{where}  {line.kind}: {facts['does']}")
        if line.kind == "hours":
            output.say(f"  {facts['opens']}-{facts['closes']}, closed on {' and '.join(facts['closed'])}")
        output.say(f"  {line.says}")
        if line.values:
            output.say(f"  {', '.join(facts['values'])}")
        output.say(f"  {line.source}; checked {facts['checked']}")
    output.say(NO_ADVICE)


def _look_for_old(today: date, *, json_: bool) -> int:
    found = list(table.old(today))
    if json_:
        output.as_json([line.as_json() for line in found])
    else:
        for line in found:
            output.say(f"{' '.join(line.as_json()['places'])}  {line.kind}: checked {line.checked}; {line.source}")
        output.say(f"{len(found)} of {len(table.lines())} lines were last looked up more than a year ago.")
    return int(bool(found))


def _facts(line: Line, country: str | None, choices: Choices) -> dict[str, Any]:
    """A line, with what the settings make of it there."""
    return {**line.as_json(), "does": choices.of(line, country or "")}


COMMANDS = (destinations,)
