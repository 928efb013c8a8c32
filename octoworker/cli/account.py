"""Commands about Octopush and the settings: balance, errors, settings."""

from __future__ import annotations

from contextlib import closing

import click
from rich.table import Table

from octoworker.cli import output
from octoworker.cli.messages import as_json
from octoworker.config import KNOBS, Settings, unknown_names
from octoworker.errors import SettingsError
from octoworker.gateway import dialects
from octoworker.sending import credit
from octoworker.worker import runtime


@click.command()
@as_json
def balance(*, json_: bool) -> None:
    """Ask Octopush what is left: money, and SMS of each kind. Credit ends an account hold for want of it."""
    settings = Settings.load()
    if problems := settings.missing_account():
        raise SettingsError(problems)
    with closing(runtime.connect_gateway(settings)) as gateway:
        left, counts = credit.ask(gateway, runtime.look(settings).flow_control), gateway.balance()
    if json_:
        output.as_json(
            {"credit": str(left.amount), "currency": left.currency, "sms": {kind: str(n) for kind, n in counts.items()}}
        )
        return
    output.say(f"{left.amount} {left.currency}")
    for kind, number in counts.items():
        output.say(f"{number} SMS {kind}")


@click.command()
@click.argument("code", required=False)
@as_json
def errors(code: str | None, *, json_: bool) -> None:
    """Explain one of Octopush's codes, or list them all."""
    found = [dialects.explained(code)] if code else list(dialects.all_codes())
    if json_:
        rows = [{"code": c.code, "meaning": c.meaning, "kind": c.kind.value, "hint": c.hint} for c in found]
        output.as_json(rows[0] if code else rows)
        return
    if code:
        output.say(f"{found[0].code}  {found[0].meaning}")
        output.say(f"{found[0].kind.value}: {found[0].hint}")
        output.say(found[0].source)
        return
    grid = Table(box=None, pad_edge=False)
    for heading in ("code", "kind", "meaning", "what to do"):
        grid.add_column(heading, overflow="fold")
    for each in found:
        grid.add_row(each.code, each.kind.value, each.meaning, each.hint)
    output.console().print(grid)


@click.command()
@as_json
def settings(*, json_: bool) -> None:
    """Every setting, its value here and its meaning. Secrets and addresses with passwords are not shown."""
    current = Settings.load()
    for sentence in unknown_names():
        output.say(sentence, err=True)
    rows = []
    for name, knob in KNOBS.items():
        value, field = knob.value(current), knob.field
        shown = ",".join(sorted(value)) or "*" if isinstance(value, frozenset) else str(value)
        hidden = name == "api_key" or not field.repr
        rows.append(
            (knob.variable, "(set)" if hidden and value else "" if value is None else shown, field.description or "")
        )
    if json_:
        output.as_json({name: value for name, value, _ in rows})
        return
    grid = Table(box=None, pad_edge=False)
    for heading in ("setting", "value", "meaning"):
        grid.add_column(heading, overflow="fold")
    for row in rows:
        grid.add_row(*row)
    output.console().print(grid)


COMMANDS = (balance, errors, settings)
