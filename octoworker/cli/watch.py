"""Commands that watch: metrics, top, health."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
from collections.abc import Callable, Iterator

import click
from rich.console import Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table

from octoworker.cli import output
from octoworker.cli.traffic import grids, headline
from octoworker.config import Settings
from octoworker.errors import OctoworkerError, StoreError
from octoworker.store import Board, assessment
from octoworker.worker import health as probe
from octoworker.worker import runtime

EVERY = 1.0
"""Seconds between two looks of `top`."""

PORT = 9464


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), default=PORT, show_default=True, help="0: any that is free.")
@click.option("--host", help="Address to listen on; default OCTOWORKER_METRICS_HOST, else all.")
def metrics(port: int, host: str | None) -> None:
    """Serve the gauges of the whole installation on /metrics, and the status page on / when OCTOWORKER_STATUS_TOKEN is set."""
    # No other command needs a server.
    from octoworker.web.gauges import Gauges  # noqa: PLC0415
    from octoworker.web.search import Search  # noqa: PLC0415
    from octoworker.web.server import Server  # noqa: PLC0415
    from octoworker.web.site import Site  # noqa: PLC0415

    settings = Settings.load()
    store, queues = runtime.look(settings), runtime.queues(settings)
    token = settings.status_token.get_secret_value() if settings.status_token else ""
    gauges = Gauges(lambda: store.board(queues), settings.limits.rate)
    address = settings.metrics_host if host is None else host
    search = Search(store, settings.message.region, settings.opt_outs.number_keys)
    try:
        server = Server(address, port, Site((gauges,), store, queues, token, search).route)
    except OSError as error:
        raise OctoworkerError(f"Port {port} cannot be listened on: {os.strerror(error.errno or 0)}.") from None
    page = f"  status page http://127.0.0.1:{server.port}/" if token else ""
    output.say(f"metrics http://127.0.0.1:{server.port}/metrics{page}", err=True)
    # As process 1 of a container it would not hear a TERM that it has no handler for, and be killed half a minute later.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with contextlib.suppress(KeyboardInterrupt):
        server.serve()


@click.command()
@click.option("--once", is_flag=True, help="Print one frame and end.")
def top(*, once: bool) -> None:
    """What stands where, live. q or Ctrl-C ends."""
    settings = Settings.load()
    store, queues = runtime.look(settings), runtime.queues(settings)

    def look() -> Board:
        return store.board(queues)

    out = output.console()
    if once or not sys.stdout.isatty():
        out.print(frame(look()))
        return
    with (
        _keys() as pressed,
        contextlib.suppress(KeyboardInterrupt),
        Live(console=out, screen=True, auto_refresh=False) as live,
    ):
        while True:
            live.update(_next(look), refresh=True)
            if pressed(EVERY) in ("q", "Q", "\x03"):
                return


def _next(look: Callable[[], Board]) -> RenderableType:
    """The board, or that there is none: `top` stays, and shows it again when Redis is back."""
    try:
        return frame(look(), live=True)
    except StoreError as error:
        return Panel(output.words((f"{error} Looking again every second.", "red")), title="octoworker", padding=(1, 2))


def frame(board: Board, *, live: bool = False) -> RenderableType:
    """One look: lanes and states side by side, flow control and money below."""
    lanes, states, flow = grids(board)
    upper = Table.grid(expand=True, padding=(0, 1, 0, 0))
    upper.add_column(ratio=3)
    upper.add_column(ratio=2)
    left = Group(
        Panel(Padding(lanes, (0, 1)), title="lanes", title_align="left"),
        Panel(Padding(flow, (0, 1)), title="flow", title_align="left"),
    )
    upper.add_row(left, Panel(Padding(states, (0, 1)), title="messages", title_align="left"))
    at = f"{board.states_at:%Y-%m-%d %H:%M:%S} UTC"
    title = output.words((" octoworker ", "bold reverse"), f"  {at}", ("   q ends" if live else "", "dim"))
    return Group(title, Padding(headline(assessment.of(board)), (0, 1)), upper)


@contextlib.contextmanager
def _keys() -> Iterator[Callable[[float], str]]:
    """A way to wait for a key, at most so long. Without a terminal to read from: only to wait."""
    if not sys.stdin.isatty():
        import threading  # noqa: PLC0415 - for its wait

        yield lambda seconds: str(threading.Event().wait(seconds) or "")
        return
    import termios  # noqa: PLC0415 - only a terminal has it
    import tty  # noqa: PLC0415 - the same

    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)

    def pressed(seconds: float) -> str:
        ready, _, _ = select.select([descriptor], [], [], seconds)
        return os.read(descriptor, 1).decode(errors="replace") if ready else ""

    try:
        tty.setcbreak(descriptor)
        yield pressed
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


@click.command(context_settings={"ignore_unknown_options": True}, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def health(ctx: click.Context, arguments: tuple[str, ...]) -> None:
    """Exit status 0 when the worker of this machine is alive and takes jobs; --live, --ready: only one of them."""
    ctx.exit(probe.main(arguments))


COMMANDS = (metrics, top, health)
