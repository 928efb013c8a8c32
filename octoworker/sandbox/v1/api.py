"""The newer generation as a caller sees it: send, cancel, the wallet and the parameters, in JSON below /v1/public."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from octoworker.sandbox.account import Account
from octoworker.sandbox.accounts import Accounts
from octoworker.sandbox.desk import Asked
from octoworker.sandbox.faults import Fault
from octoworker.sandbox.form import Request
from octoworker.sandbox.orders import Accepted, Order, Refusal
from octoworker.sandbox.replies import Reply
from octoworker.sandbox.v1 import parameters, reading, rules, wallet
from octoworker.sandbox.v1.answers import Document, written
from octoworker.sandbox.v1.cancelling import cancel

BASE = "/v1/public"
ENDPOINTS = {
    ("POST", "/sms-campaign/send"): "sms",
    ("DELETE", "/sms-campaign/cancel"): "cancel",
    ("GET", "/wallet/check-balance"): "credit",
    ("GET", "/wallet/check-credits"): "balance",
    ("GET", "/user/campaign-parameters"): "parameters",
    ("GET", "/campaign/parameters"): "parameters",
    ("PATCH", "/user/campaign-parameters/edit"): "parameters",
}
"""Method and path, and what the call is about. The parameters have two addresses: the documents disagree."""
UNAUTHORIZED = "401"
NOT_FOUND = Reply(b'{"message":"Not Found"}', status=404)


class V1Api:
    """The dialect of api.octopush.com."""

    name = "v1"

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    @staticmethod
    def takes(request: Request) -> bool:
        """Whether the request is for this API."""
        return _endpoint(request) in ENDPOINTS

    def read(self, request: Request) -> Asked:
        content = reading.document(request)
        login, api_key = request.headers.get("api-login", ""), request.headers.get("api-key", "")
        return Asked(
            call=ENDPOINTS[_endpoint(request)],
            format="json",
            method=request.method,
            key=reading.key(content),
            numbers=tuple(reading.numbers(content)),
            recipients=len(content["recipients"]) if isinstance(content.get("recipients"), list) else 0,
            fields=tuple(sorted(content)),
            simulated=reading.yes(content.get("simulation_mode")),
            content=content,
            account=self._accounts.find(self.name, login, api_key),
            refused=UNAUTHORIZED,
            request=request,
        )

    def order(self, asked: Asked, account: Account, fault: Fault | None) -> Order | Refusal:
        wanted = reading.wanted(asked.content, account.settings)
        if refused := rules.refusal(wanted, account.settings):
            return Refusal(refused)
        now = account.world.clock.now()
        return Order(
            key=asked.key,
            sender=rules.sender(wanted),
            parts=rules.parts(wanted, fault.codes if fault else ()),
            failures=(),
            due_at=wanted.send_at if wanted.send_at and wanted.send_at > now else None,
            simulated=asked.simulated,
            with_replies=wanted.with_replies,
            receipts=wanted.type == reading.PREMIUM,
            removes_blacklisted=wanted.removes_blacklisted,
            extra=rules.REMOVAL if wanted.removes_blacklisted else rules.NOTHING,
        )

    def look(self, asked: Asked, account: Account) -> Document | Refusal:
        if asked.call == "cancel":
            return cancel(account, str(asked.content.get("ticket_number", "")))
        if asked.call == "parameters":
            return Document(_parameters(account, asked.method, asked.content))
        return Document(wallet.READERS[asked.call](account, asked.request))

    def render(self, answer: Accepted | Refusal | Document, asked: Asked, account: Account | None) -> tuple[str, Reply]:  # noqa: ARG002 - the older API needs it
        return written(answer, account.settings if account else None)


def _parameters(account: Account, method: str, content: Mapping[str, Any]) -> dict[str, Any]:
    return parameters.change(account, content) if method == "PATCH" else parameters.read(account)


def _endpoint(request: Request) -> tuple[str, str]:
    return request.method, request.path.removeprefix(BASE) if request.path.startswith(f"{BASE}/") else ""
