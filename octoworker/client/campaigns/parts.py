"""From rows to messages: one for each row, or five hundred people in one when the text is the same for all."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from octoworker.client.campaigns.template import Template
from octoworker.sms import jobs
from octoworker.store import NewMessage

LANE = "bulk"


def messages(
    campaign: str, template: Template, people: Iterable[tuple[int, str, Mapping[str, str]]], options: Mapping[str, Any]
) -> Iterator[NewMessage]:
    """The messages for these people (row, number, values). Their ids follow from campaign and row: twice is once."""
    if template.fields:
        for row, number, values in people:
            yield _new(campaign, row, {**options, "recipients": number, "text": template.filled(values)})
        return
    numbers: list[str] = []
    first = 0
    for row, number, _ in people:
        first = first if numbers else row
        numbers.append(number)
        if len(numbers) == jobs.MOST_RECIPIENTS:
            yield _new(campaign, first, {**options, "recipients": numbers, "text": template.text})
            numbers = []
    if numbers:
        yield _new(campaign, first, {**options, "recipients": numbers, "text": template.text})


def _new(campaign: str, row: int, arguments: Mapping[str, Any]) -> NewMessage:
    message_id = hashlib.sha256(f"campaign:{campaign}:{row}".encode()).hexdigest()[:32]
    wanted = jobs.jsonable({"lane": LANE, **arguments})
    return NewMessage(message_id, "", json.dumps(wanted), people=jobs.people_of(wanted), row=row)
