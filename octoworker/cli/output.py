"""How records look on a terminal."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from octoworker.sms.record import Record, mask

COLOURS = {
    "accepted": "green",
    "delivered": "green",
    "rejected": "red",
    "dead": "red",
    "undelivered": "red",
    "expired": "red",
    "unknown": "yellow",
    "waiting": "yellow",
    "cancelled": "dim",
}


WIDE = 140
"""Columns when the output is no terminal: a pipe has no width, and a folded id finds nothing."""


def console() -> Console:
    return Console(highlight=False, width=None if sys.stdout.isatty() else WIDE)


def as_json(document: Any) -> None:
    """One document on standard output, and nothing else."""
    click.echo(json.dumps(document, ensure_ascii=False))


def coloured(state: str) -> str:
    return f"[{COLOURS.get(state, 'cyan')}]{state}[/]"


def record(found: Record) -> None:
    """One message: where it is, what it cost, and its story."""
    out = console()
    out.print(f"{found.message_id}  {coloured(found.state)}  {found.reason}".rstrip())
    facts = {
        "reference": found.reference,
        "lane": found.lane,
        "confirmed": "no: Octopush says that it had it, and its answer was lost" if found.confirmed is False else None,
        "account": found.account,
        "ticket": found.ticket,
        "error code": found.error_code,
        "cost": f"{found.cost} {found.currency or ''}".strip() if found.cost else None,
        "segments": found.segments,
        "attempts": found.attempts,
        "due": found.due_at,
        "goes out": found.goes_out_at,
    }
    for name, value in facts.items():
        if value not in (None, ""):
            out.print(f"  {name:<11}{value}")
    for number, outcome in found.recipients.items():
        code = f"  ({outcome['error_code']})" if outcome.get("error_code") else ""
        out.print(f"  {mask(number):<11}{coloured(str(outcome.get('state')))}{code}")
    day = "%Y-%m-%d " if found.days_ago else ""
    for move in found.history:
        at = f"{move.at:{day}%H:%M:%S}.{move.at.microsecond // 1000:03d}"
        out.print(f"  {at}  {coloured(move.state)}  {move.reason}".rstrip())


def asked(found: Record) -> None:
    """What a message was asked to be, in clear: somebody who must decide about it has said that they may see it."""
    for name, value in found.arguments.items():
        click.echo(f"  {name}: {', '.join(map(str, value)) if isinstance(value, list) else value}")


def table(records: Iterable[Record]) -> None:
    """A line per message."""
    grid = Table(box=None, pad_edge=False)
    for heading in ("message", "state", "lane", "since", "due", "reference", "reason"):
        grid.add_column(heading, overflow="fold", no_wrap=heading not in ("reference", "reason"))
    for each in records:
        since = f"{each.history[-1].at:%Y-%m-%d %H:%M:%S}" if each.history else ""
        due = f"{each.due_at:%Y-%m-%d %H:%M:%S}" if each.due_at else ""
        grid.add_row(each.message_id, coloured(each.state), each.lane, since, due, each.reference or "", each.reason)
    console().print(grid)
