"""Taking a campaign: the same way from a file, from Python, for the first time and for the rest of it.

1. Its identity is the key that its caller gave, else the digest of what was asked: template, options, rows.
2. The store says whether it is new, unfinished, or went out within the last day (`Campaigns.open`).
3. Its messages are taken in batches. Whatever stops this, the same call again goes on: each message's id follows from
   its own rows, so who was taken is not taken twice.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from octoworker.client.campaigns import parts
from octoworker.client.campaigns.parts import Person
from octoworker.client.campaigns.template import Template
from octoworker.client.client import Client, not_taken
from octoworker.errors import CampaignSentError, EnqueueError, KeyConflictError, StoreError
from octoworker.sms import jobs
from octoworker.sms.people import read as read_people
from octoworker.sms.policy import Policy
from octoworker.sms.texts import canonical
from octoworker.store import Campaigns, Opened

ID_DIGITS = 12


@dataclass(frozen=True)
class Asked:
    """What identifies a campaign. `content`: the digest of its rows."""

    template: str
    options: Mapping[str, Any]
    content: str
    key: str | None = None
    skip_sent: bool = False
    """Who got this very text from a campaign within the last day is left out."""

    @property
    def digest(self) -> str:
        """The same for the same template, options and rows."""
        parts_ = [self.template, jobs.jsonable(self.options), self.content, *(["skip_sent"] if self.skip_sent else [])]
        reply = json.dumps(parts_, sort_keys=True, default=str)
        return hashlib.sha256(reply.encode("utf-8", "surrogatepass")).hexdigest()[:32]

    @property
    def place(self) -> str:
        """Under which the store looks for it: its key when it has one."""
        return (
            hashlib.sha256(f"key:{self.key}".encode("utf-8", "surrogatepass")).hexdigest()[:32]
            if self.key
            else self.digest
        )


def begin(mine: Client, asked: Asked, name: str, *, force: bool = False) -> Opened:
    """The campaign to take, new or to go on with.

    CampaignSentError: it went out within the last day. KeyConflictError: the key belongs to another campaign.
    """
    opened = mine.store.campaigns.open(
        uuid.uuid4().hex[:ID_DIGITS],
        name,
        place=asked.place,
        content=asked.digest,
        force=force,
        region=mine.policy.region,
    )
    if opened.conflict:
        raise KeyConflictError.of_campaign()
    if opened.finished:
        raise CampaignSentError(opened.id)
    return opened


def take(
    mine: Client,
    campaign: str,
    template: Template,
    people: Iterable[Person],
    options: Mapping[str, Any],
    *,
    reply: Callable[[int], None] = lambda _: None,
    at_once: int = jobs.BATCH,
) -> int:
    """Take all messages, so many at once; how many people that were, also those who were taken before.

    `reply` hears that number after each batch. EnqueueError carries the campaign's id and how many were taken by then.
    """
    lane = str(options.get("lane") or parts.LANE)
    taken = 0
    messages = parts.messages(campaign, template, people, options, mine.policy.region)
    try:
        while some := list(islice(messages, at_once)):
            if "conflict" in mine.take(some, lane, campaign):
                raise KeyConflictError("A message of this campaign is already known with other content.")
            taken += sum(new.people for new in some)
            reply(taken)
            if mine.store.campaigns.stopped(campaign):
                break
    except EnqueueError as error:
        raise error.in_campaign(campaign, taken) from None
    except StoreError as error:
        raise not_taken(error).in_campaign(campaign, taken) from None
    return taken


def end(mine: Client, campaign: str, *, people: int, refused: int) -> None:
    """All of it has been taken. EnqueueError as of `take`: the same call again only says so."""
    try:
        mine.store.campaigns.loaded(campaign, people=people, refused=refused)
    except StoreError as error:
        raise not_taken(error).in_campaign(campaign, people) from None


EMPTY = "{}: the field is empty."


def people(
    rows: Iterable[tuple[int, Any, Mapping[str, str]]], template: Template, policy: Policy, before: Iterable[str] = ()
) -> tuple[Iterator[Person], Counter[str]]:
    """Whom these rows name, and, once they have been gone through, how many were refused for which reason.

    A number that cannot be read is no reason to leave a row out: the worker refuses it, and its record says why. `before`: as
    in Doubles.
    """
    refused: Counter[str] = Counter()

    def read() -> Iterator[Person]:
        doubles = Doubles(policy, before)
        for row, written, values in rows:
            if empty := [name for name in template.fields if not values[name]]:
                refused[EMPTY.format(empty[0])] += 1
                continue
            good = read_people([written], policy).good
            number = good[0] if good else None
            text = template.filled(values) if template.fields else ""
            yield Person(row, written, number, values, left_out=doubles.named_before(written, number, text))

    return read(), refused


def without_those_who_got_it(
    people: Iterable[Person], template: Template, campaigns: Campaigns, campaign: str = ""
) -> Iterator[tuple[Person, bool]]:
    """Each of them, and whether another campaign took this very text for them within the last day."""
    rows = iter(people)
    while some := list(islice(rows, jobs.MOST_RECIPIENTS)):
        asked = [(parts.mark_of(each.number, _text(template, each)), each.number) for each in some if each.number]
        got = iter(campaigns.sent(asked, but=campaign) if asked else [])
        yield from ((each, bool(each.number) and next(got)) for each in some)


def _text(template: Template, person: Person) -> str:
    return template.filled(person.values) if template.fields else template.text


def skipping(people: Iterable[Person], template: Template, campaigns: Campaigns, campaign: str) -> Iterator[Person]:
    """The same people, those left out who got this very text: in their places, which are part of a message's identity."""
    for person, got in without_those_who_got_it(people, template, campaigns, campaign):
        yield replace(person, left_out=True) if got else person


class Doubles:
    """Who has been named with the same text by an earlier row.

    A part of the campaign may have been taken when national numbers were read for another region (`before`): two rows are
    one person's also when they were then. So nobody who was taken by the reading of one day is taken again by that of another.
    """

    def __init__(self, policy: Policy, before: Iterable[str] = ()) -> None:
        self._seen = Seen()
        self._others = [replace(policy, region=region) for region in before if region != policy.region]

    def named_before(self, written: object, number: str | None, text: str) -> bool:
        """Also notes it. `number`: as it is read today, None when it cannot be."""
        names = {number or str(written)}
        for policy in self._others:
            names.update(read_people([written], policy).good)
        words = canonical(text)
        new = [self._seen.add(f"{name}\n{words}") for name in names]
        return not all(new)


class Seen:
    """A set of people and texts that grows on disk and not in memory."""

    def __init__(self) -> None:
        self._base = sqlite3.connect("")
        self._base.executescript(
            "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; CREATE TABLE seen (what BLOB PRIMARY KEY) WITHOUT ROWID;"
        )

    def add(self, what: str) -> bool:
        """False when it was there already."""
        digest = hashlib.blake2b(what.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        return self._base.execute("INSERT OR IGNORE INTO seen VALUES (?)", (digest,)).rowcount == 1
