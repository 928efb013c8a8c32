"""`manage.py check`: what is wrong with the settings, and, with `--database`, what stands too long in the outbox."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.core import checks
from django.db.utils import DatabaseError

from octoworker import environment
from octoworker.contrib.django import conf, taking
from octoworker.contrib.django.relay import Relay
from octoworker.errors import SettingsError

STUCK = timedelta(minutes=2)
"""After which a row in the outbox says that no relay runs."""


@checks.register("octoworker")
def settings(**_: Any) -> list[checks.CheckMessage]:
    """The settings, as they are read at the first message."""
    found: list[checks.CheckMessage] = [checks.Error(said, id="octoworker.E001") for said in conf.problems()]
    try:
        environment.load()
    except SettingsError as error:
        found += [checks.Error(said, id="octoworker.E002") for said in error.problems]
    return found


@checks.register(checks.Tags.database)
def outbox(databases: Sequence[str] | None = None, **_: Any) -> list[checks.CheckMessage]:
    """The outbox, when its database is looked at."""
    using = taking.database()
    if not databases or using not in databases:
        return []
    relay = Relay(using)
    try:
        stuck, problems = relay.waiting(STUCK), relay.problems()
    except DatabaseError:
        return [checks.Warning("The outbox has no table yet.", hint="manage.py migrate", id="octoworker.W001")]
    found: list[checks.CheckMessage] = []
    if stuck:
        hint = "run it beside the project: manage.py octoworker_relay"
        found.append(
            checks.Warning(
                f"{stuck} SMS stand in the outbox, and no relay takes them.", hint=hint, id="octoworker.W002"
            )
        )
    if problems:
        hint = "the admin lists them with the reason, below SMS, outbox"
        found.append(checks.Warning(f"{problems} SMS of the outbox cannot be taken.", hint=hint, id="octoworker.W003"))
    return found
