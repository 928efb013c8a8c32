"""Commands that find: `octoworker find`, by what is known of messages, and `octoworker campaigns`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import click
from rich.table import Table

from octoworker.cli import output
from octoworker.cli.messages import When, as_json
from octoworker.config import Settings
from octoworker.sms.record import Record, State, iso, mask
from octoworker.store import person
from octoworker.store.campaigns import Campaign
from octoworker.store.finding import Criteria, people
from octoworker.worker import runtime

SHOWN = 100
"""Messages in a table, unless more are asked for."""

FIELDS = (
    *("message_id", "state", "reason", "error_code", "taken_at", "moved_at", "to", "people", "lane", "campaign"),
    *("ticket", "cost", "currency", "segments"),
)
"""Of a row of CSV."""


class Moment(When):
    """An instant as `When` reads it, or how long ago: 90s, 30m, 2h, 7d."""

    name = "when"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        if found := _AGO.fullmatch(str(value).strip()):
            try:
                return datetime.now(UTC) - int(found[1]) * _SPANS[found[2]]
            except OverflowError:
                self.fail("give a time of this age.", param, ctx)
        return super().convert(value, param, ctx)


_AGO = re.compile(r"([0-9]{1,9})([smhd])")
_SPANS = {"s": timedelta(seconds=1), "m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}


def criteria(command: Callable[..., Any]) -> Callable[..., Any]:
    """Options by which messages are chosen; `chosen` reads them."""
    for option in reversed(
        (
            click.option("--number", help="Messages to it, however it was written."),
            click.option("--reference", help="Messages with these words of yours, whole."),
            click.option("--campaign", help="Messages of the campaign with this id."),
            click.option("--state", multiple=True, type=click.Choice([state.value for state in State])),
            click.option("--reason", help="A part of the reason, or Octopush's code."),
            click.option(
                "--since", type=Moment(), help='Taken then or later: "2026-12-01 09:00 Europe/Paris", 2h, 7d.'
            ),
            click.option("--until", type=Moment(), help="Taken before then."),
        )
    ):
        command = option(command)
    return command


def chosen(settings: Settings, given: dict[str, Any]) -> Criteria:
    """What these options mean. PayloadError: one of them means nothing."""
    return person.criteria(given, settings.message.region, settings.opt_outs.number_keys)


@click.command()
@criteria
@click.option("--limit", type=click.IntRange(min=1), help=f"How many at the most; a table shows {SHOWN} without it.")
@click.option("--csv", "csv_", is_flag=True, help="Write rows of CSV, as they are found.")
@as_json
def find(*, limit: int | None, csv_: bool, json_: bool, **given: Any) -> None:
    """Find messages by a number, your reference, a campaign, a state, a reason, a time: all that is given must hold.

    Numbers are masked. --json and --csv write all of them as they are found.
    """
    if csv_ and json_:
        raise click.UsageError("give --csv or --json, not both.")
    settings = Settings.load()
    found = runtime.look(settings).finder.find(chosen(settings, given))
    if json_:
        output.stream(_shown(each) for each in islice(found, limit))
    elif csv_:
        output.rows(FIELDS, (_row(each) for each in islice(found, limit)))
    else:
        _print(found, limit or SHOWN)


def _print(found: Iterator[Record], limit: int) -> None:
    first = list(islice(found, limit))
    if not first:
        output.say("No message that is kept is meant by that.")
        return
    output.table(first)
    if next(found, None):
        output.say(f"There are more than {limit}: give --limit, or --csv for all of them.", err=True)


def _shown(record: Record) -> dict[str, Any]:
    row = _row(record)
    return {**record.masked(), **{name: row[name] for name in ("to", "taken_at", "moved_at", "campaign")}}


def _row(record: Record) -> dict[str, Any]:
    """One line, of which no number can be called."""
    shown = list(dict.fromkeys(mask(each) for each in people(record)))
    return {
        "message_id": record.message_id,
        "state": record.state.value,
        "reason": record.reason,
        "error_code": record.error_code,
        "taken_at": iso(record.created_at) if record.created_at else None,
        "moved_at": iso(record.history[-1].at) if record.history else None,
        "to": shown[0] if shown else None,
        "people": asked_people(record),
        "lane": record.lane,
        "campaign": record.campaign or None,
        "ticket": record.ticket,
        "cost": record.cost,
        "currency": record.currency,
        "segments": record.segments,
    }


def asked_people(record: Record) -> int:
    """To how many a message is, or was to go."""
    if record.recipients:
        return len(record.recipients)
    listed = record.arguments.get("recipients")
    return len(listed) if isinstance(listed, list) else int(listed is not None)


@click.command()
@click.option("--limit", type=click.IntRange(min=1), default=SHOWN, show_default=True, help="How many at the most.")
@as_json
def campaigns(limit: int, *, json_: bool) -> None:
    """Every campaign that is kept: when it was begun, how far it is, what became of its people. The latest first."""
    found = islice(runtime.look(Settings.load()).campaigns.begun(), limit)
    if json_:
        output.stream({"begun_at": iso(at), **each.as_json()} for at, each in found)
        return
    _print_campaigns(found)


def _print_campaigns(found: Iterable[tuple[datetime, Campaign]]) -> None:
    grid = Table(box=None, pad_edge=False)
    for heading in ("campaign", "name", "begun", "people", "done", "state", "counts"):
        grid.add_column(heading, overflow="fold", justify="right" if heading in ("people", "done") else "left")
    for at, each in found:
        counts = ", ".join(f"{count} {state}" for state, count in sorted(each.counts.items()) if count)
        people_ = str(each.people if each.loaded else each.taken)
        grid.add_row(each.id, each.name, f"{at:%Y-%m-%d %H:%M:%S}", people_, str(each.done), _where(each), counts)
    if grid.row_count:
        output.console().print(grid)
    else:
        output.say("No campaign is kept.")


def _where(campaign: Campaign) -> str:
    if campaign.cancelled:
        return "cancelled"
    if campaign.paused:
        return "paused"
    if not campaign.loaded:
        return "not taken whole"
    return "over" if campaign.over else "on its way"


COMMANDS = (find, campaigns)
