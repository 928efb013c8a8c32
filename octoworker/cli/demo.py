"""`octoworker demo`: the whole way of an SMS in half a minute, on this machine alone. Nothing is sent to anybody, nothing is paid.

1. A private Redis, the sandbox, one worker and the receiver of Octopush's calls are started.
2. Messages go in: an ordinary one, a deferred one, one that must be refused, one that fails twice and then passes, and one
   whose handset is off. The sandbox calls back with what became of each. A campaign is held for tomorrow; its customer says
   STOP today, which cancels it.
3. Their progress is shown live, then a table of what happened. Exit status 0 when each ended as it should.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from rich.live import Live
from rich.table import Table

from octoworker.cli import output
from octoworker.client.client import Client
from octoworker.config import Settings
from octoworker.sandbox import Sandbox
from octoworker.sms.record import Record, State
from octoworker.store import embedded
from octoworker.web import receive_server
from octoworker.web.mounting import putting

TIMEOUT = 45.0
"""Seconds after which the demo calls itself failed. It takes about ten."""

POLL = 0.1
CUSTOMER, E164 = "06 12 34 56 78", "+33612345678"
ADVERT = {"text": "Soldes demain ! STOP au XXXXX", "hold": True}
SWITCHED_OFF = "+33612345682"
TOKEN = "demo-token-of-the-receiver"  # noqa: S105 - of nothing but this demo
LOGIN, API_KEY = "demo@example.com", "demo-key-of-the-sandbox"

API = "OCTOPUSH_API"
"""Generation of the API: the only setting of the user's that counts here."""

SETTINGS = {
    "OCTOWORKER_SENDER": "Octo",
    "OCTOWORKER_RETRY_BASE": "1",
    "OCTOWORKER_CONCURRENCY": "4",
    "OCTOWORKER_LOG_FORMAT": "json",
}


@dataclass(frozen=True)
class Scene:
    """One message of the demo, and how it should end."""

    title: str
    arguments: Mapping[str, Any]
    ends: State


def scenes() -> tuple[Scene, ...]:
    code = {"text": "Votre code est 4711", "transactional": True}
    tomorrow = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
    return (
        Scene("an ordinary SMS", {"recipients": CUSTOMER, **code}, State.DELIVERED),
        Scene("one for tomorrow", {"recipients": "+33612345679", "send_at": tomorrow, **code}, State.ACCEPTED),
        Scene("one without STOP mention", {"recipients": "+33612345680", "text": "Soldes demain !"}, State.REJECTED),
        Scene("one that fails twice", {"recipients": "+33612345681", **code}, State.DELIVERED),
        Scene("a campaign for tomorrow", {"recipients": CUSTOMER, "send_at": tomorrow, **ADVERT}, State.CANCELLED),
        Scene("one to a handset that is off", {"recipients": SWITCHED_OFF, **code}, State.UNDELIVERED),
    )


def run(console: output.Screen | None = None) -> int:
    """Play all scenes. Returns the exit status."""
    console = console or output.console()
    with _stage() as (client, sandbox, worker):
        console.print(f"A private Redis, the sandbox and a worker are up. Handsets: http://127.0.0.1:{sandbox.port}/")
        sandbox.fault(fault="code", code="153", times=2, recipient="+33612345681")
        sandbox.settings(receipt_delay=0.5, receipt_words={SWITCHED_OFF: ["ACK", "EXPIRED"]})
        played = [(scene, client.enqueue(scene.arguments)) for scene in scenes()]
        ended = _watch(client, sandbox, played, worker, console)
    right = [
        record is not None and record.state is scene.ends for (scene, _), record in zip(played, ended, strict=True)
    ]
    console.print(_summary(played, ended))
    console.print("Each ended as it should." if all(right) else "Not all ended as they should.")
    return 0 if all(right) else 1


@contextmanager
def _stage() -> Iterator[tuple[Client, Sandbox, subprocess.Popen[bytes]]]:
    """Everything the demo needs; all of it ends with the demo."""
    with ExitStack() as stack:
        server = stack.enter_context(embedded.Server())
        sandbox = stack.enter_context(Sandbox(user_login=LOGIN, api_key=API_KEY))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="octoworker-demo-")))
        ours = ("OCTOPUSH_", "OCTOWORKER_", "CELERY_", "REDIS_")
        clean = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        api = Settings.load({API: os.environ.get(API, "")}).account.api
        account = {
            "OCTOPUSH_USER_LOGIN": LOGIN,
            "OCTOPUSH_API_KEY": API_KEY,
            "OCTOPUSH_URL": sandbox.urls[api],
            API: api,
        }
        environ = {**clean, **SETTINGS, **account, "REDIS_URL": server.url}
        log = stack.enter_context((folder / "worker.log").open("wb"))
        command = [sys.executable, "-m", "octoworker", "worker"]
        worker = subprocess.Popen(command, env=environ, stdout=log, stderr=log)  # noqa: S603 - our own command
        stack.callback(worker.wait)
        stack.callback(worker.terminate)
        receiver = receive_server.made("127.0.0.1", 0, [TOKEN], putting(server.url, ""))
        receiver.start()
        stack.callback(receiver.stop)
        sandbox.settings(callback_url=f"http://127.0.0.1:{receiver.port}/octopush/{TOKEN}")
        client = Client(environ)
        stack.callback(client.close)
        yield client, sandbox, worker


def _watch(
    client: Client,
    sandbox: Sandbox,
    played: Sequence[tuple[Scene, str]],
    worker: subprocess.Popen[bytes],
    console: output.Screen,
) -> list[Record | None]:
    """Show where each message is, and answer STOP once the campaign is held, until all have ended as they should, the time is up, or the worker is gone."""
    deadline = time.monotonic() + TIMEOUT
    seen: dict[str, int] = {}
    said_stop = False
    with Live(console=console, transient=True, refresh_per_second=10) as live:
        while True:
            records = [client.store.get(message_id) for _, message_id in played]
            live.update(_progress(played, records))
            _narrate(played, records, seen, console)
            if not said_stop and _customer_may_answer(records):
                said_stop = True
                console.print("            the customer answers STOP")
                sandbox.type(E164, "Stop")
            over = all(
                record is not None and record.state is scene.ends
                for (scene, _), record in zip(played, records, strict=True)
            )
            if over or time.monotonic() > deadline or worker.poll() is not None:
                return records
            time.sleep(POLL)


def _customer_may_answer(records: list[Record | None]) -> bool:
    """The first SMS is on the handset, and a campaign waits for its time."""
    states = {record.state for record in records if record is not None}
    return records[0] is not None and records[0].state is State.DELIVERED and State.SCHEDULED in states


def _narrate(
    played: Sequence[tuple[Scene, str]], records: list[Record | None], seen: dict[str, int], console: output.Screen
) -> None:
    """One line for each move, as it happens."""
    for (scene, message_id), record in zip(played, records, strict=True):
        moves = record.history if record else ()
        for move in moves[seen.get(message_id, 0) :]:
            moved = f"  {move.at:%H:%M:%S}  {scene.title:<30}"
            console.print(output.words(moved, output.coloured(move.state), f"  {move.reason}".rstrip()))
        seen[message_id] = len(moves)


def _progress(played: Sequence[tuple[Scene, str]], records: list[Record | None]) -> Table:
    grid = Table(box=None, pad_edge=False, show_header=False)
    for (scene, _), record in zip(played, records, strict=True):
        grid.add_row(scene.title, output.coloured(record.state if record else "queued"))
    return grid


def _summary(played: Sequence[tuple[Scene, str]], records: list[Record | None]) -> Table:
    grid = Table(title="What happened", title_justify="left")
    for heading in ("message", "state", "attempts", "ticket", "cost", "why"):
        grid.add_column(heading, overflow="fold", no_wrap=heading != "why")
    for (scene, _), record in zip(played, records, strict=True):
        if record is None:
            grid.add_row(scene.title, "gone")
            continue
        cost = f"{record.cost} {record.currency or ''}".strip() if record.cost else ""
        why = record.reason or (
            f"goes out {record.goes_out_at:%Y-%m-%d %H:%M} UTC"
            if "send_at" in scene.arguments and record.goes_out_at
            else ""
        )
        grid.add_row(scene.title, output.coloured(record.state), str(record.attempts), record.ticket or "", cost, why)
    return grid
