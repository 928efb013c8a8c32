"""`octoworker aside`: what no worker goes on with. Its content is never shown, as it may be a number and a text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import click
from rich.table import Table

from octoworker.cli import output
from octoworker.cli.messages import as_json
from octoworker.config import Settings
from octoworker.sms.record import iso
from octoworker.store import connect, connect_to_jobs
from octoworker.store.audit import Audit
from octoworker.store.set_aside import BrokenRecords, JobsAside, SetAside
from octoworker.worker import runtime

ids_argument = click.argument("ids", nargs=-1)
all_option = click.option("--all", "everything", is_flag=True, help="All that `list` shows.")


@click.group()
def aside() -> None:
    """Jobs that no worker can read or outlive, and records that no script can handle: list, put-back, discard."""


@aside.command(name="list")
@as_json
def list_(*, json_: bool) -> None:
    """Show each with its reason, age, queue and message. What it holds is not shown."""
    found = list(Aside().all())
    if json_:
        output.as_json([_shown(each) for each in found])
        return
    if not found:
        output.say("Nothing is set aside.")
        return
    grid = Table(box=None, pad_edge=False)
    for heading in ("id", "kind", "since", "age", "queue", "message", "reason"):
        grid.add_column(heading, no_wrap=heading != "reason", overflow="fold")
    now = datetime.now(UTC)
    for each in found:
        age = _age((now - each.at).total_seconds())
        grid.add_row(each.id, each.kind, iso(each.at), age, each.queue, each.message_id, each.reason)
    output.console().print(grid)


@aside.command(name="put-back")
@ids_argument
@all_option
def put_back(ids: Sequence[str], *, everything: bool) -> None:
    """Let workers try again: a job goes back to its queue, a record is looked at anew. Exit status 1: one was not there."""
    _act("put back", ids, everything, lambda place, each: place.put_back(each))


@aside.command()
@ids_argument
@all_option
def discard(ids: Sequence[str], *, everything: bool) -> None:
    """Drop a job for good. A record is only left alone from now on. Exit status 1: one was not there."""
    _act("discarded", ids, everything, lambda place, each: place.discard(each))


class Aside:
    """Both kinds. The jobs may be on a Redis of their own, or on a broker that is none and sets nothing aside."""

    def __init__(self) -> None:
        settings = Settings.load()
        keep_ms = round(settings.keep_for * 1000)
        records = connect(settings.redis.records_url)
        self.audit = Audit(records)
        self.records = BrokenRecords(records, keep_ms=keep_ms)
        self.jobs = jobs_of(settings)

    def all(self) -> Iterator[SetAside]:
        if self.jobs:
            yield from self.jobs.all()
        yield from self.records.all()

    def place(self, each: SetAside) -> JobsAside | BrokenRecords:
        return self.jobs if self.jobs and each.kind == "job" else self.records


def jobs_of(settings: Settings) -> JobsAside | None:
    """The jobs that were set aside; None: the broker is no Redis that can be asked."""
    client = connect_to_jobs(settings.redis.broker, timeout=runtime.LOOK_TIMEOUT)
    return JobsAside(client) if client else None


def _act(done: str, ids: Sequence[str], everything: bool, act: Callable[[Any, SetAside], bool]) -> None:  # noqa: FBT001 - as click gives it
    if bool(ids) == everything:
        raise click.UsageError("give the ids that `octoworker aside list` shows, or --all.")
    where = Aside()
    known = list(where.all())
    chosen = known if everything else [each for each in known if each.id in ids]
    missing = sorted(set(ids) - {each.id for each in chosen})
    for one in chosen:
        where.audit.note(f"aside {done}", one.message_id or one.id)
    failed = [each.id for each in chosen if not act(where.place(each), each)]
    output.say(f"{len(chosen) - len(failed)} {done}.")
    for each in missing:
        output.say(f"{each}: nothing of that id is set aside.", err=True)
    for each in failed:
        output.say(f"{each}: its queue is not known, or somebody else has acted on it.", err=True)
    raise SystemExit(bool(missing or failed))


def _age(seconds: float) -> str:
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds // size:.0f} {unit}"
    return f"{max(0.0, seconds):.0f} s"


def _shown(each: SetAside) -> dict[str, Any]:
    return {
        "id": each.id,
        "kind": each.kind,
        "at": iso(each.at),
        "reason": each.reason,
        "queue": each.queue or None,
        "message_id": each.message_id or None,
    }


COMMANDS = (aside,)
