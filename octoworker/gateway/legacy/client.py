"""One call of the legacy API: out goes the form, back comes an answer, or the one error that says what is known."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from http import HTTPStatus
from typing import TypeVar

from octoworker.errors import GatewayError, Kind, MaybeSentError, RefusedByProviderError, UnreachableError
from octoworker.gateway import faults
from octoworker.gateway.connections import Reply
from octoworker.gateway.legacy import answers, form
from octoworker.gateway.transport import USER_AGENT, Transport, raised
from octoworker.gateway.values import Account, Answer, Credit, Submit

ACCEPTS = {"json": "application/json", "xml": "application/xml, text/xml"}

READ = (HTTPStatus.OK,)
"""This API says no with 200 as well. Any other status speaks for the servers in front of it, and its body for nobody."""

ROOM_PER_RECIPIENT = 300
"""Bytes of an answer that each recipient may take. One takes about 150 in XML."""

T = TypeVar("T")


class LegacyGateway:
    """The way to one account of the legacy API. `pool_size` connections are kept open."""

    def __init__(self, account: Account, pool_size: int) -> None:
        self._account = account
        self._transport = Transport(account, pool_size=pool_size)
        headers = {
            "User-Agent": USER_AGENT,
            "Accept": ACCEPTS[account.format],
            "Accept-Encoding": "identity",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        self._requests = {
            what: self._transport.request("POST", form.address(account, what), headers) for what in form.CALLS
        }

    def submit(self, order: Submit) -> Answer:
        """Gateway.submit."""

        def exchange() -> Answer | GatewayError:
            room = self._account.max_answer_bytes + ROOM_PER_RECIPIENT * len(order.recipients)
            reply = self._post("sms", form.submit(self._account, order), room)
            return _fault(reply) or answers.of_submit(reply.body, self._account.format, order.recipients)

        return raised(self._transport.attempt(exchange))

    def cancel(self, ticket: str) -> None:
        """Gateway.cancel: this API has no such call."""
        del ticket
        raise RefusedByProviderError("Octopush's older API knows no cancel", kind=Kind.PERMANENT)

    def balance(self) -> dict[str, Decimal]:
        """Gateway.balance."""
        return self._ask("balance", answers.of_balance)

    def credit(self) -> Credit:
        """Gateway.credit."""
        return self._ask("credit", answers.of_credit)

    def close(self) -> None:
        """Gateway.close."""
        self._transport.close()

    def _ask(self, what: form.Call, read: Callable[[bytes, answers.Format], T | GatewayError]) -> T:
        def exchange() -> T | GatewayError:
            reply = self._post(what, form.question(self._account), self._account.max_answer_bytes)
            return _fault(reply) or read(reply.body, self._account.format)

        found = self._transport.attempt(exchange)
        return raised(UnreachableError(found.reason) if isinstance(found, MaybeSentError) else found)

    def _post(self, what: form.Call, body: bytes, room: int) -> Reply:
        return self._transport.exchanged(self._requests[what], body, room=room, read=READ)


def _fault(reply: Reply) -> GatewayError | None:
    return None if reply.status in READ else faults.of_status(reply.status, reply.headers)
