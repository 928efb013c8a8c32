"""The command `octoworker`. Exit status: 0 done, 1 refused or failed, 2 wrong usage or settings, 3 Redis or Octopush away.

`--json` prints one JSON document on standard output and nothing else.
"""

from __future__ import annotations

import sys

import click

from octoworker import errors
from octoworker.cli import account, bulk, messages, run, traffic, watch

EXIT_CODES: tuple[tuple[type[errors.OctoworkerError], int], ...] = (
    (errors.SettingsError, 2),
    (errors.KeyConflictError, 1),
    (errors.EnqueueError, 3),
    (errors.StoreError, 3),
    (errors.UnreachableError, 3),
    (errors.MaybeSentError, 3),
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="octoworker")
def cli() -> None:
    """Send SMS through Octopush: never twice, never lost."""


for command in (
    *messages.COMMANDS,
    *account.COMMANDS,
    *traffic.COMMANDS,
    *watch.COMMANDS,
    *bulk.COMMANDS,
    *run.COMMANDS,
):
    cli.add_command(command)


def main() -> None:
    """Run, and turn every error of ours into one sentence and an exit status."""
    try:
        cli(standalone_mode=True)
    except errors.SettingsError as error:
        click.echo("These settings are wrong:", err=True)
        for problem in error.problems:
            click.echo(f"  {problem}", err=True)
        sys.exit(2)
    except errors.OctoworkerError as error:
        click.echo(str(error), err=True)
        sys.exit(next((code for kind, code in EXIT_CODES if isinstance(error, kind)), 1))
