"""The command `completion`: what a shell needs to complete commands, options and their values."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from octoworker.cli import output

SHELLS = ("bash", "zsh", "fish")

VARIABLE = "_OCTOWORKER_COMPLETE"
"""By which click tells a shell's question from a command."""


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the completion script of a shell: eval "$(octoworker completion bash)" in its start file."""
    made = get_completion_class(shell)
    if made is None:  # pragma: no cover - click knows all of SHELLS
        raise click.UsageError(f"No completion for {shell}.")
    for line in made(ctx.find_root().command, {}, "octoworker", VARIABLE).source().splitlines():
        output.say(line)


COMMANDS = (completion,)
