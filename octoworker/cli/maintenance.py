"""Commands that keep the records in order: doctor, forget, restored."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

import click

from octoworker.cli import checks, output
from octoworker.cli.messages import as_json
from octoworker.client.client import Client
from octoworker.config import Settings, unknown_names
from octoworker.errors import RefusedError, SettingsError, StoreError, UnknownMessageError
from octoworker.sms import lanes
from octoworker.store import Store, connect, connect_to_jobs, functions, person
from octoworker.store.assessment import Finding, Grade
from octoworker.store.erasure import Forgotten, Person
from octoworker.store.server import allowed, examine
from octoworker.store.traces import Traces, names
from octoworker.web.spool import Spool
from octoworker.worker import runtime

COLOURS = {Grade.OK: "green", Grade.WARNING: "yellow", Grade.PROBLEM: "red"}


@click.command(name="doctor")
@as_json
@click.pass_context
def check_up(ctx: click.Context, *, json_: bool) -> None:
    """Look at everything a person would look at, and say what to do. Sends nothing. Exit status 1: there is a problem."""
    findings: list[Finding] = []
    away = False
    try:
        for finding in _findings():
            findings.append(finding)
            if not json_:
                _print(finding)
    except StoreError as error:
        away = True
        findings.append(checks.of_no_redis(error))
        if not json_:
            _print(findings[-1])
    if json_:
        output.as_json([finding.as_json() for finding in findings])
    ctx.exit(3 if away else int(any(finding.outcome is Grade.PROBLEM for finding in findings)))


def _findings() -> Iterator[Finding]:
    """Everything. StoreError when Redis is out of reach."""
    yield from checks.of_names(unknown_names())
    try:
        settings = Settings.load()
        client = connect(settings.redis.records_url, timeout=runtime.LOOK_TIMEOUT, retries=0)
    except SettingsError as error:
        yield from checks.of_contradictions(error)
        return
    queues = runtime.queues(settings)
    another = settings.redis.broker != settings.redis.records_url
    jobs = connect_to_jobs(settings.redis.broker, timeout=runtime.LOOK_TIMEOUT) if another else None
    yield from checks.all_of(
        settings,
        lambda: examine(client, runtime.confirm(settings), jobs),
        lambda: runtime.look(settings).board(queues),
        lambda: allowed(lambda: Client().readers(checks.QUICK)),
        lambda: runtime.connect_gateway(settings),
        lambda: allowed(runtime.look(settings).inbox.last_at),
    )
    yield from checks.of_functions(functions.loaded(client))
    yield from checks.of_rolled_back(allowed(runtime.look(settings).epoch.last))
    yield from checks.of_recalls(allowed(lambda: list(runtime.look(settings).recalled(RECALLS))) or ())


def _print(finding: Finding) -> None:
    out = output.console()
    mark = (f"{finding.outcome.value:<8}", COLOURS[finding.outcome])
    out.print(output.words(mark, f" {finding.name:<12} {finding.says}"), soft_wrap=True)
    if finding.do:
        out.print(f"{'':<22}-> {finding.do}", soft_wrap=True)


RECALLS = 1000
"""Open recalls that the doctor looks at."""


@click.command()
@click.argument("number")
@click.option(
    "--cancel",
    is_flag=True,
    help="Also what is still on its way to that number alone, or waits for a person: cancel it or give it up, and forget it.",
)
@click.option(
    "--everywhere",
    is_flag=True,
    help="Look at every record, also at those that were noted under a key of OCTOWORKER_NUMBER_KEYS that is gone. It takes longer.",
)
@as_json
def forget(number: str, *, cancel: bool, everywhere: bool, json_: bool) -> None:
    """Take a person's number, and what was written to them, out of every message that has ended. Exit status 1: some keep it yet."""
    settings = Settings.load()
    person = person_of(number, settings)
    store = runtime.open_store(settings)
    store.audit.note("forget, with --cancel" if cancel else "forget")
    done = store.people.forget(person, everywhere=everywhere)
    if cancel and done.alone:
        _end(store, done.alone)
        ended = store.people.forget(person, done.alone)
        still = set(done.left) - set(done.alone) | set(ended.left)
        left = [each for each in done.left if each in still]
        done = Forgotten(done.looked_at, done.records + ended.records, left, ended.left, done.unreadable)
    beside = _beside(person, settings)
    if json_:
        output.as_json(
            {
                "looked_at": done.looked_at,
                "forgotten": done.records,
                "left": done.left,
                **asdict(beside),
                "unreadable": done.unreadable,
            }
        )
    else:
        _say_forgotten(done, beside, cancel=cancel)
    raise SystemExit(bool(done.left or beside.waiting or done.unreadable))


@dataclass
class Beside:
    """What is no record. `traces`: what was found and dropped; `waiting`: calls and events that keep the number until they are
    processed; `elsewhere`: what could not be looked at."""

    traces: int = 0
    waiting: int = 0
    elsewhere: list[str] = field(default_factory=list)


def _beside(person: Person, settings: Settings) -> Beside:
    """Forget them in all that is no record, as far as it can be reached from here."""
    traces = Traces(connect(settings.redis.records_url, timeout=runtime.LOOK_TIMEOUT, lossless=True))
    found = Beside(traces.forget(person), traces.waiting(person))
    jobs = connect_to_jobs(settings.redis.broker, timeout=runtime.LOOK_TIMEOUT)
    if jobs is None:
        found.elsewhere.append("the queues of the broker: a job of a plain send_task holds a number until it is done")
    else:
        aside, packed = Traces(jobs).forget_jobs(person)
        found.traces += aside
        if packed:
            found.elsewhere.append(
                f"{packed} jobs that were set aside and cannot be read: octoworker aside list, then discard"
            )
        queued = allowed(lambda: Traces(jobs).queued(lanes.QUEUES.values()))
        if queued is None:
            found.elsewhere.append("the queues: this user of Redis may not look at them")
        elif queued:
            found.elsewhere.append(f"{queued} jobs in queues or with workers: run this again once they are done")
    _in_spool(person, settings, found)
    return found


def _in_spool(person: Person, settings: Settings, found: Beside) -> None:
    try:
        if settings.inbound.spool:
            found.waiting += sum(names(each, person) for each in Spool(Path(settings.inbound.spool)).all())
        elif settings.inbound.tokens:
            found.elsewhere.append(
                "the spool of a receiver, if it has one: run this there, with its OCTOWORKER_INBOUND_SPOOL"
            )
    except OSError:
        found.elsewhere.append("the spool of the receiver (OCTOWORKER_INBOUND_SPOOL): run this where the receiver runs")


def _say_forgotten(done: Forgotten, beside: Beside, *, cancel: bool) -> None:
    output.say(f"{done.records} of {done.looked_at} messages have forgotten that number.")
    if beside.traces:
        output.say(f"{beside.traces} calls, events or jobs beside them that held it are gone.")
    if done.left:
        output.say("Still on their way to it, or waiting for a person; they keep it until they have ended:")
        for message_id in done.left:
            shared = "" if message_id in done.alone else "  (to others as well: not cancelled for one)"
            output.say(f"  {message_id}{shared}")
        output.say("Run this again then" + ("." if cancel or not done.alone else ", or with --cancel now."))
    if beside.waiting:
        output.say(
            f"{beside.waiting} calls or events about it are still to be processed. Run this again once workers have."
        )
    if done.unreadable:
        output.say("These records cannot be read, and may hold it; see: octoworker aside list")
        for message_id in done.unreadable:
            output.say(f"  {message_id}")
    for each in beside.elsewhere:
        output.say(f"Not looked at: {each}.")


def _end(store: Store, ids: list[str]) -> None:
    """Cancel those that can be, and give up those that wait for a person."""
    for message_id in ids:
        for end in (store.cancel, partial(store.decide, sent=False)):
            with contextlib.suppress(RefusedError, UnknownMessageError):
                end(message_id)


def person_of(number: str, settings: Settings) -> Person:
    """Who is meant by a number as an operator writes it. PayloadError: it is none."""
    return person.named(number, settings.message.region, settings.opt_outs.number_keys)


@click.command()
@click.option("--dry-run", is_flag=True, help="Count them, and change nothing.")
@as_json
def restored(*, dry_run: bool, json_: bool) -> None:
    """After Redis was restored from a backup: leave to a person what may have been sent since. Nothing is sent meanwhile."""
    store = runtime.open_store(Settings.load())
    if dry_run:
        found = sum(some for some, _ in store.epoch.roll_back(force=True, count_only=True))
    else:
        store.audit.note("restored")
        found = store.go_back(force=True)
    if json_:
        output.as_json({"needs_review": found, "dry_run": dry_run})
        return
    several = "messages" if found != 1 else "message"
    output.say(f"{found} {several} {'would wait' if dry_run else 'wait'} for a person: octoworker list --rolled-back")


COMMANDS = (check_up, forget, restored)
