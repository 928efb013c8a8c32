"""From rows to messages: one for each row, or five hundred people in one when the text is the same for all.

Identity follows from what was asked and from nothing else. A message's id is the digest of the raw content of its own
rows under the campaign: which rows can be read with today's settings, clock or number plan changes nobody's id. So the
same campaign taken again, after whatever stopped it, finds its own messages.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from octoworker.client.campaigns.template import Template
from octoworker.sms import identity, jobs
from octoworker.sms.people import READ_FOR
from octoworker.sms.texts import canonical
from octoworker.store import NewMessage

LANE = "bulk"


@dataclass(frozen=True)
class Person:
    """One row of a campaign. `written`: the number as it stands there; `number`: as it was read, None when it was not."""

    row: int
    written: Any = field(repr=False)
    number: str | None = field(repr=False)
    values: Mapping[str, str] = field(repr=False)
    left_out: bool = False
    """It is no recipient: an earlier row has the same number and text, or its text may not go."""


def messages(
    campaign: str, template: Template, people: Iterable[Person], options: Mapping[str, Any], region: str
) -> Iterator[NewMessage]:
    """The messages for these people: all rows in their order, also those who are left out: they are part of its identity.

    `region`: for which their numbers were read.
    """
    if template.fields:
        for person in people:
            if not person.left_out:
                yield _new(campaign, [person], template.filled(person.values), options, region)
        return
    rows = iter(people)
    while some := list(islice(rows, jobs.MOST_RECIPIENTS)):
        if any(not person.left_out for person in some):
            yield _new(campaign, some, template.text, options, region)


def _new(campaign: str, some: list[Person], text: str, options: Mapping[str, Any], region: str) -> NewMessage:
    """One message. Who cannot be reached is in it, too: the worker refuses them one by one, so the record says why."""
    written = [person.written for person in some]
    content = json.dumps([campaign, text, written], ensure_ascii=True, sort_keys=True, default=str)
    message_id = hashlib.sha256(content.encode()).hexdigest()[: identity.ID_LENGTH]
    numbers = [person.written if person.number is None else person.number for person in some if not person.left_out]
    recipients = numbers[0] if len(some) == 1 else numbers
    wanted = jobs.jsonable({"lane": LANE, **options, "recipients": recipients, "text": text})
    if any(person.number is None and not person.left_out for person in some):
        wanted[READ_FOR] = region
    return NewMessage(
        message_id,
        identity.fingerprint(wanted),
        json.dumps(wanted),
        wording=identity.fingerprint({**wanted, "recipients": written}),
        people=len(numbers),
        row=some[0].row,
        marks=tuple(mark_of(person.number, text) for person in some if person.number and not person.left_out),
    )


def mark_of(number: str, text: str) -> str:
    """The hash by which a campaign knows that another one has taken this text for this number."""
    return hashlib.blake2b(f"{number}\n{canonical(text)}".encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
