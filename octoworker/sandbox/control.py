"""The controls over HTTP, below `/_sandbox/`: each one reads its JSON or its query and calls a method of StandIn.

| | |
|---|---|
| `POST faults` · `GET faults` · `DELETE faults` | script one, list, clear |
| `GET gates/NAME?timeout=` · `POST gates/NAME/open` | wait for a call to stand there, let all through |
| `GET state` · `GET calls` | what happened |
| `GET wait?calls=&accepted=&handsets=&timeout=` | wait until at least so much happened; 408 when it does not |
| `POST settings` · `POST reset` | turn settings, start anew |
| `GET watch?since=` | what the page draws, once it is news |
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from octoworker.sandbox.form import Request
from octoworker.sandbox.replies import Reply, in_json
from octoworker.sandbox.stand_in import StandIn

PREFIX = "/_sandbox/"
PATIENCE = 10.0
"""Seconds a wait lasts when none are given."""
LONGEST_WAIT = 600.0
"""Seconds; a caller that wants more asks again."""
NEWS = 15.0
"""Seconds the page's question stays open: short of any proxy's limit, long enough to cost nothing."""
TOO_LATE, WRONG, UNKNOWN = 408, 400, 404


class Control:
    """Translates between HTTP and the methods of one StandIn."""

    def __init__(self, sandbox: StandIn) -> None:
        self._sandbox = sandbox

    def answer(self, request: Request) -> Reply:
        """The reply to a request below PREFIX: 400 says in a sentence what does not fit, 404 that there is no such."""
        asked = f"{request.method} {request.path.removeprefix(PREFIX)}"
        for pattern, answer in ROUTES:
            if match := re.fullmatch(pattern, asked):
                return self._guarded(answer, request, *match.groups())
        return in_json({"error": "There is no such control."}, UNKNOWN)

    def _guarded(self, answer: Callable[..., object], request: Request, *names: str) -> Reply:
        try:
            return in_json(answer(self._sandbox, request, *names))
        except TimeoutError:
            return in_json({"error": "It did not happen in time.", **self._sandbox.counts()}, TOO_LATE)
        except ValueError as error:
            return in_json({"error": str(error)}, WRONG)


def _body(request: Request) -> dict[str, Any]:
    try:
        document = json.loads(request.body or b"{}")
    except ValueError as error:
        raise ValueError("The body is not JSON.") from error
    if not isinstance(document, dict):
        raise ValueError("The body is not a JSON object.")  # noqa: TRY004 - one kind of error for one kind of answer
    return document


def _number(request: Request, name: str, default: float) -> float:
    try:
        return float(request.query.get(name, default))
    except ValueError as error:
        raise ValueError(f"{name} is not a number.") from error


def _timeout(request: Request) -> float:
    return min(_number(request, "timeout", PATIENCE), LONGEST_WAIT)


def _clear(sandbox: StandIn, _: Request) -> object:
    sandbox.clear_faults()
    return {"faults": []}


def _wait(sandbox: StandIn, request: Request) -> object:
    goal = {name: int(_number(request, name, 0)) for name in ("calls", "accepted", "handsets")}
    return sandbox.wait(**goal, timeout=_timeout(request))


def _gate(sandbox: StandIn, request: Request, name: str) -> object:
    return {"waiting": sandbox.gate_reached(name, _timeout(request))}


def _settings(sandbox: StandIn, request: Request) -> object:
    sandbox.settings(**_body(request))
    return sandbox.counts()


def _reset(sandbox: StandIn, _: Request) -> object:
    sandbox.reset()
    return sandbox.counts()


def _watch(sandbox: StandIn, request: Request) -> object:
    return sandbox.watch(int(_number(request, "since", -1)), NEWS)


ROUTES: tuple[tuple[str, Callable[..., object]], ...] = (
    ("POST faults", lambda sandbox, request: sandbox.script(_body(request))),
    ("GET faults", lambda sandbox, _: sandbox.faults()),
    ("DELETE faults", _clear),
    ("GET gates/([^/]+)", _gate),
    ("POST gates/([^/]+)/open", lambda sandbox, _, name: {"let_through": sandbox.open_gate(name)}),
    ("GET state", lambda sandbox, _: sandbox.state()),
    ("GET calls", lambda sandbox, _: sandbox.calls()),
    ("GET wait", _wait),
    ("GET watch", _watch),
    ("POST settings", _settings),
    ("POST reset", _reset),
)
