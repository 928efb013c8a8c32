"""`manage.py octoworker ...`: the command `octoworker` with the settings of this project."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand


class Command(BaseCommand):
    """Everything behind the name goes to octoworker as it stands: `manage.py octoworker worker -n one`."""

    help = "The command octoworker (worker, stats, doctor, ...) with OCTOWORKER of this project's settings."
    requires_system_checks: list[str] = []  # noqa: RUF012 - Django's own form

    def run_from_argv(self, argv: list[str]) -> None:
        """Options are octoworker's and not Django's."""
        from octoworker.__main__ import main  # noqa: PLC0415 - a third of a second

        sys.argv = [f"{argv[0]} {argv[1]}", *argv[2:]]
        main()

    def handle(self, *arguments: Any, **_: Any) -> None:
        self.run_from_argv(["manage.py", "octoworker", *arguments])
