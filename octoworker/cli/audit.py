"""`octoworker audit`: who did what by hand, when and from where."""

from __future__ import annotations

from datetime import datetime
from itertools import islice
from typing import Any

import click
from rich.table import Table

from octoworker.cli import output
from octoworker.cli.finding import Moment
from octoworker.cli.messages import as_json
from octoworker.config import Settings
from octoworker.sms.record import iso
from octoworker.store.audit import Act
from octoworker.worker import runtime


@click.command()
@click.option("--since", type=Moment(), help='Then or later: "2026-12-01 09:00 Europe/Paris", 2h, 7d.')
@click.option("--limit", type=click.IntRange(min=1), help="How many at the most; a table shows 100 without it.")
@as_json
def audit(since: datetime | None, limit: int | None, *, json_: bool) -> None:
    """Who did what by hand, the latest first: decide, replay, cancel, pause, forget, what was revealed, and the like.

    Who: the user of the operating system, or OCTOWORKER_ACTOR, or of a web app who was logged in there.
    """
    found = runtime.look(Settings.load()).audit.acts(since)
    if json_:
        output.stream(_shown(each) for each in islice(found, limit))
        return
    grid = Table(box=None, pad_edge=False)
    for heading in ("at", "who", "where", "act", "what"):
        grid.add_column(heading, overflow="fold", no_wrap=heading == "what")
    for each in islice(found, limit or 100):
        grid.add_row(iso(each.at), each.who, each.where, each.act, each.what)
    if grid.row_count:
        output.console().print(grid)
    else:
        output.say("Nothing was done by hand.")


def _shown(each: Act) -> dict[str, Any]:
    return {"at": iso(each.at), "who": each.who, "where": each.where, "act": each.act, "what": each.what or None}


COMMANDS = (audit,)
