"""`octoworker events`: what the web app was not told yet, or did not take; and what it is to be told again."""

from __future__ import annotations

from datetime import datetime

import click
from rich.table import Table

from octoworker.cli import output
from octoworker.cli.messages import When, as_json
from octoworker.config import Settings
from octoworker.sms.record import iso
from octoworker.store import webhooks
from octoworker.worker import runtime


@click.group()
def events() -> None:
    """Events for the web app: list those that are posted to OCTOWORKER_EVENT_URL, replay any."""


@events.command(name="list")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="Of each kind.")
@as_json
def list_(limit: int, *, json_: bool) -> None:
    """Show those that are still to be posted, the next first, and those that the web app did not take."""
    store = runtime.look(Settings.load())
    endpoint, kept = store.webhooks.endpoint(), list(store.webhooks.kept(limit))
    many, oldest = store.event_log.kept()
    if json_:
        logged = {"events": many, "since": oldest and iso(oldest)}
        output.as_json(
            {"endpoint": endpoint.state, "events": [webhooks.as_json(each) for each in kept], "replayable": logged}
        )
        return
    output.say(f"endpoint: {endpoint.state}")
    output.say(f"can be sent again: {many} events" + (f" since {iso(oldest)}" if oldest else ""))
    grid = Table(box=None, pad_edge=False)
    for heading in ("event", "type", "happened", "tries", "next try"):
        grid.add_column(heading, no_wrap=True)
    for each in kept:
        due = iso(each.due_at) if each.due_at else "none: dead"
        grid.add_row(each.event_id, each.kind, iso(each.happened_at), str(each.tries), due)
    output.console().print(grid)


@events.command()
@click.option("--since", type=When(), required=True, help="Events that happened since then, as in `send --at`.")
@click.option("--failed", is_flag=True, help="Only those that the address did not take.")
def replay(since: datetime, *, failed: bool) -> None:
    """Send again, now and under the same ids, all that happened since then, whoever took it, and call an address that was stopped.

    Events are kept for that for 7 days, the latest 100,000 of them.
    """
    store = runtime.open_store(Settings.load())
    store.audit.note("events replay")
    count = store.webhooks.replay(since) + (0 if failed else store.event_log.replay(since))
    output.say(f"{count} events are sent again.")


COMMANDS = (events,)
