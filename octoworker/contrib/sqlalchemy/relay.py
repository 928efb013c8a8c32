"""From the outbox to octoworker: what the hand-over right after COMMIT did not reach. The rules are those of the Django outbox:

1. Rows are locked, handed over, and deleted in one transaction of the relay's own. A relay that dies in between hands them over
   again: the same id with the same content is one message for as long as its record is kept.
2. A row that is nearly as old as that (`OCTOWORKER_KEEP_FOR`) stays, and says so.
3. Several relays share the work where the database can skip locked rows (PostgreSQL, MySQL 8, MariaDB, Oracle).
"""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, delete, func, select, update
from sqlalchemy.exc import InterfaceError, OperationalError

from octoworker import environment
from octoworker.contrib import handing_over
from octoworker.contrib.sqlalchemy.table import OUTBOX
from octoworker.contrib.stopping import Stopping


class Relay:
    """The relay of one database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def look(self) -> handing_over.Relayed:
        """Take what stands there, up to a slice. EnqueueError: Redis is away, and all is as it was."""
        with self._engine.begin() as connection:
            waiting = select(OUTBOX).where(OUTBOX.c.problem == "").order_by(OUTBOX.c.id).limit(handing_over.SLICE)
            rows = connection.execute(waiting.with_for_update(skip_locked=True)).all()
            old = _now() - handing_over.MARGIN * environment.load().keep_for
            problems = {
                row.id: why for row in rows if (why := handing_over.problem_of(row, too_old=row.created <= old))
            }
            answers = handing_over.given([row for row in rows if row.id not in problems])
            problems |= {row.id: handing_over.CONFLICT for row, reply in answers if reply == "conflict"}
            done = [row.id for row in rows if row.id not in problems]
            if done:
                connection.execute(delete(OUTBOX).where(OUTBOX.c.id.in_(done)))
            for own, problem in problems.items():
                connection.execute(update(OUTBOX).where(OUTBOX.c.id == own).values(problem=problem))
        return handing_over.Relayed(len(done), len(problems))

    def run(self, stopping: Stopping | threading.Event) -> None:
        """Until told to stop. Redis or a database that is away is waited for."""
        handing_over.run(self.look, self._engine.dispose, (OperationalError, InterfaceError), stopping)

    def drained(self, timeout: float) -> bool:
        """Look until nothing is left that can be taken, for so many seconds. EnqueueError: Redis is away."""
        until = time.monotonic() + timeout
        while self.waiting():
            if time.monotonic() > until:
                return False
            self.look()
        return True

    def waiting(self, older_than: timedelta = timedelta(0)) -> int:
        """Rows that are still to be taken; with `older_than` those that should have been."""
        return self._count(OUTBOX.c.problem == "", OUTBOX.c.created <= _now() - older_than)

    def problems(self) -> int:
        """Rows that an operator must look at: the column `problem` says why."""
        return self._count(OUTBOX.c.problem != "")

    def _count(self, *conditions: object) -> int:
        with self._engine.connect() as connection:
            counted = select(func.count()).select_from(OUTBOX).where(*conditions)  # type: ignore[arg-type]
            return int(connection.execute(counted).scalar_one())


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
