"""Commands about campaigns: bulk, campaign."""

from __future__ import annotations

import csv
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table as Grid
from rich.text import Text

from octoworker.cli import output
from octoworker.cli.messages import When, as_json, consent
from octoworker.client import client
from octoworker.client.campaigns import loading, parts
from octoworker.client.campaigns.preview import Preview, Reader, priced
from octoworker.client.campaigns.table import Table
from octoworker.client.campaigns.template import Template
from octoworker.config import Settings
from octoworker.gateway import dialects
from octoworker.sms import people
from octoworker.sms.record import Record
from octoworker.store import Campaign, Store
from octoworker.telemetry import escape
from octoworker.worker import runtime

POLL = 0.25
"""Seconds between two looks at a campaign."""

CALM = 15.0
"""Seconds without a change after which the watch leaves messages of unknown outcome to a person."""

SIGNS_SHOWN = 10
"""Signs named that make texts Unicode, the most frequent first."""

RESULTS = ("row", "recipient", "state", "ticket", "error_code", "reason", "cost", "segments", "message_id", "confirmed")


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--template", required=True, help='The text: "Bonjour {prenom}, ..." with the names of columns in braces.'
)
@click.option("--column", help="The column with the numbers, when its name does not say so.")
@click.option("--encoding", help="How its letters are written, when the file does not say: cp1252, mac-roman, ...")
@click.option("--sheet", help="The sheet of a spreadsheet, when several hold rows.")
@click.option("--sender")
@click.option("--type", "sms_type", type=click.Choice(["FR", "XXX", "WWW"]))
@click.option("--transactional", is_flag=True, help="No STOP mention needed, any hour.")
@click.option("--with-replies", is_flag=True, help="It can be answered: France only, no sender is shown, dearer.")
@click.option("--at", "send_at", type=When(), help="When it should arrive; kept here until then.")
@click.option("--reference", help="Your own words, kept with each record.")
@consent
@click.option("--lane", type=click.Choice(["urgent", "normal", "bulk"]), default=parts.LANE, show_default=True)
@click.option("--send", is_flag=True, help="Do it. Without this, nothing is sent and you see what would be.")
@click.option(
    "--force", is_flag=True, help="Also when the same file and text went out today. An unfinished one goes on."
)
@click.option("--skip-sent", is_flag=True, help="Leave out who got this very text from a campaign within the last day.")
@as_json
def bulk(
    file: Path,
    template: str,
    column: str | None,
    encoding: str | None,
    sheet: str | None,
    *,
    send: bool,
    force: bool,
    json_: bool,
    **options: Any,
) -> None:
    """Send one text to everybody in a CSV, .xlsx or .ods file: a preview first; --send does it."""
    settings = Settings.load()
    store = runtime.open_store(settings)
    skip_sent = options.pop("skip_sent")
    given = {name: value for name, value in options.items() if value not in (None, False)}
    if "send_at" in given:
        given["hold"] = True
    table = Table(file, encoding=encoding, sheet=sheet)
    reader = _reader(settings, table, column, Template(template), given, store.clock.now())
    if not send:
        _preview(reader, store, json_=json_)
        return
    table.check()
    asked = loading.Asked(template, given, f"{reader.table.digest} {reader.column}", skip_sent=skip_sent)
    opened = loading.begin(client.client(), asked, file.name, force=force)
    campaign, reader = opened.id, replace(reader, before=opened.regions)
    found = _load(reader, store, campaign, quiet=json_, skip_sent=skip_sent)
    if found is None:
        raise SystemExit(1)
    if json_:
        output.as_json(store.campaigns.get(campaign).as_json())
        raise SystemExit(bool(found.refused))
    output.say(f"campaign {campaign}: {found.people} people taken, {sum(found.refused.values())} rows refused")
    raise SystemExit(max(_watch(store, campaign), bool(found.refused)))


@click.command()
@click.argument("campaign_id")
@click.argument("action", required=False, type=click.Choice(["pause", "resume", "cancel", "results"]))
@as_json
def campaign(campaign_id: str, action: str | None, *, json_: bool) -> None:
    """Follow a campaign, or pause, resume or cancel it, or write its results as CSV."""
    store = runtime.open_store(Settings.load())
    match action:
        case "results":
            _results(store, campaign_id)
            return
        case "pause":
            store.campaigns.pause(campaign_id)
        case "resume":
            store.campaigns.resume(campaign_id)
        case "cancel":
            stop = store.campaigns.cancel(campaign_id)
            asked = f"; a worker asks Octopush to cancel {stop.recalled}" if stop.recalled else ""
            if not json_:
                output.say(f"{stop.stopped} messages stopped{asked}; for {stop.late} it was too late")
    found = store.campaigns.get(campaign_id)
    if json_:
        output.as_json(found.as_json())
    elif action or found.over or not sys.stdout.isatty():
        output.console().print(_summary(found))
    else:
        raise SystemExit(_watch(store, campaign_id))


def _reader(
    settings: Settings, table: Table, column: str | None, template: Template, options: Mapping[str, Any], now: datetime
) -> Reader:
    return Reader(
        table=table,
        column=table.recipient_column(column),
        template=template,
        options=options,
        policy=settings.policy,
        rules=settings.time_rules,
        choices=settings.destinations.choices,
        now=now,
    )


def _preview(reader: Reader, store: Store, *, json_: bool) -> None:
    found = Preview()
    for _, got in loading.without_those_who_got_it(reader.people(found), reader.template, store.campaigns):
        found.got_it += got
    account = store.flow_control.account()
    prices = {
        name.removeprefix("price:"): Decimal(value) / 1_000_000
        for name, value in account.items()
        if name.startswith("price:") and len(name) == len("price:FR")
    }
    priced(found, prices, Decimal(account["balance"]) if account.get("balance") else None)
    if json_:
        output.as_json(found.as_json())
        return
    facts = found.as_json()
    out = output.console()
    out.print(f"{found.rows} rows: {found.people} people, {sum(found.refused.values())} refused")
    for reason in facts["refused"]:
        lines = ", ".join(str(line) for line in reason["lines"])
        more = ", ..." if reason["rows"] > len(reason["lines"]) else ""
        out.print(_counted("red", reason["rows"], f"{reason['reason']} (line {lines}{more})"))
    if found.got_it:
        out.print(_counted("yellow", found.got_it, "got this very text from a campaign within a day: --skip-sent"))
    for text in found.texts:
        out.print(f"text: {text}")
    for warning, count in (*found.warnings.most_common(), *found.remarks.most_common()):
        out.print(_counted("yellow", count, warning))
    for country, at in found.may_go_at.items():
        out.print(f"marketing to {country}: {output.opening(country, at)}")
    sizes = ", ".join(f"{count} of {size}" for size, count in facts["segments"].items())
    out.print(f"segments: {facts['segments_in_all']} ({sizes})" if sizes else "segments: none")
    if found.foreign:
        out.print(f"Unicode: {found.avoidable} segments would be saved without")
        for sign, count in found.foreign.most_common(SIGNS_SHOWN):
            out.print(_counted("yellow", count, sign))
    out.print(f"cost: {_money(found)}")
    out.print(f"goes: {output.instant(found.at) if found.at else 'at once'}")
    out.print("Nothing was sent. Add --send to send it.")


def _counted(colour: str, rows: int, words: str) -> Text:
    """A line of the preview."""
    return output.words("  ", (str(rows), colour), f" {words}")


def _money(found: Preview) -> str:
    if found.cost is None:
        return "not known yet: it is learned from the first SMS to each country"
    left = f"; {found.balance - found.cost} left of {found.balance}" if found.balance is not None else ""
    gaps = f"; without {', '.join(found.unpriced)}, whose price is not known" if found.unpriced else ""
    return f"about {found.cost}{left}{gaps}"


def _load(reader: Reader, store: Store, campaign_id: str, *, quiet: bool, skip_sent: bool) -> Preview | None:
    """Take all its messages. None: interrupted; the same command goes on where it stopped."""
    found = Preview()

    def reply(_: int) -> None:
        if not quiet and sys.stderr.isatty():
            output.say_over(f"{found.people} people taken")

    rows = reader.people(found)
    if skip_sent:
        rows = loading.skipping(rows, reader.template, store.campaigns, campaign_id)
    try:
        loading.take(client.client(), campaign_id, reader.template, rows, reader.options, reply=reply)
    except KeyboardInterrupt:
        output.say("", err=True)
        output.say(f"Stopped after {found.rows} rows of {campaign_id}. The same command goes on from there.", err=True)
        return None
    store.campaigns.loaded(campaign_id, people=found.people, refused=sum(found.refused.values()))
    return found


def _watch(store: Store, campaign_id: str) -> int:
    """Show how far it is until it has ended. Ctrl-C leaves it running. Returns the exit status."""
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(), TextColumn("{task.fields[failed]}"), console=output.console(),
    )  # fmt: skip
    try:
        with bar:
            task = bar.add_task("accepted", total=None, rate="", failed="")
            for found, rate in _looks(store, campaign_id):
                failed = ", ".join(
                    f"{count} {state}" for state, count in sorted(found.counts.items()) if count and state in FAILED
                )
                bar.update(task, total=found.taken, completed=found.done, rate=f"{rate:.0f}/s", failed=failed)
    except KeyboardInterrupt:
        output.say(f"Left running. Come back with: octoworker campaign {campaign_id}")
        return 0
    found = store.campaigns.get(campaign_id)
    output.console().print(_summary(found))
    return 0 if found.counts.get("accepted", 0) + found.counts.get("delivered", 0) == found.taken else 1


FAILED = frozenset({"rejected", "dead", "expired", "cancelled", "unknown", "undelivered"})


def _looks(store: Store, campaign_id: str) -> Iterator[tuple[Campaign, float]]:
    """Looks at a campaign, with the people a second that ended, until nothing moves any more."""
    began, at_first, changed, before = time.monotonic(), None, time.monotonic(), None
    while True:
        found = store.campaigns.get(campaign_id)
        at_first = found.done if at_first is None else at_first
        now = time.monotonic()
        if found.counts != before:
            changed, before = now, found.counts
        yield found, (found.done - at_first) / max(now - began, POLL)
        stuck = found.done + found.counts.get("unknown", 0) >= found.taken and now - changed > CALM
        if found.over or (found.loaded and stuck):
            return
        time.sleep(POLL)


def _summary(found: Campaign) -> Grid:
    flags = [word for word, on in (("paused", found.paused), ("cancelled", found.cancelled)) if on]
    grid = Grid(title=f"campaign {found.id} {' '.join(flags)}".rstrip(), title_justify="left", box=None, pad_edge=False)
    if found.paused_because:
        grid.caption, grid.caption_justify = f"It paused itself: {found.paused_because}.", "left"
    for heading in ("state", "people", "why"):
        grid.add_column(heading, overflow="fold")
    for state, count in sorted(found.counts.items()):
        if count:
            grid.add_row(output.coloured(state), str(count), "")
    for reason, count in sorted(found.reasons.items(), key=lambda pair: -pair[1]):
        grid.add_row("", str(count), _why(reason))
    return grid


def _why(reason: str) -> str:
    """A code of the provider's with what it means; anything else as it stands."""
    return f"{reason}: {dialects.explained(reason).meaning}" if reason.isdigit() else reason


def _results(store: Store, campaign_id: str) -> None:
    """Every recipient with the outcome, as CSV on standard output, numbers in clear."""
    store.campaigns.get(campaign_id)
    out = csv.writer(sys.stdout)
    out.writerow(RESULTS)
    for message_id, row in store.campaigns.ids(campaign_id):
        found = store.get(message_id)
        if found is not None:
            out.writerows(map(escape.cell, line) for line in _lines(found, row))


def _lines(found: Record, row: int) -> Iterator[list[Any]]:
    """A line for each person: with their own outcome where there is one, else with that of the message."""
    asked = found.arguments.get("recipients", [])
    several = isinstance(asked, list)
    named = {people.as_kept(each): each for each in (asked if several else [asked])}
    for name in {**named, **dict.fromkeys(found.recipients)}:
        outcome = found.recipients.get(name, {})
        open_ = outcome.get("state") in (None, "waiting")
        failed = outcome.get("error_code") or outcome.get("reason")
        yield [
            "" if several else row,
            named.get(name, name),
            found.state.value if open_ else outcome["state"],
            found.ticket,
            outcome.get("error_code") or (found.error_code if open_ else ""),
            outcome.get("reason") or (_why(str(failed)) if failed else found.reason),
            outcome.get("cost") or "",
            outcome.get("segments") or "",
            found.message_id,
            "" if found.confirmed is None else "yes" if outcome.get("confirmed", found.confirmed) else "no",
        ]


COMMANDS = (bulk, campaign)
