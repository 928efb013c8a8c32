"""`octoworker dossier NUMBER`: what a data protection authority, or the person, asks for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import click

from octoworker.cli import output
from octoworker.cli.maintenance import person_of
from octoworker.cli.messages import as_json
from octoworker.config import Settings
from octoworker.errors import PayloadError
from octoworker.sms import opt_outs, recipient
from octoworker.sms.policy import Policy
from octoworker.sms.record import Record, iso, mask
from octoworker.store import Store
from octoworker.store.erasure import Person
from octoworker.store.finding import Criteria
from octoworker.store.opt_outs import OptOut
from octoworker.telemetry import events
from octoworker.worker import runtime


@click.command()
@click.argument("number")
@click.option("--reveal", is_flag=True, help="Also the number, the texts and your own words, in clear.")
@as_json
def dossier(number: str, *, reveal: bool, json_: bool) -> None:
    """All that is kept of one person: what was sent, why, with which consent, what became of it, and whether they said STOP.

    That it was asked for stands in `octoworker audit`, with no number.
    """
    settings = Settings.load()
    person, store = person_of(number, settings), runtime.open_store(settings)
    store.audit.note("dossier, revealed" if reveal else "dossier")
    found = sorted(_messages(store, person), key=_taken_at)
    entry = _opt_out(number, settings, store)
    events.emit("person.dossier", count=len(found), revealed="yes" if reveal else "no")
    facts = {
        "recipient": number if reveal else mask(number),
        "opted_out": _opt_out_facts(entry),
        "messages": [_facts(record, person, reveal=reveal) for record in found],
    }
    output.as_json(facts) if json_ else _print(facts)


def _messages(store: Store, person: Person) -> Iterator[Record]:
    """Each message to them once: of one that went in parts, the part."""
    for record in store.finder.find(Criteria(found_by=person.found_by(None), is_them=person.is_them)):
        if not record.parts:
            yield record


def _taken_at(record: Record) -> datetime:
    return record.history[0].at


def _opt_out(number: str, settings: Settings, store: Store) -> OptOut | None:
    """What the list of opt-outs says of them; nothing of what is no number that an SMS reaches."""
    policy = Policy(region=settings.message.region, allow_possible=True)
    try:
        e164 = recipient.read(number, policy)
    except (recipient.NumberRefused, PayloadError):
        return None
    return store.opt_outs.find(opt_outs.hashes(e164, settings.opt_outs.number_keys))


def _opt_out_facts(entry: OptOut | None) -> dict[str, Any] | None:
    if entry is None:
        return None
    return {"since": iso(entry.since) if entry.since else None, "source": entry.source, "scope": entry.scope}


def _facts(record: Record, person: Person, *, reveal: bool) -> dict[str, Any]:
    """One message, as far as it is theirs."""
    asked = record.arguments
    theirs = next((each for written, each in record.recipients.items() if person.is_them(written)), {})
    shown = {
        "message_id": record.message_id,
        "taken_at": iso(_taken_at(record)),
        "marketing": not asked.get("transactional"),
        "sender": asked.get("sender"),
        "campaign": record.campaign or None,
        "consent": dict(record.consent) if record.consent else None,
        "state": theirs.get("state", record.state.value),
        "reason": theirs.get("reason") or record.reason or None,
        "receipt": theirs.get("word"),
        "receipt_at": theirs.get("word_at"),
        "history": [move.as_json() for move in record.history],
        "answers": [iso(reply.arrived_at) for reply in record.replies if person.is_them(reply.number)],
    }
    return {**shown, "reference": record.reference, "text": asked.get("text")} if reveal else shown


def _print(facts: dict[str, Any]) -> None:
    output.say(f"{facts['recipient']}: {len(facts['messages'])} messages are kept")
    entry = facts["opted_out"]
    output.say(f"opted out: {_words(entry)}" if entry else "opted out: no")
    for each in facts["messages"]:
        kind = "marketing" if each["marketing"] else "no marketing"
        output.say(f"{each['taken_at']}  {each['message_id']}  {each['state']}  {kind}")
        for name in ("sender", "campaign", "reference", "reason", "text"):
            if each.get(name):
                output.say(f"  {name}: {each[name]}")
        output.say(f"  consent: {_words(each['consent'])}" if each["consent"] else "  consent: none was given with it")
        if each["receipt"]:
            output.say(f"  receipt: {each['receipt']} {each['receipt_at'] or ''}".rstrip())
        for at in each["answers"]:
            output.say(f"  answered: {at}")


def _words(parts: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in parts.items() if value)


COMMANDS = (dossier,)
