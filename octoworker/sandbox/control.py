"""The controls over HTTP, below `/_sandbox/`: each one reads its JSON or its query and calls a method of StandIn.

| | |
|---|---|
| `POST faults` · `GET faults` · `DELETE faults` | script one, list, clear |
| `GET gates/NAME?timeout=` · `POST gates/NAME/open` | wait for a call to stand there, let all through |
| `GET state` · `GET calls` · `GET callbacks` | what happened |
| `GET wait?calls=&accepted=&handsets=&callbacks=&timeout=` | wait until at least so much happened; 408 when it does not |
| `POST settings` · `POST reset` | turn settings (of `api` or `login` alone, when given), start anew |
| `POST accounts` | `user_login` and `api_key` of one more account |
| `POST clock` | `advance` the clock so many seconds |
| `POST type` | `text` on the handset of `number`, to its latest message (of `api`) |
| `POST blacklist` | `numbers` that said STOP |
| `GET watch?since=&search=&page=` | what the page draws, once it is news |

403 for a foreign Host or Origin.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from octoworker.sandbox.form import Request
from octoworker.sandbox.guard import is_foreign
from octoworker.sandbox.replies import Reply, in_json
from octoworker.sandbox.stand_in import StandIn
from octoworker.sandbox.wall import Look

PREFIX = "/_sandbox/"
PATIENCE = 10.0
"""Seconds a wait lasts when none are given."""
LONGEST_WAIT = 600.0
"""Seconds; a caller that wants more asks again."""
NEWS = 15.0
"""Seconds the page's question stays open: short of any proxy's limit, long enough to cost nothing."""
TOO_LATE, WRONG, FOREIGN, UNKNOWN = 408, 400, 403, 404


class Control:
    """Translates between HTTP and the methods of one StandIn."""

    def __init__(self, sandbox: StandIn) -> None:
        self._sandbox = sandbox

    def answer(self, request: Request) -> Reply:
        """The reply to a request below PREFIX: 400 says in a sentence what does not fit, 404 that there is no such."""
        if is_foreign(request):
            return in_json({"error": "The controls are for this machine only."}, FOREIGN)
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


def _given(request: Request, **shapes: type | tuple[type, ...]) -> dict[str, Any]:
    """The named members of the body, each of its shape; no others."""
    body = _body(request)
    if unknown := sorted(body.keys() - shapes.keys()):
        raise ValueError(f"There is no {unknown[0]} here.")
    if wrong := [name for name, shape in shapes.items() if not isinstance(body.get(name), shape)]:
        raise ValueError(f"{wrong[0]} is missing or does not fit.")
    return body


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
    goal = {name: int(_number(request, name, 0)) for name in sandbox.counts()}
    return sandbox.wait(**goal, timeout=_timeout(request))


def _gate(sandbox: StandIn, request: Request, name: str) -> object:
    return {"waiting": sandbox.gate_reached(name, _timeout(request))}


def _settings(sandbox: StandIn, request: Request) -> object:
    sandbox.settings(**_body(request))
    return sandbox.counts()


def _reset(sandbox: StandIn, _: Request) -> object:
    sandbox.reset()
    return sandbox.counts()


def _open_account(sandbox: StandIn, request: Request) -> object:
    sandbox.open_account(**_given(request, user_login=str, api_key=str))
    return sandbox.counts()


def _clock(sandbox: StandIn, request: Request) -> object:
    sandbox.advance(float(_given(request, advance=(int, float))["advance"]))
    return sandbox.counts()


def _type(sandbox: StandIn, request: Request) -> object:
    return {"events": sandbox.type(**_given(request, number=str, text=str, api=OPTIONAL))}


def _blacklist(sandbox: StandIn, request: Request) -> object:
    given = _given(request, numbers=list, api=OPTIONAL, login=OPTIONAL)
    sandbox.blacklist(**{**given, "numbers": [str(number) for number in given["numbers"]]})
    return sandbox.counts()


def _watch(sandbox: StandIn, request: Request) -> object:
    look = Look(request.query.get("search", ""), int(_number(request, "page", 0)))
    return sandbox.watch(int(_number(request, "since", -1)), NEWS, look)


OPTIONAL = (str, type(None))

ROUTES: tuple[tuple[str, Callable[..., object]], ...] = (
    ("POST faults", lambda sandbox, request: sandbox.script(_body(request))),
    ("GET faults", lambda sandbox, _: sandbox.faults()),
    ("DELETE faults", _clear),
    ("GET gates/([^/]+)", _gate),
    ("POST gates/([^/]+)/open", lambda sandbox, _, name: {"let_through": sandbox.open_gate(name)}),
    ("GET state", lambda sandbox, _: sandbox.state()),
    ("GET calls", lambda sandbox, _: sandbox.calls()),
    ("GET callbacks", lambda sandbox, _: sandbox.callbacks()),
    ("GET wait", _wait),
    ("GET watch", _watch),
    ("POST settings", _settings),
    ("POST reset", _reset),
    ("POST accounts", _open_account),
    ("POST clock", _clock),
    ("POST type", _type),
    ("POST blacklist", _blacklist),
)
