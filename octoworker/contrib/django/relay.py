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
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from django.apps import apps
from django.db import connections, transaction
from django.db.models import Q, QuerySet
from django.db.utils import InterfaceError, OperationalError
from django.utils import timezone

from octoworker import environment
from octoworker.contrib import handing_over
from octoworker.contrib.stopping import Stopping
from octoworker.errors import EnqueueError, SettingsError

if TYPE_CHECKING:
    from octoworker.contrib.django.models import OutboxMessage


class Relay:
    """The relay of one database."""

    def __init__(self, using: str) -> None:
        self._using = using

    def hand_over(self, rows: Sequence[OutboxMessage]) -> None:
        """Right after COMMIT. What does not come through stays in the outbox, and the relay is there for it: nothing is raised."""
        try:
            for _ in handing_over.given(rows):
                pass
        except (EnqueueError, SettingsError):
            return

    def look(self) -> handing_over.Relayed:
        """Take what stands there, up to a slice. EnqueueError: Redis is away, and all is as it was."""
        with transaction.atomic(using=self._using):
            rows = list(self._next())
            old = timezone.now() - handing_over.MARGIN * environment.load().keep_for
            problems = {
                row.pk: why for row in rows if (why := handing_over.problem_of(row, too_old=row.created <= old))
            }
            answers = handing_over.given([row for row in rows if row.pk not in problems])
            problems |= {row.pk: handing_over.CONFLICT for row, reply in answers if reply == "conflict"}
            done = [row.pk for row in rows if row.pk not in problems]
            self._rows().filter(pk__in=done).delete()
            for pk, problem in problems.items():
                self._rows().filter(pk=pk).update(problem=problem)
        return handing_over.Relayed(len(done), len(problems))

    def run(self, stopping: Stopping | threading.Event) -> None:
        """Until told to stop. Redis or a database that is away is waited for."""
        handing_over.run(self.look, connections[self._using].close, (OperationalError, InterfaceError), stopping)

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
        return waiting[: handing_over.SLICE]
