"""Commands about one message: send, check, status, reschedule; and list."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Any

import click

from octoworker.cli import output
from octoworker.client import checking, client
from octoworker.config import Settings
from octoworker.errors import PayloadError, StoreError, UnknownMessageError
from octoworker.sms import consents, encoding, identity, instants, message, schedule
from octoworker.sms.destinations.remarks import Judgement, judge
from octoworker.sms.record import FINAL, Record, State, mask
from octoworker.store import Store
from octoworker.worker import runtime

POLL = 0.2
"""Seconds between two looks of `send --wait`."""

SILENT = 5.0
"""Seconds after which `send --wait` says that no worker is there, when none is."""

as_json = click.option("--json", "json_", is_flag=True, help="Print one JSON document and nothing else.")


one_message = click.argument("message_id", callback=lambda _ctx, _param, value: identity.known_id(value))
"""The id of a message; that of a job of Celery's, with its dashes, is one, too."""


consent = click.option(
    "--consent",
    nargs=3,
    metavar="ID DATE SOURCE",
    callback=lambda _ctx, _param, parts: dict(zip(consents.FIELDS, parts, strict=True)) if parts else None,
    help="What marketing rests on; kept with the record.",
)


class When(click.ParamType[datetime]):
    """An instant: ISO-8601 with offset, epoch seconds, or "2026-12-01 09:00 Europe/Paris"."""

    name = "when"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        try:
            return instants.read_words(str(value))
        except instants.InstantRefused as refusal:
            self.fail(_SAID.get(str(refusal), str(refusal)), param, ctx)


_SAID = {
    instants.NO_INSTANT: 'give a time like "2026-12-01 09:00 Europe/Paris", 2026-12-01T09:00+01:00, or epoch seconds.',
    instants.NO_OFFSET: 'add a zone or an offset, as in "2026-12-01 09:00 Europe/Paris".',
}
"""What a person may type, where a program may give something else."""


@click.command()
@click.option("--to", "recipients", multiple=True, required=True, help="A number; repeat for more.")
@click.option("--text", required=True)
@click.option("--sender")
@click.option("--type", "sms_type", type=click.Choice(["FR", "XXX", "WWW"]))
@click.option("--transactional", is_flag=True, help="No STOP mention needed, any hour.")
@click.option("--with-replies", is_flag=True, help="It can be answered: France only, no sender is shown, dearer.")
@click.option("--at", "send_at", type=When(), help="When it should arrive.")
@click.option("--hold", is_flag=True, help="Keep it here until then, so that it can be cancelled.")
@click.option("--key", "idempotency_key", help="Your own key: the same key is the same message.")
@click.option("--reference", help="Your own words, kept with the record.")
@click.option("--lane", type=click.Choice(["urgent", "normal", "bulk"]))
@consent
@click.option("--wait", is_flag=True, help="Wait until it has ended.")
@click.option("--dry-run", is_flag=True, help="Say what would happen and when, and do nothing.")
@as_json
def send(*, wait: bool, dry_run: bool, json_: bool, recipients: tuple[str, ...], **options: Any) -> None:
    """Send one SMS. What is wrong with it is said at once."""
    settings = Settings.load()
    given = {name: value for name, value in options.items() if value not in (None, False)}
    arguments = {"recipients": list(recipients), **given}
    sms = message.parse(arguments, settings.policy)
    now = _now()
    foreseen = schedule.plan(sms, settings.time_rules, now)
    if foreseen.refuse_before and foreseen.refuse_before < now:
        raise PayloadError([schedule.PAST])
    judged = judge(sms, settings.destinations.choices, out_of_hours=foreseen.out_of_hours)
    if dry_run:
        preview(sms, foreseen, judged, now, json_=json_)
        raise SystemExit(1 if sms.refused or judged.refused else 0)
    if len(judged.refused) == len(sms.recipients):
        raise PayloadError([f"recipients: {each}" for each in judged.refusals])
    for warning in (*sms.warnings, *(each.counted for each in judged.remarks)):
        output.say(f"warning: {warning}", err=True)
    message_id = client.enqueue(**arguments)
    if wait:
        with _done(f"{message_id} was taken: do not send it again; octoworker status {message_id} follows it."):
            found = _wait(message_id)
        output.as_json(found.as_json()) if json_ else output.record(found)
        raise SystemExit(0 if found.state in (State.ACCEPTED, State.DELIVERED, State.SCHEDULED) else 1)
    output.as_json({"message_id": message_id}) if json_ else output.say(message_id)


def _check(**options: Any) -> None:
    """Say what would become of an SMS, and send nothing: as `send --dry-run`."""
    click.get_current_context().invoke(send, **options, wait=False, dry_run=True)


check = click.Command(
    "check",
    callback=_check,
    params=[each for each in send.params if each.name not in {"wait", "dry_run"}],
    help=_check.__doc__,
)


def _now() -> datetime:
    """Redis' time. Where it cannot be asked nothing will be sent, and this machine's time will do for a preview."""
    try:
        return client.client().store.clock.now()
    except StoreError:
        return datetime.now(UTC)


_WHERE = {"now": "sent at once", "held": "held here until", "handed over": "handed over for"}


def preview(sms: message.Message, foreseen: schedule.Plan, judged: Judgement, now: datetime, *, json_: bool) -> None:
    """What would become of a message: who, how many segments, when, and where it would wait."""
    how, at = checking.when(foreseen, now)
    where = _WHERE[how]
    facts = {
        "recipients": len(sms.recipients),
        "segments": sms.segments,
        "segments_in_all": sms.segments * len(sms.recipients),
        "lane": sms.lane,
        "how": where,
        "at": at.isoformat() if at else None,
        "hours": "marketing waits for its hours"
        if foreseen.closed_until or (at and sms.send_at and at != sms.send_at)
        else None,
        "text": sms.text,
        "arrives": encoding.measure(sms.text).arrives,
        "unicode": _unicode(sms.text),
        "warnings": list(sms.warnings),
        "destinations": [each.as_json() for each in judged.remarks],
        "may_go_at": {country: max(at, now).isoformat() for country, at in foreseen.opens_at.items()},
        "refused": [{"recipient": mask(name), "reason": reason} for name, reason in sms.refused.items()],
    }
    if json_:
        output.as_json(facts)
        return
    to_each = " each" if len(sms.recipients) > 1 else ""
    counted = f"{output.counted(len(sms.recipients), 'recipient')}, {output.counted(sms.segments, 'segment')}{to_each}"
    output.say(f"{counted}, lane {sms.lane}: {where} {output.instant(at) if at else ''}".rstrip())
    if facts["hours"]:
        output.say(str(facts["hours"]))
    if foreseen.differs:
        output.say("it goes in parts, to each country at its own hour; the time above is the last one's")
    for country, opens_at in foreseen.opens_at.items():
        output.say(f"marketing to {country}: {output.opening(country, opens_at) if opens_at > now else 'now'}")
    output.say(f"text: {facts['arrives']}")
    if found := encoding.unicode_cost(sms.text):
        output.say(f"Unicode: {found.segments} segments; {found.without} without")
        for each in found.signs:
            output.say(f"  {each.count} {each.advice}")
    for warning in (*sms.warnings, *(each.counted for each in judged.remarks)):
        output.say(f"warning: {warning}")
    for name, reason in sms.refused.items():
        output.say(f"not to {mask(name)}: {reason}")


def _unicode(text: str) -> dict[str, Any] | None:
    """What makes a text Unicode, and what that costs; None when nothing does."""
    found = encoding.unicode_cost(text)
    if found is None:
        return None
    signs = [{"sign": each.name, "count": each.count, "instead": each.instead} for each in found.signs]
    return {"signs": signs, "segments_without": found.without}


@click.command()
@one_message
@click.option("--at", "send_at", type=When(), required=True, help="The new time.")
@as_json
def reschedule(message_id: str, send_at: datetime, *, json_: bool) -> None:
    """Move a message to another time. What Octopush holds for later, a worker asks it to cancel first."""
    Settings.load()
    client.reschedule(message_id, send_at)
    with _done(f"{message_id}: it was taken."):
        found = _found(message_id)
    output.as_json(found.as_json()) if json_ else output.record(found)
    say_who_asks(found)


def say_who_asks(found: Record) -> None:
    """What is with Octopush is not cancelled by having asked for it."""
    if found.recall and found.recall.open:
        output.say(
            f"Octopush holds it: a worker of {found.account} asks Octopush to cancel it. "
            f"octoworker status {found.message_id} shows what came of it.",
            err=True,
        )


@click.command()
@one_message
@click.option("--reveal", is_flag=True, help="Also what was asked for: the numbers and the text, in clear.")
@as_json
def status(message_id: str, *, reveal: bool, json_: bool) -> None:
    """Where is this message? Its state, its story, its cost."""
    store = runtime.look(Settings.load())
    if reveal:
        store.audit.note("reveal", message_id)
    found = _found(message_id, store)
    if json_:
        output.as_json({**found.as_json(), **({"asked": dict(found.arguments)} if reveal else {})})
        return
    output.record(found)
    if reveal:
        output.asked(found)


@click.command("list")
@click.option("--state", type=click.Choice([state.value for state in State]))
@click.option(
    "--unconfirmed", is_flag=True, help="Those that Octopush says it had, and nobody saw it accept; the oldest first."
)
@click.option("--recalled", is_flag=True, help="Those that Octopush is asked to cancel, or may have cancelled.")
@click.option(
    "--rolled-back",
    is_flag=True,
    help="Those that wait for a person because Redis went back to an older state; the first of them first.",
)
@click.option("--limit", default=100, show_default=True, help="How many at the most.")
@as_json
def list_(state: str | None, limit: int, *, unconfirmed: bool, recalled: bool, rolled_back: bool, json_: bool) -> None:
    """Messages in a state: what is coming soonest first, what is over latest first."""
    if bool(state) + unconfirmed + recalled + rolled_back > 1:
        raise click.UsageError("Give one of --state, --unconfirmed, --recalled and --rolled-back.")
    store = runtime.look(Settings.load())
    if unconfirmed or recalled:
        chosen = store.unconfirmed(limit) if unconfirmed else store.recalled(limit)
    elif rolled_back:
        chosen = store.rolled_back(limit)
    else:
        chosen = store.list(State(state) if state else None, limit)
    found = list(chosen)[:limit]
    output.as_json([each.masked() for each in found]) if json_ else output.table(found)


@contextmanager
def _done(sentence: str) -> Iterator[None]:
    """Redis may go away when what was asked for is done, and only its story is still to be read: then say so."""
    try:
        yield
    except StoreError:
        output.say(sentence, err=True)
        raise


def _found(message_id: str, store: Store | None = None) -> Record:
    found = (store or runtime.look(Settings.load())).get(message_id)
    if found is None:
        raise UnknownMessageError
    return found


def _wait(message_id: str) -> Record:
    """The record once no machine will move it soon: ended, scheduled, or waiting for an operator."""
    store = runtime.look(Settings.load())
    silent_from = time.monotonic() + SILENT
    while True:
        found = _found(message_id, store)
        needs_review = found.state is State.UNKNOWN and found.due_at is None
        if found.state in FINAL or found.state is State.SCHEDULED or needs_review:
            return found
        if time.monotonic() > silent_from:
            _say_who_is_missing(store, found.lane)
            silent_from = float("inf")
        time.sleep(POLL)


def _say_who_is_missing(store: Store, lane: str) -> None:
    """Nothing has ended yet: that is told when nobody is there who could end it."""
    with suppress(StoreError):
        workers = store.workers.alive()
        if not any(lane in worker.lanes for worker in workers):
            who = f"No worker that is alive reads lane {lane}" if workers else "No worker is alive"
            output.say(f"{who}: the message waits until one is started (octoworker worker).", err=True)


COMMANDS = (send, check, status, list_, reschedule)
