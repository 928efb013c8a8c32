"""The endpoints of Octopush: /sms, /balance, /credit, each in XML and, below /json, in JSON.

A call goes through four moments: it arrives (and is logged), is decided (and perhaps taken), is answered, and leaves.
A fault may stand at any of them. Business errors are HTTP 200 with an error_code; no call here ever fails otherwise
unless a fault says so.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from octoworker.sandbox import rules
from octoworker.sandbox.account import Account, Order, Refusal
from octoworker.sandbox.answers import Answer, Balance, Credit, code, render
from octoworker.sandbox.calls import Call
from octoworker.sandbox.faults import Fault, Faults
from octoworker.sandbox.form import Request
from octoworker.sandbox.gates import Gates
from octoworker.sandbox.replies import Reply, struck

PATHS = {
    "/api/sms": ("sms", "xml"),
    "/api/sms/json": ("sms", "json"),
    "/api/balance": ("balance", "xml"),
    "/api/balance/json": ("balance", "json"),
    "/api/credit": ("credit", "xml"),
    "/api/credit/json": ("credit", "json"),
}
"""A trailing slash makes no difference."""


class Api:
    """Octopush as a caller sees it, for one login and its key."""

    def __init__(self, account: Account, faults: Faults, gates: Gates, login: tuple[str, str]) -> None:
        self._account = account
        self._faults = faults
        self._gates = gates
        self._login = login
        self._answers: dict[str, Callable[[rules.Fields, int, Fault | None], Answer]] = {
            "sms": self._sms,
            "balance": lambda *_: Balance(account.balance()),
            "credit": lambda *_: Credit(account.credit()),
        }

    def answer(self, request: Request) -> Reply:
        """The reply to a request whose path is one of PATHS, and what it does to the account."""
        name, form = PATHS[request.path]
        fields = request.fields()
        fault = self._faults.take(name, rules.numbers(fields))
        n = self._account.arrived(_call(request, fields, fault))
        self._stand(fault, "before")
        decided = self._decide(name, fields, n, fault)
        self._stand(fault, "after")
        return self._leave(n, decided, form, fault)

    def _decide(self, name: str, fields: rules.Fields, n: int, fault: Fault | None) -> Answer | None:
        """What becomes of the call; None when a fault keeps it from ever being looked at."""
        if fault is not None and not fault.accepts:
            decided: Answer | None = Refusal(str(fault.options["code"])) if fault.kind == "code" else None
        elif refused := rules.refused_login(fields, *self._login):
            decided = Refusal(refused)
        else:
            decided = self._answers[name](fields, n, fault)
        if isinstance(decided, Refusal):
            self._account.refused(rules.key(fields))
        return decided

    def _sms(self, fields: rules.Fields, n: int, fault: Fault | None) -> Answer:
        if refused := rules.refusal(fields, self._account.settings.waived):
            return Refusal(refused)
        return self._account.submit(n, _order(fields, fault))

    def _stand(self, fault: Fault | None, when: str) -> None:
        if fault is not None and fault.stands(when):
            self._gates.stand(str(fault.options["name"]), fault.id)

    def _leave(self, n: int, decided: Answer | None, form: str, fault: Fault | None) -> Reply:
        reply = Reply(delay=self._account.settings.latency)
        if decided is not None:
            content_type, body = render(decided, form)
            reply = replace(reply, body=body, content_type=content_type)
            if fault is None or fault.readable:
                self._account.answered(n, code(decided))
        return reply if fault is None else struck(reply, fault)


def _order(fields: rules.Fields, fault: Fault | None) -> Order:
    parts, failures = rules.judge(fields, fault.codes if fault else {})
    return Order(
        key=rules.key(fields),
        sender=rules.sender(fields),
        parts=parts,
        failures=failures,
        due_at=rules.due_at(fields, time.time()),
        simulated=fields.get("request_mode") == "simu",
    )


def _call(request: Request, fields: rules.Fields, fault: Fault | None) -> Call:
    name, form = PATHS[request.path]
    return Call(
        n=0,
        at=time.time(),
        call=name,
        format=form,
        method=request.method,
        request_id=rules.key(fields),
        recipients=len(rules.entries(fields)),
        fields=tuple(sorted(fields.keys() - {"api_key"})),
        fault=fault.kind if fault else None,
        simulated=fields.get("request_mode") == "simu",
    )
