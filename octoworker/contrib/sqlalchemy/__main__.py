"""`python -m octoworker.contrib.sqlalchemy`: the relay, until it is told to end. Run at least one beside the web app.

The address of the database stands in the environment, where no list of processes shows it.
"""

from __future__ import annotations

import argparse
import os
import sys

from sqlalchemy import create_engine
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from octoworker.contrib.sqlalchemy.relay import Relay
from octoworker.contrib.sqlalchemy.table import metadata
from octoworker.contrib.stopping import Stopping
from octoworker.errors import OctoworkerError


def main() -> int:
    """0: done. 1: something is left that cannot be taken. 2: wrong usage. 3: Redis is out of reach."""
    asked = argparse.ArgumentParser(
        prog="python -m octoworker.contrib.sqlalchemy", description="The relay of the outbox."
    )
    asked.add_argument(
        "--url-in", default="DATABASE_URL", metavar="NAME", help="the variable with the address (DATABASE_URL)"
    )
    asked.add_argument("--create", action="store_true", help="make the table where it is missing, and end")
    asked.add_argument("--once", action="store_true", help="take what stands there, and end")
    given = asked.parse_args()
    try:
        engine = create_engine(os.environ.get(given.url_in, ""))
    except (ArgumentError, NoSuchModuleError, ImportError):
        asked.error(
            f"{given.url_in} must hold the address of a database, as SQLAlchemy writes it, and its driver be there."
        )
    if given.create:
        metadata.create_all(engine)
        return 0
    try:
        return _once(Relay(engine)) if given.once else _run(Relay(engine))
    except OctoworkerError as error:
        sys.stderr.write(f"{error}\n")
        return 3


def _once(relay: Relay) -> int:
    if not relay.drained(timeout=60):
        sys.stderr.write("There is more in the outbox than a minute is enough for.\n")
        return 1
    if left := relay.problems():
        sys.stderr.write(f"{left} SMS of the outbox cannot be taken; its column `problem` says why.\n")
        return 1
    return 0


def _run(relay: Relay) -> int:
    relay.run(Stopping.by_signals())
    return 0


if __name__ == "__main__":
    sys.exit(main())
