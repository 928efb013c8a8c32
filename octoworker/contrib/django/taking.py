"""`enqueue` and `enqueue_many` for a Django project: by the outbox inside a transaction, at once outside of one."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Unpack

from django.apps import apps
from django.db import router, transaction

from octoworker.client import client as clients
from octoworker.contrib import handing_over
from octoworker.contrib.django import conf
from octoworker.contrib.django.relay import Relay
from octoworker.sms.shapes import SmsArguments


def enqueue(**message: Unpack[SmsArguments]) -> str:
    """Take an SMS and return its message id, as `octoworker.enqueue` does, with the same arguments and errors.

    Inside `transaction.atomic()` it is written into the outbox, in one query and without Redis: after a rollback there is no
    message, after COMMIT it is not lost, whatever happens to this process. It is handed over right after COMMIT; what that
    does not reach, the relay takes (`manage.py octoworker_relay`). Whether an idempotency key belongs to a message with other
    content is known only then: the row stays in the outbox and says so, and `manage.py check --database default` names it.
    """
    return _taken([message])[0]


def enqueue_many(messages: Iterable[SmsArguments]) -> list[str]:
    """Take many messages and return their ids, in order, as `octoworker.enqueue_many` does. Inside a transaction: one query."""
    return _taken(list(messages))


def database() -> str:
    """The alias of the database in which the outbox is written."""
    chosen = conf.own("DATABASE")
    return str(chosen) if chosen else router.db_for_write(apps.get_model("octoworker", "OutboxMessage"))


def _taken(messages: list[SmsArguments]) -> list[str]:
    using = database()
    if not transaction.get_connection(using).in_atomic_block:
        return (
            [*clients.enqueue_many(messages)] if len(messages) > 1 else [clients.enqueue(**each) for each in messages]
        )
    model = apps.get_model("octoworker", "OutboxMessage")
    rows = model.objects.using(using).bulk_create(model(**each) for each in handing_over.rows_of(messages))
    if conf.own("PUBLISH_ON_COMMIT"):
        transaction.on_commit(partial(Relay(using).hand_over, rows), using=using, robust=True)
    return [row.message_id for row in rows]
