"""The older generation as a caller sees it: /sms, /balance, /credit, each in XML and, below /json, in JSON.

Business errors are HTTP 200 with an error_code; no call here ever fails otherwise unless a fault says so.
"""

from __future__ import annotations

from octoworker.sandbox.account import Account
from octoworker.sandbox.accounts import Accounts
from octoworker.sandbox.desk import Asked
from octoworker.sandbox.faults import Fault
from octoworker.sandbox.form import Request
from octoworker.sandbox.legacy import rules
from octoworker.sandbox.legacy.answers import Answer, Balance, Credit, code, written
from octoworker.sandbox.orders import Order, Refusal
from octoworker.sandbox.replies import Reply

PATHS = {
    "/api/sms": ("sms", "xml"),
    "/api/sms/json": ("sms", "json"),
    "/api/balance": ("balance", "xml"),
    "/api/balance/json": ("balance", "json"),
    "/api/credit": ("credit", "xml"),
    "/api/credit/json": ("credit", "json"),
}
"""A trailing slash makes no difference."""


class LegacyApi:
    """The dialect of octopush-dm.com."""

    name = "legacy"

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    @staticmethod
    def takes(request: Request) -> bool:
        """Whether the request is for this API."""
        return request.path in PATHS

    def read(self, request: Request) -> Asked:
        fields = request.fields()
        call, form = PATHS[request.path]
        return Asked(
            call=call,
            format=form,
            method=request.method,
            key=rules.key(fields),
            numbers=tuple(rules.numbers(fields)),
            recipients=len(rules.entries(fields)),
            fields=tuple(sorted(fields.keys() - {"api_key"})),
            simulated=_simulated(fields),
            content=fields,
            account=self._accounts.find(self.name, fields.get("user_login", ""), fields.get("api_key", "")),
            refused=rules.refused_login(fields),
            request=request,
        )

    def order(self, asked: Asked, account: Account, fault: Fault | None) -> Order | Refusal:
        fields = asked.content
        if refused := rules.refusal(fields, account.settings.waived):
            return Refusal(refused)
        parts, failures = rules.judge(fields, fault.codes if fault else {})
        return Order(
            key=asked.key,
            sender=rules.sender(fields),
            parts=parts,
            failures=failures,
            due_at=rules.due_at(fields, account.world.clock.now()),
            simulated=asked.simulated,
            with_replies=rules.on(fields, "with_replies"),
            receipts=rules.sms_type(fields) != "XXX",
        )

    def look(self, asked: Asked, account: Account) -> Answer:
        if asked.call == "credit":
            return Credit(account.credit())
        return Balance({name: str(left) for name, left in account.balance().items()})

    def render(self, answer: Answer, asked: Asked, account: Account | None) -> tuple[str, Reply]:  # noqa: ARG002 - v1 needs it
        content_type, body = written(answer, asked.format)
        return code(answer), Reply(body, content_type)


def _simulated(fields: rules.Fields) -> bool:
    return fields.get("request_mode") == "simu"
