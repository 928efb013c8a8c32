"""The command `octoworker`. Exit status: 0 done, 1 refused or failed, 2 wrong usage or settings, 3 Redis or Octopush away.

`--json` prints one JSON document on standard output and nothing else.
"""

from __future__ import annotations

import importlib
import sys

import click

from octoworker import errors
from octoworker.cli import output

EXIT_CODES: tuple[tuple[type[errors.OctoworkerError], int], ...] = (
    (errors.SettingsError, 2),
    (errors.KeyConflictError, 1),
    (errors.CampaignSentError, 1),
    (errors.EnqueueError, 3),
    (errors.StoreError, 3),
    (errors.UnreachableError, 3),
    (errors.MaybeSentError, 3),
)


COMMANDS = {
    "messages": ("send", "check", "status", "list", "reschedule"),
    "acts": ("cancel", "decide", "replay"),
    "account": ("balance", "errors", "settings"),
    "octopush": ("octopush",),
    "traffic": ("pause", "resume", "stats"),
    "watch": ("metrics", "top", "health"),
    "maintenance": ("doctor", "forget", "restored"),
    "functions": ("functions",),
    "aside": ("aside",),
    "bulk": ("bulk", "campaign"),
    "opt_outs": ("optout",),
    "events": ("events",),
    "destinations": ("destinations",),
    "dossier": ("dossier",),
    "finding": ("find", "campaigns"),
    "audit": ("audit",),
    "completion": ("completion",),
    "run": ("worker", "receive", "sandbox", "demo"),
}
"""Which file has which commands. Each says the same in its own COMMANDS."""


class Commands(click.Group):
    """Loads a command when it is asked for: what the others need would stay in a worker for as long as it runs."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return sorted(name for names in COMMANDS.values() for name in names)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        for file, names in COMMANDS.items():
            if cmd_name in names:
                found: tuple[click.Command, ...] = importlib.import_module(f"{__name__}.{file}").COMMANDS
                return next(each for each in found if each.name == cmd_name)
        return None


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="octoworker")
def cli() -> None:
    """Send SMS through Octopush: never twice, never lost."""


def main() -> None:
    """Run, and turn every error of ours into one sentence and an exit status."""
    try:
        cli(standalone_mode=True)
    except errors.SettingsError as error:
        output.say("These settings are wrong:", err=True)
        for problem in error.problems:
            output.say(f"  {problem}", err=True)
        sys.exit(2)
    except errors.OctoworkerError as error:
        output.say(str(error), err=True)
        sys.exit(next((code for kind, code in EXIT_CODES if isinstance(error, kind)), 1))
