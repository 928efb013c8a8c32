"""What each outbox has in common: messages as rows of the web app's own database, and how rows come to octoworker."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import Any, Protocol, TypeVar

from octoworker.client import client as clients
from octoworker.contrib.stopping import Stopping
from octoworker.errors import EnqueueError
from octoworker.sms import sizes
from octoworker.sms.lanes import LANES
from octoworker.sms.shapes import SmsArguments
from octoworker.store import NewMessage

SLICE = 100
"""Rows of one transaction of the relay."""

EVERY = 1.0
"""Seconds between two looks at an empty outbox."""

LONGEST = 30.0
"""Seconds between two tries at most, while Redis or the database is away."""

MARGIN = 0.9
"""The part of the time for which records are kept up to which a row is handed over."""

ODD = "it is not as octoworker writes it"
CONFLICT = "its idempotency key belongs to a message with other content"
TOO_OLD = "too old: its record may have been deleted, so nobody knows any more whether it was sent"


_ID, _PRINT = re.compile(r"[0-9a-f]{32}"), re.compile(r"[!-~]{1,64}")


class Row(Protocol):
    """A row of an outbox: a message in the form in which it is taken."""

    @property
    def message_id(self) -> Any: ...
    @property
    def lane(self) -> Any: ...
    @property
    def fingerprint(self) -> Any: ...
    @property
    def wording(self) -> Any: ...
    @property
    def payload(self) -> Any: ...
    @property
    def people(self) -> Any: ...


Some = TypeVar("Some", bound=Row)


@dataclass(frozen=True)
class Relayed:
    """What one look did."""

    taken: int = 0
    left: int = 0
    """Rows with a problem, which an operator must look at."""

    @property
    def full(self) -> bool:
        """Whether there may be more."""
        return self.taken + self.left >= SLICE


def rows_of(messages: Iterable[SmsArguments]) -> list[dict[str, Any]]:
    """The columns of each message. TypeError, PayloadError: one is wrong, and nothing is written. No Redis is asked."""
    listed = list(messages)
    for arguments in listed:
        clients.check_names(arguments)
    parts = (part for each in listed for part in clients.client().parts(each))
    return [_columns(read.as_message(message_id), read.form["lane"]) for message_id, read in parts]


def problem_of(row: Row, *, too_old: bool) -> str:
    """Why a row is not handed over; "" when it is."""
    return (TOO_OLD if too_old else "") if is_readable(row) else ODD


def is_readable(row: Row) -> bool:
    """Whether a row is one of ours. Somebody may have written to the table, and one odd row must keep no other back."""
    try:
        payload = json.loads(row.payload) if len(row.payload) <= sizes.PAYLOAD else None
    except (ValueError, RecursionError):
        return False
    ours = _ID.fullmatch(row.message_id) and row.lane in LANES and _PRINT.fullmatch(row.fingerprint)
    return bool(ours and _PRINT.fullmatch(row.wording or "0") and row.people > 0 and isinstance(payload, dict))


def given(rows: Sequence[Some]) -> Iterator[tuple[Some, str]]:
    """Hand these over, lane by lane, and say what became of each: created, same or conflict. EnqueueError: Redis is away."""
    mine = clients.client()
    for lane, some in groupby(sorted(rows, key=attrgetter("lane")), key=attrgetter("lane")):
        listed = list(some)
        for start in range(0, len(listed), SLICE):
            batch = listed[start : start + SLICE]
            yield from zip(batch, mine.take([_message(row) for row in batch], lane), strict=True)


def run(
    look: Callable[[], Relayed],
    away: Callable[[], None],
    gone: tuple[type[Exception], ...],
    until: Stopping | threading.Event,
) -> None:
    """Look until told to stop. Redis or a database that is away (`gone`) is waited for; `away` is called then."""
    wait = EVERY
    passing: tuple[type[Exception], ...] = (EnqueueError, *gone)
    while not until.is_set():
        try:
            wait = 0.0 if look().full else EVERY
        except passing:
            away()
            wait = min(LONGEST, max(EVERY, 2 * wait))
        until.wait(wait)


def _columns(new: NewMessage, lane: str) -> dict[str, Any]:
    return {
        "message_id": new.message_id,
        "lane": lane,
        "fingerprint": new.fingerprint,
        "wording": new.wording,
        "payload": new.payload,
        "people": new.people,
    }


def _message(row: Row) -> NewMessage:
    return NewMessage(row.message_id, row.fingerprint, row.payload, row.wording, row.people)
