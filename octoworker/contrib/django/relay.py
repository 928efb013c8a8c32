"""From the outbox to octoworker: right after COMMIT, and by the relay, which takes what that did not reach.

1. Rows are locked, handed over, and deleted in one transaction of the relay's own. A relay that dies in between hands them over
   again: the same id with the same content is one message for as long as its record is kept.
2. So a row that is nearly as old as that (`OCTOWORKER_KEEP_FOR`) is not handed over any more: its record may have gone, with all
   that could say whether the handset rang. It stays, and says so.
3. Several relays share the work where the database can skip locked rows (PostgreSQL, MySQL 8, MariaDB, Oracle). On SQLite they
   take turns.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING

from django.apps import apps
from django.db import connections, transaction
from django.db.models import Q, QuerySet
from django.db.utils import InterfaceError, OperationalError
from django.utils import timezone

from octoworker import environment
from octoworker.client import client as clients
from octoworker.errors import EnqueueError, SettingsError
from octoworker.store import NewMessage

if TYPE_CHECKING:
    from octoworker.contrib.django.models import OutboxMessage

SLICE = 100
"""Rows of one transaction of the relay."""

EVERY = 1.0
"""Seconds between two looks at an empty outbox."""

LONGEST = 30.0
"""Seconds between two tries at most, while Redis or the database is away."""

MARGIN = 0.9
"""The part of the time for which records are kept up to which a row is handed over."""

CONFLICT = "its idempotency key belongs to a message with other content"
TOO_OLD = "too old: its record may have been deleted, so nobody knows any more whether it was sent"


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


class Relay:
    """The relay of one database."""

    def __init__(self, using: str) -> None:
        self._using = using

    def hand_over(self, rows: Sequence[OutboxMessage]) -> None:
        """Right after COMMIT. What does not come through stays in the outbox, and the relay is there for it: nothing is raised."""
        try:
            for _ in _given(rows):
                pass
        except (EnqueueError, SettingsError):
            return

    def look(self) -> Relayed:
        """Take what stands there, up to a slice. EnqueueError: Redis is away, and all is as it was."""
        with transaction.atomic(using=self._using):
            rows = list(self._next())
            old = timezone.now() - MARGIN * environment.load().keep_for
            fresh = [row for row in rows if row.created > old]
            problems = {row.pk: TOO_OLD for row in rows if row.created <= old}
            problems |= {row.pk: CONFLICT for row, reply in _given(fresh) if reply == "conflict"}
            done = [row.pk for row in rows if row.pk not in problems]
            self._rows().filter(pk__in=done).delete()
            for pk, problem in problems.items():
                self._rows().filter(pk=pk).update(problem=problem)
        return Relayed(len(done), len(problems))

    def run(self, stopping: threading.Event) -> None:
        """Until told to stop. Redis or a database that is away is waited for."""
        wait = EVERY
        while not stopping.is_set():
            try:
                found = self.look()
                wait = 0.0 if found.full else EVERY
            except (EnqueueError, OperationalError, InterfaceError):
                connections[self._using].close()
                wait = min(LONGEST, max(EVERY, 2 * wait))
            stopping.wait(wait)

    def drained(self, timeout: float) -> bool:
        """Look until nothing is left that can be taken, for so many seconds. EnqueueError: Redis is away."""
        until = time.monotonic() + timeout
        while self._rows().filter(problem="").exists():
            if time.monotonic() > until:
                return False
            self.look()
        return True

    def waiting(self, older_than: timedelta) -> int:
        """Rows that should have been taken by now."""
        return int(self._rows().filter(problem="", created__lt=timezone.now() - older_than).count())

    def problems(self) -> int:
        """Rows that an operator must look at."""
        return int(self._rows().filter(~Q(problem="")).count())

    def _rows(self) -> QuerySet[OutboxMessage]:
        rows: QuerySet[OutboxMessage] = apps.get_model("octoworker", "OutboxMessage").objects.using(self._using)
        return rows

    def _next(self) -> Iterable[OutboxMessage]:
        features = connections[self._using].features
        waiting = self._rows().filter(problem="").order_by("pk")
        if features.has_select_for_update:
            waiting = waiting.select_for_update(skip_locked=features.has_select_for_update_skip_locked)
        return waiting[:SLICE]


def _given(rows: Sequence[OutboxMessage]) -> Iterator[tuple[OutboxMessage, str]]:
    """Hand these over, lane by lane, and say what became of each: created, same or conflict. EnqueueError: Redis is away."""
    mine = clients.client()
    for lane, some in groupby(sorted(rows, key=attrgetter("lane")), key=attrgetter("lane")):
        listed = list(some)
        for start in range(0, len(listed), SLICE):
            batch = listed[start : start + SLICE]
            yield from zip(batch, mine.take([_message(row) for row in batch], lane), strict=True)


def _message(row: OutboxMessage) -> NewMessage:
    return NewMessage(row.message_id, row.fingerprint, row.payload, row.wording, row.people)
