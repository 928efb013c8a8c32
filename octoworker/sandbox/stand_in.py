"""The stand-in without a socket: the accounts, both APIs, the faults and the gates, and all that can be done to them.

Every control that `/_sandbox/…` offers over HTTP is a method here, so that a test in the same process needs no socket
for it and both always agree.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from octoworker.sandbox import report
from octoworker.sandbox.account import Account
from octoworker.sandbox.accounts import APIS, Accounts
from octoworker.sandbox.callbacks.log import Callback
from octoworker.sandbox.callbacks.post import PostOffice
from octoworker.sandbox.desk import Desk
from octoworker.sandbox.fault_reading import read_fault
from octoworker.sandbox.faults import CALLS, Faults
from octoworker.sandbox.gates import Gates
from octoworker.sandbox.handsets import Message
from octoworker.sandbox.legacy.api import LegacyApi
from octoworker.sandbox.places import Places
from octoworker.sandbox.v1.api import V1Api
from octoworker.sandbox.wall import Look, wall
from octoworker.sandbox.world import World


class StandIn:
    """What Octopush would remember and answer, and what a test may ask of it."""

    def __init__(self, user_login: str, api_key: str, credit: str) -> None:
        self.user_login = user_login
        self.api_key = api_key
        self._credit = Decimal(credit)
        self._world = World()
        self._post = PostOffice(self._noted, self._world.clock.now)
        self._accounts = Accounts(self._world, self._post)
        self._accounts.open(user_login, api_key, self._credit)
        self._faults = Faults(self._world.touch)
        self._gates = Gates(self._world.touch)
        self._places = Places()
        self._desk = Desk(self._world, self._faults, self._gates, self._places)
        self._dialects = (LegacyApi(self._accounts), V1Api(self._accounts))

    @property
    def urls(self) -> dict[str, str]:
        """By generation, what goes into OCTOPUSH_URL; "" while nobody can call."""
        return dict.fromkeys(APIS, "")

    def fault(self, fault: str, **options: Any) -> dict[str, Any]:
        """Script a fault; options as in `faults.KINDS`, plus times (1; -1 until cleared), recipient, call ("sms"), api.

        Returns it with its id. ValueError says what does not fit. `refuse` strikes at once.
        """
        return self.script({"fault": fault, **options})

    def script(self, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """`fault`, for a document as it comes over HTTP."""
        scripted = read_fault(wanted)
        if scripted.kind != "refuse":
            return report.fault(self._faults.add(scripted))
        self._shut_for(scripted.seconds)
        return report.fault(scripted)

    def faults(self) -> list[dict[str, Any]]:
        """The faults that still have something to strike, oldest first."""
        return [report.fault(scripted) for scripted in self._faults.active()]

    def clear_faults(self) -> None:
        """No fault strikes any more, and nobody stands at a gate."""
        self._faults.drop(lambda _: True)
        for name in self._gates.standing():
            self._gates.open(name, self._faults.latest)

    def gate_reached(self, name: str, timeout: float = 60.0) -> int:
        """Wait until a call stands at this gate; returns how many do. TimeoutError after `timeout` seconds."""
        waiting = self._gates.reached(name, timeout)
        if not waiting:
            raise TimeoutError(f"No call came to the gate {name} in time.")
        return waiting

    def open_gate(self, name: str) -> int:
        """Remove this gate and let all through who stand at it or are on their way; returns how many stood."""
        self._faults.drop(lambda fault: fault.kind == "gate" and fault.options["name"] == name)
        return self._gates.open(name, self._faults.latest)

    def state(self) -> dict[str, Any]:
        """Counts, handsets, what is held, and the credits, from one instant."""
        return report.state(self._world, self._own())

    def handsets(self) -> dict[str, list[dict[str, Any]]]:
        """By number, what rang there, in order."""
        return report.handsets(self._world)

    def calls(self) -> list[dict[str, Any]]:
        """Every call, oldest first."""
        return report.calls(self._world)

    def callbacks(self) -> list[dict[str, Any]]:
        """Every callback that was posted, and how it was answered, oldest first."""
        return report.callbacks(self._world)

    def wait(self, *, timeout: float = 60.0, **goal: int) -> dict[str, int]:
        """Wait until at least that many `calls` came, were `accepted`, `handsets` rang (messages on all together), and
        `callbacks` were answered.

        Returns the true counts. TimeoutError after `timeout` seconds.
        """
        if unknown := sorted(goal.keys() - self.counts().keys()):
            raise ValueError(f"Nobody counts {unknown[0]}.")
        if not self._world.wait(lambda _: all(self.counts()[name] >= least for name, least in goal.items()), timeout):
            raise TimeoutError(f"The sandbox saw less than that: {self.counts()}.")
        return self.counts()

    def counts(self) -> dict[str, int]:
        """The figures `wait` looks at, now."""
        with self._world.reading():
            return {
                "calls": self._world.calls.arrived,
                "accepted": self._world.calls.accepted,
                "handsets": self._world.handsets.rung,
                "callbacks": self._world.callbacks.posted,
            }

    def settings(self, *, api: str | None = None, login: str | None = None, **changes: Any) -> None:
        """Turn settings, of all accounts or of those of one generation or login; see `settings.Settings`."""
        for account in self._accounts.some(api, login):
            account.configure(**changes)

    def open_account(self, user_login: str, api_key: str) -> None:
        """One more login, with an account of its own in each generation."""
        self._accounts.open(user_login, api_key, self._credit)

    def advance(self, seconds: float) -> None:
        """Move the sandbox's clock ahead: held messages ring, keys are forgotten. ValueError for a step back."""
        self._world.advance(seconds)

    def type(self, number: str, text: str, api: str | None = None) -> list[str]:
        """Somebody answers on a handset, to the latest message there; returns the kinds of the events that follow."""
        with self._world.reading():
            message = self._world.handsets.latest(number, api) or self._silent(number, api)
        return self._accounts.of(message.api, message.login).typed(message, text)

    def blacklist(self, numbers: Sequence[str], api: str | None = None, login: str | None = None) -> None:
        """These numbers, and no others, said STOP to all accounts, or to those of one generation or login."""
        for account in self._accounts.some(api, login):
            account.set_blacklist(numbers)

    def reset(self) -> None:
        """As new: no calls, handsets, faults or gates; settings and credit as at the start."""
        self.clear_faults()
        with self._world.changing():
            self._world.clear()
            for account in self._accounts.some():
                account.clear()

    def watch(self, since: int, timeout: float, look: Look | None = None) -> dict[str, Any]:
        """What the page draws, as soon as it is not what it was at version `since`, at the latest after `timeout`."""
        self._world.wait(lambda version: version != since, timeout)
        return {
            **wall(self._world, self._accounts, look or Look()),
            **report.money(self._own()),
            "faults": self.faults(),
            "gates": self._gates.standing(),
            "kinds": report.kinds(),
            "fault_calls": CALLS,
            "login": {"user_login": self.user_login, "api_key": self.api_key, "urls": self.urls},
        }

    def _own(self) -> dict[str, Account]:
        return {api: self._accounts.of(api, self.user_login) for api in APIS}

    def _silent(self, number: str, api: str | None) -> Message:
        """A handset that got nothing yet can say something all the same."""
        return Message(number, "", "", "", "", "", 0, self._world.clock.now(), api or APIS[0], self.user_login)

    def _noted(self, callback: Callback) -> None:
        with self._world.changing():
            self._world.callbacks.note(callback)

    def _shut_for(self, seconds: float) -> None:
        """Let nobody in for so long. Here nobody can come in."""
