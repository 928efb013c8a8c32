"""Commands that run something: worker, receive, sandbox, demo."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from pathlib import Path
from typing import TextIO

import click

from octoworker.cli import output
from octoworker.config import Settings
from octoworker.errors import OctoworkerError, SettingsError
from octoworker.store import connect
from octoworker.telemetry import log


@click.command(context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
@click.option("--pool", "-P", default="threads", show_default=True, help="threads or prefork.")
@click.option("--concurrency", "-c", type=click.IntRange(min=1), help="Calls at once; default OCTOWORKER_CONCURRENCY.")
@click.pass_context
def worker(ctx: click.Context, pool: str, concurrency: int | None) -> None:
    """A worker with the right settings, in as many processes as they say. Extra arguments go to Celery."""
    _open_standard_streams()
    settings = Settings.load(to_send=True)
    settings = settings.model_copy(update={"concurrency": concurrency or settings.concurrency})
    from octoworker.worker import processes, share, start  # noqa: PLC0415 - no other command needs Celery
    from octoworker.worker.app import app  # noqa: PLC0415 - the same
    from octoworker.worker.boot_checks import check  # noqa: PLC0415 - the same

    log.configure(settings.log_format, settings.log_level)
    # An option in the address that no connection takes is told before Celery stumbles over it.
    connect(settings.redis.records_url).close()
    check(app, pool)
    status = start.supervised(settings, pool, ctx.args)
    if status is not None:
        ctx.exit(status)
    mine = share.mine
    options = ["--without-gossip", "--without-mingle", "--loglevel", settings.log_level]
    arguments = ["-P", pool, "-c", str(mine.part(settings.concurrency)), *options, *processes.named(ctx.args, mine)]
    # Celery's banner is no event, and a standard output that cannot be written would end the worker.
    ctx.exit(start.run(app, arguments, banner=bool(sys.stdout and sys.stdout.isatty())))


def _open_standard_streams() -> None:
    """Who starts us with closed ones (`2>&-`) would have a connection to Redis take their place, and prefork write to it."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest that is free, which is this one
    sys.stdout, sys.stderr = sys.stdout or _nowhere(), sys.stderr or _nowhere()


def _nowhere() -> TextIO:
    return Path(os.devnull).open("w", encoding="utf-8")


@click.command()
@click.option("--host", default="", help="Address to listen on; default all.")
@click.option("--port", type=click.IntRange(0, 65535), default=8026, show_default=True, help="0: any that is free.")
def receive(host: str, port: int) -> None:
    """Take Octopush's calls on /octopush/TOKEN: receipts, replies and STOPs. Workers process them."""
    from octoworker.web import receive_server  # noqa: PLC0415 - no other command needs a server for it
    from octoworker.web.mounting import putting  # noqa: PLC0415 - the same
    from octoworker.web.receiver import People  # noqa: PLC0415 - the same

    settings = Settings.load()
    log.configure(settings.log_format, settings.log_level)
    if not settings.inbound.tokens:
        raise SettingsError(["OCTOWORKER_INBOUND_TOKEN is not set (or give OCTOWORKER_INBOUND_TOKEN_FILE)."])
    put = putting(settings.redis.records_url, settings.inbound.spool)
    people = People(settings.message.region, settings.opt_outs.number_keys, settings.opt_outs.words)
    try:
        server = receive_server.made(host, port, settings.inbound.tokens, put, people)
    except OSError as error:
        raise OctoworkerError(f"Port {port} cannot be listened on: {os.strerror(error.errno or 0)}.") from None
    output.say(f"receiving on http://127.0.0.1:{server.port}/octopush/TOKEN", err=True)
    # As process 1 of a container it would not hear a TERM that it has no handler for.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with contextlib.suppress(KeyboardInterrupt):
        server.serve()


@click.command()
@click.option("--port", type=click.IntRange(0, 65535), default=8025, show_default=True)
def sandbox(port: int) -> None:
    """A stand-in for Octopush on loopback, with a page that shows the handsets."""
    from octoworker.sandbox.__main__ import serve  # noqa: PLC0415 - nothing else of ours touches the sandbox

    serve(port)


@click.command()
def demo() -> None:
    """The main job in half a minute: a private Redis, the sandbox, a worker, the receiver, and five messages."""
    from octoworker.cli.demo import run  # noqa: PLC0415 - starts servers

    raise SystemExit(run())


COMMANDS = (worker, receive, sandbox, demo)
