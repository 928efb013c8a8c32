"""`octoworker octopush try`: finds out from a real account, step by step, what no page says of the API."""

from __future__ import annotations

import os
import queue
import re
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from http import HTTPStatus

import click

from octoworker.cli import output
from octoworker.config import Settings
from octoworker.errors import OctoworkerError, PayloadError, SettingsError
from octoworker.gateway.trials import Ear, Heard, Trial
from octoworker.sms import recipient, sizes
from octoworker.web.request import Request, Response
from octoworker.web.server import Limits, Server
from octoworker.worker import runtime

DIGITS = re.compile(r"\d{7,}")
"""Somebody's number, in whatever spelling; no amount and no instant is as long."""

ADDRESS = re.compile(r"https?://[^\s\"]+")
"""Where somebody's account calls back, with the secret in it."""

LIMITS = Limits(body=sizes.WEBHOOK_BODY)
"""It listens where everybody can call it."""


@click.command("try")
@click.option("--to", required=True, help="The number of your own handset.")
@click.option("--url", help="Where Octopush reaches --port of this machine, as https://sms.example.com: for receipts.")
@click.option("--port", default=8027, show_default=True, help="Where this command listens then.")
@click.option(
    "--wait", default=120.0, show_default=True, help="Seconds of silence after which no other call is expected."
)
def try_(to: str, url: str | None, port: int, wait: float) -> None:
    """Try what nobody knows of v1, with a real account and your own handset. Asks before each step; none is in a record."""
    settings = Settings.load()
    if problems := settings.missing_account():
        raise SettingsError(problems)
    trials = runtime.dialect(settings).trials
    if trials is None:
        raise OctoworkerError(
            f"OCTOPUSH_API={settings.account.api}: there is nothing to try; this is for OCTOPUSH_API=v1."
        )
    try:
        number = recipient.read(to, settings.policy)
    except recipient.NumberRefused as refused:
        raise PayloadError([f"--to: {refused}"]) from None
    with closing(runtime.connect_gateway(settings)) as gateway, _listening(url, port, wait) as ear:
        for n, trial in enumerate(trials(gateway, number, ear), 1):
            _one(n, trial, ear)


def _one(n: int, trial: Trial, ear: Ear | None) -> None:
    output.say(f"{n}. {trial.question}")
    if trial.needs_ear and ear is None:
        output.say("   Left out: it needs --url, where Octopush can call this machine.")
        return
    cost = f"{trial.costs} SMS at the most"
    if not click.confirm(f"   This {trial.does} ({cost}). Do it?", default=False):
        output.say("   Left out.")
        return
    for line in trial.run():
        output.say(f"   {ADDRESS.sub('…', DIGITS.sub('…', line))}")


class _Listener:
    """Takes the provider's calls, for as long as something is tried."""

    def __init__(self, url: str, port: int, wait: float) -> None:
        token = os.urandom(12).hex()
        self.url = f"{url.rstrip('/')}/{token}"
        self._wait = wait
        self._heard: queue.Queue[Heard] = queue.Queue()
        self._fails = threading.Event()
        self._token = token
        self.server = Server("", port, self._answer, limits=LIMITS, name="octoworker-try")

    def _answer(self, request: Request) -> Response:
        if request.method == "GET":
            return Response()
        if request.path.strip("/") != self._token:
            return Response(status=HTTPStatus.NOT_FOUND)
        fails = self._fails.is_set()
        self._fails.clear()
        headers = tuple(request.headers.items())
        self._heard.put(Heard(datetime.now(UTC), headers, request.body.decode("utf-8", "replace")))
        return Response(status=HTTPStatus.INTERNAL_SERVER_ERROR if fails else HTTPStatus.OK)

    def hear(self) -> Heard | None:
        try:
            return self._heard.get(timeout=self._wait)
        except queue.Empty:
            return None

    def fail_once(self) -> None:
        self._fails.set()


@contextmanager
def _listening(url: str | None, port: int, wait: float) -> Iterator[_Listener | None]:
    if url is None:
        yield None
        return
    try:
        listener = _Listener(url, port, wait)
    except OSError:
        raise click.BadParameter("this port is taken.", param_hint="--port") from None
    listener.server.start()
    try:
        yield listener
    finally:
        listener.server.stop()
