"""The stand-in without a socket: the account, Octopush's endpoints, the faults and the gates, and all that can be done to them.

Every control that `/_sandbox/…` offers over HTTP is a method here, so that a test in the same process needs no socket
for it and both always agree.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from octoworker.sandbox import report
from octoworker.sandbox.account import Account
from octoworker.sandbox.api import Api
from octoworker.sandbox.faults import Faults, read_fault
from octoworker.sandbox.gates import Gates


class StandIn:
    """What Octopush would remember and answer, and what a test may ask of it."""

    def __init__(self, user_login: str, api_key: str, credit: str) -> None:
        self.user_login = user_login
        self.api_key = api_key
        self._account = Account(Decimal(credit))
        self._faults = Faults(self._account.touch)
        self._gates = Gates(self._account.touch)
        self._api = Api(self._account, self._faults, self._gates, (user_login, api_key))

    @property
    def url(self) -> str:
        """What goes into OCTOPUSH_URL; "" while nobody can call."""
        return ""

    def fault(self, fault: str, **options: Any) -> dict[str, Any]:
        """Script a fault; options as in `faults.KINDS`, plus times (1; -1 until cleared), recipient, call ("sms").

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

    def gate_reached(self, name: str, timeout: float = 10.0) -> int:
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
        """Counts, handsets, what is held, and the credit, from one instant."""
        return report.state(self._account)

    def handsets(self) -> dict[str, list[dict[str, Any]]]:
        """By number, what rang there, in order."""
        return report.handsets(self._account)

    def calls(self) -> list[dict[str, Any]]:
        """Every call, oldest first."""
        return report.calls(self._account)

    def wait(self, *, calls: int = 0, accepted: int = 0, handsets: int = 0, timeout: float = 10.0) -> dict[str, int]:
        """Wait until at least that many calls came, were taken, and messages rang (all handsets together).

        Returns the true counts. TimeoutError after `timeout` seconds.
        """
        if not self._account.wait(lambda _: self._reached(calls, accepted, handsets), timeout):
            raise TimeoutError(f"The sandbox saw less than that: {self.counts()}.")
        return self.counts()

    def counts(self) -> dict[str, int]:
        """The three figures `wait` looks at, now."""
        with self._account.reading():
            log, rung = self._account.calls, self._account.handsets.rung
            return {"calls": log.arrived, "accepted": log.accepted, "handsets": rung}

    def settings(self, **changes: Any) -> None:
        """Turn credit, refused_uses_key, key_window, latency or waived; see `account.Settings`."""
        self._account.configure(**changes)

    def reset(self) -> None:
        """As new: no calls, handsets, faults or gates; settings and credit as at the start."""
        self.clear_faults()
        self._account.reset()

    def watch(self, since: int, timeout: float) -> dict[str, Any]:
        """What the page draws, as soon as it is not what it was at version `since`, at the latest after `timeout`."""
        self._account.wait(lambda version: version != since, timeout)
        return {
            **report.wall(self._account),
            "faults": self.faults(),
            "gates": self._gates.standing(),
            "kinds": report.kinds(),
            "login": {"user_login": self.user_login, "api_key": self.api_key, "url": self.url},
        }

    def _reached(self, calls: int, accepted: int, handsets: int) -> bool:
        now = self.counts()
        return now["calls"] >= calls and now["accepted"] >= accepted and now["handsets"] >= handsets

    def _shut_for(self, seconds: float) -> None:
        """Let nobody in for so long. Here nobody can come in."""
