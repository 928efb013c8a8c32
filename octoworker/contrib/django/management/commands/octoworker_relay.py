"""`manage.py octoworker_relay`: takes the outbox's messages, until it is told to end."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from octoworker.contrib.django import taking
from octoworker.contrib.django.relay import Relay
from octoworker.contrib.stopping import Stopping
from octoworker.errors import EnqueueError


class Command(BaseCommand):
    """Runs beside the project, as often as you like."""

    help = "Hands the messages of the outbox over to octoworker. Run at least one beside the project."

    def add_arguments(self, parser: CommandParser) -> None:
        """`--once` is for cron and for tests."""
        parser.add_argument("--once", action="store_true", help="take what stands there, and end")

    def handle(self, *_: Any, once: bool = False, **__: Any) -> None:
        relay = Relay(taking.database())
        if once:
            self._once(relay)
            return
        stopping = Stopping.by_signals()
        self.stdout.write("The relay runs.")
        relay.run(stopping)

    def _once(self, relay: Relay) -> None:
        try:
            if not relay.drained(timeout=60):
                raise CommandError("There is more in the outbox than a minute is enough for.")
        except EnqueueError as error:
            raise CommandError(str(error)) from None
        if left := relay.problems():
            raise CommandError(f"{left} SMS of the outbox cannot be taken; the admin has the reasons.")
