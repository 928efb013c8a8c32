"""Functions of Redis: `octoworker functions load`, once for each release, by whoever deploys."""

from __future__ import annotations

import click

from octoworker.cli import output
from octoworker.config import Settings
from octoworker.store import connect
from octoworker.store import functions as library
from octoworker.worker.runtime import LOOK_TIMEOUT


@click.group(name="functions")
def functions() -> None:
    """What web apps call in Redis, when their user of Redis may run no script of its own."""


@functions.command()
def load() -> None:
    """Load the functions of this release, in place of another's. Needs a user of Redis who may: `admin` of redis.conf."""
    client = connect(Settings.load().redis.records_url, timeout=LOOK_TIMEOUT)
    library.load(client)
    output.say("The functions of this release are loaded.")


COMMANDS = (functions,)
