"""Commands about the flow: pause, resume, stats."""

from __future__ import annotations

from collections.abc import Sequence

import click
from rich.table import Table
from rich.text import Text

from octoworker.cli import output
from octoworker.cli.messages import as_json
from octoworker.config import Settings
from octoworker.sms.lanes import LANES
from octoworker.store import FILLING, FULL, Board, assessment
from octoworker.store.assessment import Finding, Grade
from octoworker.store.limits import MARKETING
from octoworker.worker import runtime

MB = 1_000_000

lane_option = click.option("--lane", type=click.Choice(LANES), help="This lane only.")
marketing_option = click.option("--marketing", is_flag=True, help="Marketing only: what is not transactional.")


@click.command()
@lane_option
@marketing_option
def pause(lane: str | None, *, marketing: bool) -> None:
    """Hold back everything, a lane, or marketing, on all workers. What is being handed over right now still goes."""
    what = _what(lane, marketing=marketing)
    runtime.look(Settings.load()).flow_control.pause(what)
    output.say(f"paused: {what}")


@click.command()
@lane_option
@marketing_option
@click.option(
    "--brake", "hold", is_flag=True, help="Only the account hold, after Octopush had refused the account; pauses stay."
)
def resume(lane: str | None, *, marketing: bool, hold: bool) -> None:
    """Let it go on. Without an option everything goes on: every pause ends, and the account hold."""
    what = _what(lane, marketing=marketing)
    flow_control = runtime.look(Settings.load()).flow_control
    if hold:
        if what != "all":
            raise click.UsageError("give --brake alone.")
        output.say("ended: the account hold" if flow_control.end_holds() else "the account is not on hold")
        return
    was_paused = flow_control.resume(what)
    output.say(f"resumed: {what}" if was_paused else f"nothing was paused: {what}")


@click.command()
@as_json
def stats(*, json_: bool) -> None:
    """What stands where: queues, ages, states, pace, breaker, account hold, balance, spend."""
    settings = Settings.load()
    board = runtime.look(settings).board(runtime.queues(settings))
    found = assessment.of(board)
    if json_:
        output.as_json({**board.as_json(), "findings": [each.as_json() for each in found]})
    else:
        output.console().print(headline(found), *grids(board), sep="\n")


TONES = {Grade.OK: "green", Grade.WARNING: "yellow", Grade.PROBLEM: "red"}


def headline(found: Sequence[Finding]) -> Text:
    """What an operator should know before the figures, or that there is nothing."""
    said = [output.words((f"{each.name}: {each.says} -> {each.do}", TONES[each.outcome])) for each in found]
    return output.lines(said or [output.words((assessment.CALM, TONES[Grade.OK]))])


def grids(board: Board) -> list[Table]:
    """The board as tables, for `stats` and `top`."""
    lanes = Table(box=None, pad_edge=False)
    for heading in ("lane", "queued", "backlogged", "oldest s"):
        lanes.add_column(heading, justify="left" if heading == "lane" else "right")
    for name, lane in board.lanes.items():
        lanes.add_row(
            name,
            str(lane.queued),
            str(lane.backlogged),
            "?" if lane.oldest is None else f"{lane.oldest.total_seconds():.1f}",
        )
    states = Table(box=None, pad_edge=False, show_header=False)
    states.add_row("in flight", str(board.in_flight))
    for state, count in board.states.items():
        states.add_row(output.coloured(state), str(count))
    depths = {
        "inbox": board.inbox,
        "outbox": board.outbox,
        "webhooks": board.webhooks,
        "dead events": board.webhooks_dead,
        "unreadable": board.unreadable,
    }
    for name, depth in depths.items():
        if depth:
            states.add_row(name, str(depth))
    if board.unconfirmed:
        states.add_row(_yellow("unconfirmed"), str(board.unconfirmed))
    flow = Table(box=None, pad_edge=False, show_header=False)
    money = f"{board.balance} {board.currency or ''}".strip() if board.balance is not None else "not known yet"
    facts = {
        "workers": _workers(board),
        "pace": f"{board.pace:.2f} segments/s over the last minute",
        "due soon": f"{board.due_soon} within a minute, clock {board.due_lag.total_seconds():.1f} s behind",
        "breaker": board.breaker if board.breaker == "closed" else _yellow(board.breaker),
        "account hold": _red(f"{board.account_hold}: {board.account_hold_reason}") if board.account_hold else "off",
        "paused": _yellow(", ".join(board.paused)) if board.paused else "nothing",
        "balance": money,
        "redis": _red(f"writes nothing: {board.refuses}") if board.refuses else _memory(board),
        "spent today": f"{board.spent} {board.currency or ''}".strip() + f", {board.segments} segments",
    }
    if board.codes_today:
        facts["codes today"] = _codes(board)
    for name, value in facts.items():
        flow.add_row(name, value)
    return [lanes, states, flow]


def _codes(board: Board) -> str:
    """By Redis' day. What the guard would refuse while it looks on is suspected."""
    counts = {name: board.codes_today.get(name, 0) for name in ("sent", "verified", "suspected", "refused")}
    said = ", ".join(f"{count} {name}" for name, count in counts.items() if count or name in {"sent", "verified"})
    saved = board.codes_saved if counts["refused"] else None
    return said if saved is None else f"{said}, which saved about {saved} {board.currency or ''}".rstrip()


def _workers(board: Board) -> str:
    if board.workers is None:
        return "not shown to this user"
    return f"{len(board.workers)} alive: " + ", ".join(f"{lane} {board.readers(lane)}" for lane in LANES)


def _memory(board: Board) -> str | Text:
    if board.memory is None:
        return "not shown to this user"
    if board.memory_limit is None:
        return f"{board.memory / MB:,.1f} MB, no limit"
    said = f"{board.memory / MB:,.1f} of {board.memory_limit / MB:,.1f} MB"
    if board.memory_share < FILLING:
        return said
    return _red(f"{said}: full") if board.memory_share >= FULL else _yellow(f"{said}: filling")


def _red(text: str) -> Text:
    return output.words((text, "red"))


def _yellow(text: str) -> Text:
    return output.words((text, "yellow"))


def _what(lane: str | None, *, marketing: bool) -> str:
    if lane and marketing:
        raise click.UsageError("give --lane or --marketing, not both.")
    return MARKETING if marketing else lane or "all"


COMMANDS = (pause, resume, stats)
