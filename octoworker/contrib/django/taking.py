"""`enqueue` and `enqueue_many` for a Django project: by the outbox inside a transaction, at once outside of one."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Unpack

from django.apps import apps
from django.db import router, transaction

from octoworker.client import client as clients
from octoworker.contrib.django import conf
from octoworker.contrib.django.relay import Relay
from octoworker.sms.shapes import SmsArguments
from octoworker.store import NewMessage

if TYPE_CHECKING:
    from octoworker.contrib.django.models import OutboxMessage


def enqueue(**message: Unpack[SmsArguments]) -> str:
    """Take an SMS and return its message id, as `octoworker.enqueue` does, with the same arguments and errors.

    Inside `transaction.atomic()` it is written into the outbox, in one query and without Redis: after a rollback there is no
    message, after COMMIT it is not lost, whatever happens to this process. It is handed over right after COMMIT; what that
    does not reach, the relay takes (`manage.py octoworker_relay`). Whether an idempotency key belongs to a message with other
    content is known only then: the row stays in the outbox and says so, and `manage.py check --database default` names it.
    """
    clients.check_names(message)
    return _taken([message])[0]


def enqueue_many(messages: Iterable[SmsArguments]) -> list[str]:
    """Take many messages and return their ids, in order, as `octoworker.enqueue_many` does. Inside a transaction: one query."""
    listed = list(messages)
    for arguments in listed:
        clients.check_names(arguments)
    return _taken(listed)


def database() -> str:
    """The alias of the database in which the outbox is written."""
    chosen = conf.own("DATABASE")
    return str(chosen) if chosen else router.db_for_write(apps.get_model("octoworker", "OutboxMessage"))


def _taken(messages: list[SmsArguments]) -> list[str]:
    mine = clients.client()
    using = database()
    if not transaction.get_connection(using).in_atomic_block:
        return [*mine.enqueue_many(messages)] if len(messages) > 1 else [mine.enqueue(each) for each in messages]
    taken = [
        (read.as_message(message_id), read.form["lane"]) for each in messages for message_id, read in mine.parts(each)
    ]
    rows = apps.get_model("octoworker", "OutboxMessage").objects.using(using).bulk_create(_row(*each) for each in taken)
    if conf.own("PUBLISH_ON_COMMIT"):
        transaction.on_commit(partial(Relay(using).hand_over, rows), using=using, robust=True)
    return [new.message_id for new, _ in taken]


def _row(new: NewMessage, lane: str) -> OutboxMessage:
    row: OutboxMessage = apps.get_model("octoworker", "OutboxMessage")(
        message_id=new.message_id,
        lane=lane,
        fingerprint=new.fingerprint,
        wording=new.wording,
        payload=new.payload,
        people=new.people,
    )
    return row
