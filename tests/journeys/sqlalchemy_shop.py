"""A web app with SQLAlchemy to test with: a folder of its own, SQLite, and code that runs in it as a process."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from harness import NUMBER

BEFORE = """
import json, os, signal
from sqlalchemy import Column, Integer, MetaData, String, Table, create_engine, func, insert, select, update
from sqlalchemy.orm import Session
from octoworker.contrib.sqlalchemy import OUTBOX, enqueue, metadata
url = os.environ["DATABASE_URL"]
engine = create_engine(url, connect_args={"timeout": 60} if url.startswith("sqlite") else {})
bookings = Table("bookings", MetaData(), Column("id", Integer, primary_key=True), Column("state", String), Column("sms", String))
answer = None
"""

MAKE = "metadata.create_all(engine); bookings.metadata.create_all(engine)"


class SqlShop:
    """The app, in a folder, with an environment that leads to a Redis."""

    BOOK = f"""
from sqlalchemy import event
def fresh():
    engine.dispose()

def book(text, fate, die):
    with Session(engine) as session:
        if fate == "after COMMIT":
            event.listen(session, "after_commit", lambda _: die())
        session.execute(insert(bookings).values(state=text))
        message = enqueue(session, recipients="{NUMBER}", text=text, transactional=True)
        session.execute(update(bookings).where(bookings.c.state == text).values(sms=message))
        if fate == "before COMMIT":
            die()
        session.commit()
"""
    LOOK = """
with Session(engine) as session:
    answer = dict(left=session.scalar(select(func.count()).select_from(OUTBOX)), texts=list(session.scalars(select(bookings.c.state))))
"""

    def __init__(self, folder: Path, environ: dict[str, str]) -> None:
        self.folder = folder
        self.environ = {**environ, "DATABASE_URL": f"sqlite:///{folder / 'shop.sqlite3'}"}

    def migrate(self) -> None:
        """Make the tables."""
        self.run(MAKE)

    def run(self, code: str, **environ):
        """Code in a process of the app. What it puts into `answer` is returned."""
        done = subprocess.run(
            [sys.executable, "-c", f"{BEFORE}{code}\nprint(json.dumps(answer))"],
            cwd=self.folder,
            env={**self.environ, **environ},
            check=False,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return json.loads(done.stdout.splitlines()[-1])

    def relay(self):
        """The relay, as a process."""
        return subprocess.Popen(self.command(), cwd=self.folder, env=self.environ)

    @staticmethod
    def command(*arguments):
        return [sys.executable, "-m", "octoworker.contrib.sqlalchemy", *arguments]
