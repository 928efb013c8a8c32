"""`enqueue` and `enqueue_many` of a session: a row now, octoworker's after COMMIT, nothing after a rollback."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Unpack

from sqlalchemy import Connection, event, insert
from sqlalchemy.orm import Session, SessionTransaction

from octoworker.contrib import handing_over
from octoworker.contrib.sqlalchemy.table import OUTBOX
from octoworker.sms.shapes import SmsArguments

NOTED = "octoworker: written and not committed"
"""Where a session notes it (`Session.info`)."""


def enqueue(session: Session, *, publish_on_commit: bool = True, **message: Unpack[SmsArguments]) -> str:
    """Write an SMS into the outbox, in one query and without Redis, and return its message id.

    The arguments and errors are those of `octoworker.enqueue`. After a rollback there is no message, after COMMIT it is not lost,
    whatever happens to this process. It is handed over right after COMMIT; what that does not reach, the relay takes. Whether an
    idempotency key belongs to a message with other content is known only then: the row stays, with its problem.

    With an AsyncSession: `await session.run_sync(enqueue, recipients=..., publish_on_commit=False)`, since the handing over
    would hold up the loop; the relay does it.
    """
    return enqueue_many(session, [message], publish_on_commit=publish_on_commit)[0]


def enqueue_many(session: Session, messages: Iterable[SmsArguments], *, publish_on_commit: bool = True) -> list[str]:
    """Write many, in one query. A message to more than 500 recipients becomes several."""
    columns = handing_over.rows_of(messages)
    if not columns:
        return []
    now = datetime.now(UTC).replace(tzinfo=None)
    session.execute(insert(OUTBOX), [{**each, "created": now} for each in columns])
    if publish_on_commit:
        _note(session, [_Written(**each) for each in columns])
    return [each["message_id"] for each in columns]


@dataclass(frozen=True, repr=False)
class _Written:
    """A row, as it was written."""

    message_id: str
    lane: str
    fingerprint: str
    wording: str
    payload: str
    people: int


@dataclass(frozen=True, repr=False)
class _Noted:
    """Rows, the transaction (or savepoint) that wrote them, and its connection."""

    rows: list[_Written]
    transaction: SessionTransaction | None
    connection: Connection


def _note(session: Session, rows: list[_Written]) -> None:
    if NOTED not in session.info:
        session.info[NOTED] = []
        event.listen(session, "after_commit", _committed)
        event.listen(session, "after_soft_rollback", _rolled_back)
    written = _Noted(rows, session.get_nested_transaction() or session.get_transaction(), _connection(session))
    session.info[NOTED].append(written)


def _connection(session: Session) -> Connection:
    return session.connection(bind_arguments={"clause": OUTBOX})


def _committed(session: Session) -> None:
    """A savepoint is released by this, too, and a session may live in a transaction of somebody else's: only what its database has
    committed is handed over. What is not, or fails, the relay takes: no error of it reaches whoever commits."""
    if session.in_nested_transaction():
        return
    noted: list[_Noted] = session.info[NOTED]
    session.info[NOTED] = []
    rows = [row for each in noted if not each.connection.in_transaction() for row in each.rows]
    with contextlib.suppress(Exception):
        for _ in handing_over.given(rows):
            pass


def _rolled_back(session: Session, rolled_back: SessionTransaction) -> None:
    session.info[NOTED] = [each for each in session.info[NOTED] if not _within(each.transaction, rolled_back)]


def _within(transaction: Any, other: SessionTransaction) -> bool:
    while transaction is not None:
        if transaction is other:
            return True
        transaction = transaction.parent
    return False
