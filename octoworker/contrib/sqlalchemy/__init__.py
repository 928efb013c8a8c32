"""An outbox in the transactions of SQLAlchemy, for Flask, FastAPI and whoever else has a session:

    from octoworker.contrib.sqlalchemy import enqueue

    with Session(engine) as session, session.begin():
        session.add(booking)
        enqueue(session, recipients=booking.phone, text="Your table is booked.", transactional=True)

The message is a row of the session's transaction, and goes when, and only when, that is committed. `python -m
octoworker.contrib.sqlalchemy` is the relay, which takes what a killed process left.
"""

from octoworker.contrib.sqlalchemy.outbox import enqueue as enqueue
from octoworker.contrib.sqlalchemy.outbox import enqueue_many as enqueue_many
from octoworker.contrib.sqlalchemy.relay import Relay as Relay
from octoworker.contrib.sqlalchemy.table import OUTBOX as OUTBOX
from octoworker.contrib.sqlalchemy.table import metadata as metadata

__all__ = ["OUTBOX", "Relay", "enqueue", "enqueue_many", "metadata"]
