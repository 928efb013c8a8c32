"""Commands by which a person acts on one message, or on all that are meant: cancel, decide, replay.

On many, each is acted on as if it were alone, with the same refusals. It may be stopped at any time: the same command with the
`--begun` that it printed goes on, and leaves what was acted on since then, whatever has become of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import click

from octoworker.cli import output
from octoworker.cli.finding import asked_people, chosen, criteria
from octoworker.cli.messages import When, as_json, say_who_asks
from octoworker.client import client
from octoworker.config import Settings
from octoworker.errors import OctoworkerError, RefusedError, StoreError, UnknownMessageError
from octoworker.sms import identity, recipient
from octoworker.sms.record import MAYBE_SENT, SENT, Record, State, iso
from octoworker.store import Store
from octoworker.store.finding import Criteria, people
from octoworker.worker import runtime

PRICE = "price:"

WORDS = ("sent", "dead", "cancelled")

CRITERIA = ("number", "reference", "campaign", "state", "reason", "since", "until")

one_or_many = click.argument("message_id", required=False)

dry_run = click.option("--dry-run", is_flag=True, help="Of many: count them, and change nothing.")

begun = click.option("--begun", type=When(), help="Go on with what was begun then, as it was printed.")


@click.command()
@one_or_many
@criteria
@dry_run
@begun
@as_json
def cancel(message_id: str | None, *, dry_run: bool, begun: datetime | None, json_: bool, **given: Any) -> None:
    """Stop a message that has not gone yet, or all that are meant. What Octopush holds for later, a worker asks it to cancel."""
    settings = Settings.load()
    store = runtime.look(settings)
    if _of_many(message_id, given):
        _act_on_many(Many("cancel", store, store.cancel), chosen(settings, given), begun, dry_run=dry_run, json_=json_)
    found = store.cancel(identity.known_id(message_id or ""))
    output.as_json(found.as_json()) if json_ else output.record(found)
    say_who_asks(found)


@click.command()
@one_or_many
@click.argument("word", required=False)
@criteria
@dry_run
@begun
@as_json
def decide(
    message_id: str | None, word: str | None, *, dry_run: bool, begun: datetime | None, json_: bool, **given: Any
) -> None:
    """Say what becomes of a message that waits for a person, or was accepted unconfirmed: it was `sent`, or is given up (`dead`).

    Of one that Octopush may have cancelled: it was `cancelled`, or it was sent. Of many: decide WORD and what they are found by.
    """
    if word is None and message_id in WORDS:
        message_id, word = None, message_id
    if word not in WORDS:
        raise click.UsageError("give the id and one of sent, dead and cancelled.")
    settings = Settings.load()
    store = runtime.look(settings)

    def act(one: str) -> Record:
        return store.decide(one, sent=word == "sent", cancelled=word == "cancelled")

    if _of_many(message_id, given):
        many = Many(f"decide {word}", store, act)
        _act_on_many(many, chosen(settings, given), begun, dry_run=dry_run, json_=json_)
    found = act(identity.known_id(message_id or ""))
    output.as_json(found.as_json()) if json_ else output.record(found)


@click.command()
@one_or_many
@criteria
@click.option("--force", is_flag=True, help="Also when it may have been sent: the handset may ring twice.")
@dry_run
@begun
@as_json
def replay(
    message_id: str | None, *, force: bool, dry_run: bool, begun: datetime | None, json_: bool, **given: Any
) -> None:
    """Put a message that has ended back in its queue, or all that are meant."""
    settings = Settings.load()
    store = runtime.look(settings)

    def act(one: str) -> Record:
        found = store.replay(one, force=force)
        client.client().publish(one, found.arguments, found.lane)
        return found

    if _of_many(message_id, given):
        many = Many("replay, by force" if force else "replay", store, act)
        _act_on_many(many, chosen(settings, given), begun, dry_run=dry_run, json_=json_)
    found = act(identity.known_id(message_id or ""))
    output.as_json(found.as_json()) if json_ else output.record(found)


def _of_many(message_id: str | None, given: dict[str, Any]) -> bool:
    meant = any(given.get(name) for name in CRITERIA)
    if meant == (message_id is not None):
        raise click.UsageError("give the id of one message, or what many are found by (--state, --since, ...).")
    return meant


@dataclass
class Count:
    """What is meant."""

    messages: int = 0
    people: int = 0
    segments: int = 0
    states: Counter[str] = field(default_factory=Counter)
    may_ring_twice: int = 0
    cost: Decimal = Decimal(0)
    """What they cost when they were sent last."""
    currency: str = ""
    prices: Mapping[str, Decimal] = field(default_factory=dict)
    """What a segment cost last, by country."""
    expected: Decimal = Decimal(0)
    """What they would cost now, all that can be priced."""
    unpriced: int = 0
    """Messages of which that is not known: never claimed, or to a country without a price yet."""

    def add(self, record: Record) -> None:
        self.messages += 1
        self.people += asked_people(record)
        self.segments += record.segments or 0
        self.states[record.state.value] += 1
        self.may_ring_twice += may_have_been_sent(record)
        self.cost += _amount(record.cost)
        self.currency = record.currency or self.currency
        price = self.prices.get(_country_of(record))
        if price is None or not record.segments:
            self.unpriced += 1
        else:
            self.expected += price * record.segments

    def as_json(self) -> dict[str, Any]:
        return {
            "messages": self.messages,
            "people": self.people,
            "segments": self.segments,
            "states": dict(self.states),
            "may_ring_twice": self.may_ring_twice,
            "cost_so_far": str(self.cost),
            "expected_cost": str(self.expected),
            "unpriced": self.unpriced,
            "currency": self.currency or None,
        }


def _country_of(record: Record) -> str:
    return next((recipient.country_of(each) for each in people(record) if each.startswith("+")), "")


def _prices(store: Store) -> dict[str, Decimal]:
    known = store.flow_control.account()
    return {
        name.removeprefix(PRICE): Decimal(value).scaleb(-6) for name, value in known.items() if name.startswith(PRICE)
    }


def may_have_been_sent(record: Record) -> bool:
    """Whether a replay of it asks for --force: a handset may have it."""
    somebody_has_it = any(each.get("state") in SENT for each in record.recipients.values())
    return record.state in MAYBE_SENT or record.maybe_sent or somebody_has_it


def _amount(text: str | None) -> Decimal:
    try:
        found = Decimal(text or 0)
    except InvalidOperation:
        return Decimal(0)
    return found if found.is_finite() else Decimal(0)


@dataclass
class Many:
    """One act on each of many messages. `act` raises RefusedError where it may not be done."""

    name: str
    store: Store
    act: Callable[[str], Record]
    done: int = 0
    refused: Counter[str] = field(default_factory=Counter)

    def meant(self, wanted: Criteria, since: datetime) -> Iterator[Record]:
        """Those on which it is still to be done."""
        return (each for each in self.store.finder.find(wanted) if not self._was_done(each, since))

    def run(self, wanted: Criteria, since: datetime) -> None:
        for record in self.meant(wanted, since):
            try:
                self.act(record.message_id)
            except (RefusedError, UnknownMessageError) as error:
                self.refused[str(error)] += 1
            else:
                self.done += 1

    def _was_done(self, record: Record, since: datetime) -> bool:
        return any(each.act == self.name and each.at >= since for each in record.acts)


def _act_on_many(many: Many, wanted: Criteria, begun: datetime | None, *, dry_run: bool, json_: bool) -> None:
    """Count or act, and end: exit status 1 when some were refused."""
    at = begun or many.store.clock.now()
    if dry_run:
        count = Count(prices=_prices(many.store))
        for record in many.meant(wanted, at):
            count.add(record)
        output.as_json({"dry_run": True, **count.as_json()}) if json_ else _say_count(many, count)
        raise SystemExit(0)
    output.say(f"begun {iso(at)}; after an interruption the same with --begun {iso(at)} goes on.", err=True)
    try:
        many.run(wanted, at)
    except (StoreError, KeyboardInterrupt) as error:
        output.say(f"{many.done} done before it was interrupted.", err=True)
        if isinstance(error, OctoworkerError):
            raise
        raise SystemExit(130) from None
    if json_:
        output.as_json({"done": many.done, "refused": dict(many.refused), "begun": iso(at)})
    else:
        output.say(f"{many.name}: {output.counted(many.done, 'message')}")
        for reason, number in many.refused.most_common():
            output.say(f"{number} refused: {reason}")
    raise SystemExit(bool(many.refused))


def _say_count(many: Many, count: Count) -> None:
    output.say(
        f"{many.name}: {output.counted(count.messages, 'message')} to {count.people} recipients, "
        f"{output.counted(count.segments, 'segment')}"
    )
    for state, number in count.states.most_common():
        output.say(f"  {number} {State(state).value}")
    if count.cost:
        output.say(f"  they have cost {count.cost} {count.currency} so far; what is sent again is paid again".rstrip())
    if many.name.startswith("replay"):
        unpriced = f", and {count.unpriced} of which that is not known" if count.unpriced else ""
        output.say(f"  about {count.expected} {count.currency}".rstrip() + f" by the prices of last time{unpriced}")
    if many.name.startswith("replay") and count.may_ring_twice:
        output.say(f"  {count.may_ring_twice} may ring twice: they go only with --force")


COMMANDS = (cancel, decide, replay)
