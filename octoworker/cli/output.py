"""The terminal. All that a command prints goes through here, and what a stranger wrote is shown as text.

The other commands know neither rich's `Text` and `Console` nor `click.echo`: a test sees to it.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from octoworker.sms.destinations.table import zone_of
from octoworker.sms.record import Recall, Record, mask
from octoworker.sms.shapes import RecallState
from octoworker.telemetry import escape

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


RECALLS: Mapping[RecallState, str] = {
    "requested": "Octopush is to be asked to cancel it",
    "calling": "Octopush is being asked to cancel it",
    "in_doubt": "Octopush may have cancelled it, and is asked again",
    "needs_review": "Octopush may have cancelled it: look there, then octoworker decide ID sent or cancelled",
    "refused": "not cancelled",
}

WIDE = 140
"""Columns when the output is no terminal: a pipe has no width, and a folded id finds nothing."""


LONGEST_TEXT = 2000
"""Characters of a message that are shown to somebody who has asked for them: more than any SMS has."""


class Screen(Console):
    """A terminal on which a string is one line of plain text: no markup in it means anything, and no sign does anything.

    Colours come from `words` and `coloured` alone.
    """

    def __init__(self) -> None:
        super().__init__(highlight=False, markup=False, emoji=False, width=None if sys.stdout.isatty() else WIDE)

    def render_str(self, text: str, **options: Any) -> Text:
        """Every string passes here, in a table, too."""
        return super().render_str(escape.terminal(text), **{**options, "markup": False, "emoji": False})


def console() -> Screen:
    return Screen()


def words(*parts: str | tuple[str, str] | Text) -> Text:
    """One line, of plain strings and of (string, style)."""
    line = Text()
    for part in parts:
        match part:
            case (text, style):
                line.append(escape.terminal(text), style)
            case Text():
                line.append_text(part)
            case _:
                line.append(escape.terminal(part))
    return line


def lines(parts: Iterable[Text]) -> Text:
    return Text("\n").join(parts)


def say(text: str, *, err: bool = False, longest: int = LONGEST_TEXT) -> None:
    """One line on standard output, or on standard error."""
    click.echo(escape.terminal(text, longest=longest), err=err)


def say_over(text: str) -> None:
    """One line on standard error, over the one before."""
    click.echo("\r" + escape.terminal(text), nl=False, err=True)


def as_json(document: Any) -> None:
    """One document on standard output, and nothing else."""
    click.echo(escape.json(document))


def counted(number: int, word: str) -> str:
    """`1 segment`, `2 segments`."""
    return f"{number} {word}{'' if number == 1 else 's'}"


def instant(at: datetime) -> str:
    """An instant for a person to read, with its zone."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def opening(country: str, at: datetime) -> str:
    """From when marketing may go to a country, by the clock there."""
    zone = zone_of(country)
    return f"from {at.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M} ({zone})" if zone else f"from {instant(at)}"


def stream(documents: Iterable[Any]) -> None:
    """One document on standard output, a list, written as its parts come: nothing is kept of them."""
    between = "["
    for each in documents:
        click.echo(between + escape.json(each), nl=False)
        between = ",\n"
    click.echo("]" if between != "[" else "[]")


def rows(names: Sequence[str], parts: Iterable[Mapping[str, Any]]) -> None:
    """CSV on standard output, written as its rows come. What a spreadsheet would take for a formula is text."""
    writer = csv.DictWriter(sys.stdout, names, extrasaction="ignore")
    writer.writeheader()
    for each in parts:
        writer.writerow({name: escape.cell(each.get(name)) for name in names})


def coloured(state: str) -> Text:
    return words((state, COLOURS.get(state, "cyan")))


def record(found: Record) -> None:
    """One message: where it is, what it cost, and its story."""
    out = console()
    out.print(words(f"{found.message_id}  ", coloured(found.state), f"  {found.reason}".rstrip()))
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
        "receipt": found.no_receipt or _hinted(found),
        "recall": _recall(found.recall) if found.recall else None,
        "part of": found.parent,
        "shortened": f"{found.shortened_at:%Y-%m-%d}: number, text and history went then"
        if found.shortened_at
        else None,
    }
    for name, value in facts.items():
        if value not in (None, ""):
            out.print(f"  {name:<11}{value}")
    for remark in found.remarks:
        out.print(words("  ", (f"{remark['country']}: {remark['says']}", "yellow")))
    for country, part in found.parts.items():
        due = f"  due {part['due_at']}" if part["due_at"] else ""
        people = f"{part['people']} {'people' if part['people'] > 1 else 'person'}"
        out.print(words(f"  {country}: {people}  ", coloured(part["state"]), f"  {part['message_id']}{due}"))
    for number, outcome in found.recipients.items():
        code = f"  ({outcome['error_code']})" if outcome.get("error_code") else ""
        out.print(words(f"  {mask(number):<11}", coloured(str(outcome.get("state"))), code))
    for reply in found.replies:
        out.print(words(f"  {mask(reply.number):<11}", ("replied", "cyan"), f"  {reply.arrived_at:%Y-%m-%d %H:%M:%S}"))
    day = "%Y-%m-%d " if found.days_ago else ""
    for move in found.history:
        at = f"{move.at:{day}%H:%M:%S}.{move.at.microsecond // 1000:03d}"
        out.print(words(f"  {at}  ", coloured(move.state), f"  {move.reason}".rstrip()))
    for act in found.acts:
        at = f"{act.at:{day}%H:%M:%S}.{act.at.microsecond // 1000:03d}"
        out.print(words(f"  {at}  ", (act.act, "magenta"), f"  by {act.who} on {act.where}"))


def _recall(recall: Recall) -> str:
    to = f", to go out at {recall.send_at}" if recall.send_at else ""
    return f"{RECALLS[recall.state]}{to}{': ' if recall.reason else ''}{recall.reason}"


def _hinted(found: Record) -> str:
    if not found.hint:
        return ""
    return (
        f"perhaps {found.hint.word}: a receipt to its number, under the ticket {found.hint.ticket} that no message has"
    )


def asked(found: Record) -> None:
    """What a message was asked to be, and what was answered, in clear: somebody has said that they may see it."""
    for name, value in found.arguments.items():
        say(f"  {name}: {', '.join(map(str, value)) if isinstance(value, list) else value}")
    for reply in found.replies:
        say(f"  reply of {reply.number}: {reply.text}")


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
