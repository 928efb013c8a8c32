"""Commands about the account at Octopush: where it calls back, and what can be found out with it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from ipaddress import ip_address
from urllib.parse import urlsplit

import click
from rich.table import Table

from octoworker.cli import output
from octoworker.cli.messages import as_json
from octoworker.cli.trying import try_
from octoworker.config import Settings
from octoworker.errors import OctoworkerError, SettingsError
from octoworker.gateway import Configurable, Event, Parameters
from octoworker.web.receiver import ROOT
from octoworker.worker import runtime

EVENTS: tuple[Event, ...] = ("receipt", "reply", "stop")
HIDDEN = "TOKEN"

_WRITTEN = re.compile(r"[!-~]{1,500}")
_HOST = re.compile(r"[0-9a-z:._\-]+")


@click.group()
def octopush() -> None:
    """The account at Octopush: where it calls back, and what can be found out with it."""


@octopush.command()
@click.option("--url", help="Where your receiver is reached from outside, as https://sms.example.com.")
@as_json
def show(url: str | None, *, json_: bool) -> None:
    """Which addresses the account calls back, and with --url whether they are the ones of your receiver. Exit status 1: not."""
    settings = Settings.load()
    wanted = _addresses(settings, url) if url else {}
    with _account(settings) as account:
        found = account.parameters()
    _print(settings, found, wanted, json_=json_)
    if any(found.addresses[event] != address for event, address in wanted.items()):
        raise click.exceptions.Exit(1)


@octopush.command()
@click.option("--url", required=True, help="Where your receiver is reached from outside, as https://sms.example.com.")
@as_json
def configure(url: str, *, json_: bool) -> None:
    """Set where the account calls back, and read it back. Exit status 1: Octopush did not take it."""
    settings = Settings.load()
    wanted = _addresses(settings, url)
    with _account(settings) as account:
        account.configure(wanted)
        found = account.parameters()
    _print(settings, found, wanted, json_=json_)
    if dict(found.addresses) != dict(wanted):
        raise OctoworkerError("Octopush did not take all of it: set the rest on its site, menu Callbacks.")


@contextmanager
def _account(settings: Settings) -> Iterator[Configurable]:
    if problems := settings.missing_account():
        raise SettingsError(problems)
    with closing(runtime.connect_gateway(settings)) as gateway:
        if not isinstance(gateway, Configurable):
            raise OctoworkerError(
                f"OCTOPUSH_API={settings.account.api} cannot be asked: write the addresses of your receiver to Octopush's support."
            )
        yield gateway


def _addresses(settings: Settings, url: str) -> Mapping[Event, str]:
    """Where `octoworker receive` expects each event."""
    if problem := problem_of(url):
        raise click.BadParameter(problem, param_hint="--url")
    if not settings.inbound.tokens:
        raise SettingsError(["OCTOWORKER_INBOUND_TOKEN is not set (or give OCTOWORKER_INBOUND_TOKEN_FILE)."])
    return {event: f"{url.rstrip('/')}{ROOT}{settings.inbound.tokens[0]}/{event}" for event in EVENTS}


def problem_of(url: str) -> str:
    """Why the receiver cannot be reached there; "" when it may be."""
    if not url.startswith("https://"):
        return "use https: the address holds the secret by which Octopush is known."
    try:
        parts = urlsplit(url)
        host, bare = parts.hostname or "", not (parts.port == 0 or parts.query or parts.fragment or "@" in parts.netloc)
    except ValueError:
        host, bare = "", False
    if not (_HOST.fullmatch(host) and bare and _WRITTEN.fullmatch(url)):
        return "give https://, a host, and at most a port and a path, as in https://sms.example.com."
    return "Octopush cannot reach an address inside your network." if _is_inside(host) else ""


def _is_inside(host: str) -> bool:
    try:
        return not ip_address(host).is_global
    except ValueError:
        return host == "localhost" or host.endswith((".localhost", ".local", ".internal"))


def _print(settings: Settings, found: Parameters, wanted: Mapping[Event, str], *, json_: bool) -> None:
    rows = [
        (event, _masked(settings, found.addresses[event]), _masked(settings, wanted[event]) if event in wanted else "")
        for event in EVENTS
    ]
    if json_:
        output.as_json(
            {
                "payload": found.shape,
                "addresses": {event: {"is": is_, "expected": expected or None} for event, is_, expected in rows},
            }
        )
        return
    grid = Table(box=None, pad_edge=False)
    for heading in ("event", "is sent to", "expected"):
        grid.add_column(heading, overflow="fold")
    for event, is_, expected in rows:
        grid.add_row(event, is_ or "nobody", "the same" if expected and is_ == expected else expected)
    output.console().print(grid, f"payload: {found.shape or 'unknown'}", sep="\n")


def _masked(settings: Settings, address: str) -> str:
    """Without our secret; of an address that is not ours without its end, which may hold another one."""
    for token in settings.inbound.tokens:
        if token in address:
            return address.replace(token, HIDDEN)
    host, slash, _ = address.removeprefix("https://").partition("/")
    return f"{'https://' if address.startswith('https://') else ''}{host}{'/...' if slash else ''}"


octopush.add_command(try_)

COMMANDS = (octopush,)
