"""A campaign from Python: `octoworker.campaign`. Loaded at its first use: whoever sends none pays nothing for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Unpack

from octoworker.client.campaigns import loading
from octoworker.client.campaigns.spool import Spool
from octoworker.client.campaigns.template import Template
from octoworker.client.client import Client, check_names, client, not_taken
from octoworker.errors import StoreError
from octoworker.sms.arguments import plain_arguments
from octoworker.sms.shapes import SmsOptions


def campaign(
    template: str,
    rows: Iterable[Mapping[str, Any]],
    *,
    idempotency_key: str | None = None,
    recipient: str = "recipient",
    name: str = "",
    force: bool = False,
    skip_sent: bool = False,
    **options: Unpack[SmsOptions],
) -> str:
    """Take one text for many people and return the campaign's id; `octoworker campaign ID` follows it.

    `template` may hold fields, `Bonjour {prenom}`, filled from each row; `recipient` names the value with the number.
    `options` are those of `enqueue`. A text without fields goes to five hundred people per call.

    All rows are read before the first is taken. The same call again (the same key; without one, the same text, options
    and rows) goes on where an unfinished one stopped, and rings nobody twice. CampaignSentError: it was taken whole
    within the last day; `force=True`, or another key, says that it is meant, and an unfinished one goes on with it as well. Other rows are another campaign:
    `skip_sent=True` leaves those out who got this very text from one within the last day, by Redis' clock. EnqueueError carries `campaign_id` and how
    many were `taken`. TypeError names the row that has the wrong shape; KeyConflictError: the key is another campaign's.
    """
    check_names({**options, "recipients": "", "text": ""})
    given, text = plain_arguments(options), Template(template)
    with Spool(rows, text, recipient) as read:
        asked = loading.Asked(template, given, read.digest, idempotency_key, skip_sent)
        return taken_by(client(), asked, read, name, force=force)


def taken_by(mine: Client, asked: loading.Asked, read: Spool, name: str, *, force: bool = False) -> str:
    """What `campaign` does once all its rows have been read."""
    text = Template(asked.template)
    try:
        opened = loading.begin(mine, asked, name, force=force)
    except StoreError as error:
        raise not_taken(error) from None
    own = opened.id
    people, refused = loading.people(read, text, mine.policy, opened.regions)
    if asked.skip_sent:
        people = loading.skipping(people, text, mine.store.campaigns, own)
    taken = loading.take(mine, own, text, people, asked.options)
    loading.end(mine, own, people=taken, refused=sum(refused.values()))
    return own
