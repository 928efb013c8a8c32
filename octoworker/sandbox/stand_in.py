"""The sandbox as a whole: the account, the endpoints, the faults and the door, under one roof.

Every control that `/_sandbox/…` offers over HTTP is a method here, so that a test in the same process needs no socket
for it and both always agree.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from types import TracebackType
from typing import Any, Self

from octoworker.sandbox import page, report
from octoworker.sandbox.account import Account
from octoworker.sandbox.api import PATHS, Api
from octoworker.sandbox.control import PREFIX, Control
from octoworker.sandbox.door import LOOPBACK, Door
from octoworker.sandbox.faults import Faults, read_fault
from octoworker.sandbox.form import Request
from octoworker.sandbox.gates import Gates
from octoworker.sandbox.replies import Reply

NOT_FOUND = Reply(b"<!doctype html><title>404</title><h1>Not Found</h1>", "text/html; charset=utf-8", 404)


class Sandbox:
    """A stand-in for Octopush on loopback. Use it as a context manager, or call `start` and `close`.

    `port` 0 takes a free one; `credit` is euros. Nothing it is given ever leaves this machine.
    """

    def __init__(
        self,
        port: int = 0,
        user_login: str = "demo@example.com",
        api_key: str = "sandbox-key",
        credit: str = "1000.00",
    ) -> None:
        self.port = port
        self.user_login = user_login
        self.api_key = api_key
        self._account = Account(Decimal(credit))
        self._faults = Faults(self._account.touch)
        self._gates = Gates(self._account.touch)
        self._api = Api(self._account, self._faults, self._gates, (user_login, api_key))
        self._control = Control(self)
        self._door: Door | None = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def url(self) -> str:
        """What goes into OCTOPUSH_URL. With port 0 it is known once started."""
        return f"http://{LOOPBACK}:{self.port}/api"

    def start(self) -> Self:
        """Bind the port and let callers in. OSError when the port is taken."""
        self._door = Door(self.port, self._route)
        self.port = self._door.port
        self._door.open()
        return self

    def close(self) -> None:
        """Let everybody who waits go, and leave no thread and no socket behind. For good: start a new one after it."""
        self._account.close()
        self._gates.tear_down()
        if self._door is not None:
            self._door.close()

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
        if self._door is not None:
            self._door.shut_for(scripted.seconds)
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

    def _route(self, request: Request) -> Reply:
        if request.path in PATHS:
            return self._api.answer(request)
        if request.path.startswith(PREFIX):
            return self._control.answer(request)
        return page.home() if request.path == "/" else NOT_FOUND
