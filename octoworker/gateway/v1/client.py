"""One call of v1: out goes JSON, back comes an answer, or the one error that says what is known."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import cached_property
from typing import TypeVar

from octoworker.errors import GatewayError, MaybeSentError, UnreachableError
from octoworker.gateway.connections import Reply, Request
from octoworker.gateway.transport import USER_AGENT, Transport, raised
from octoworker.gateway.v1 import answers, body, parameters
from octoworker.gateway.values import Account, Answer, Credit, Event, Parameters, Submit

CALLS = SEND, CANCEL, CREDIT, BALANCE, PARAMETERS, CONFIGURE = (
    ("POST", "/sms-campaign/send"),
    ("DELETE", "/sms-campaign/cancel"),
    ("GET", "/wallet/check-balance"),
    ("GET", "/wallet/check-credits?country_codes[]=FR"),
    ("GET", "/user/campaign-parameters"),
    ("PATCH", "/user/campaign-parameters/edit"),
)
"""Method and address of each call."""

SHAPE = "json"
"""Of what is called back with: forms are read, too, but say nothing of their charset."""

ANY_STATUS = range(100, 600)

T = TypeVar("T")


class V1Gateway:
    """The way to one account of v1. `pool_size` connections are kept open."""

    def __init__(self, account: Account, pool_size: int) -> None:
        self._account = account
        self._transport = Transport(account, pool_size=pool_size)

    def submit(self, order: Submit) -> Answer:
        """Gateway.submit."""

        def exchange() -> Answer | GatewayError:
            reply = self._exchanged(SEND, body.submit(self._account, order))
            return answers.of_submit(reply, order.recipients, simulated=self._account.simulate)

        return raised(self._attempt(exchange))

    def cancel(self, ticket: str) -> None:
        """Gateway.cancel."""
        raised(self._attempt(lambda: answers.of_cancel(self._exchanged(CANCEL, body.cancel(ticket)))))

    def balance(self) -> dict[str, Decimal]:
        """Gateway.balance."""
        return self._ask(BALANCE, answers.of_balance)

    def credit(self) -> Credit:
        """Gateway.credit."""
        return self._ask(CREDIT, answers.of_credit)

    def parameters(self) -> Parameters:
        """Configurable.parameters."""
        return self._ask(PARAMETERS, answers.of_parameters)

    def configure(self, addresses: Mapping[Event, str]) -> None:
        """Configurable.configure."""
        self._ask(CONFIGURE, answers.of_change, parameters.written(Parameters(addresses, SHAPE)))

    def exchange(self, call: tuple[str, str], content: bytes = b"") -> Reply | GatewayError:
        """The reply as it came, whatever it says: for what is tried, and not for what is promised."""

        def exchanged() -> Reply:
            room = self._account.max_answer_bytes
            return self._transport.exchanged(self._requests[call], content, room=room, read=ANY_STATUS)

        return self._attempt(exchanged)

    def close(self) -> None:
        """Gateway.close."""
        self._transport.close()

    def _ask(self, call: tuple[str, str], read: Callable[[Reply], T | GatewayError], content: bytes = b"") -> T:
        found = self._attempt(lambda: read(self._exchanged(call, content)))
        return raised(UnreachableError(found.reason) if isinstance(found, MaybeSentError) else found)

    def _attempt(self, exchange: Callable[[], T | GatewayError]) -> T | GatewayError:
        """An exchange; with a login or a key that no header can carry it is not begun."""
        if all(each.isascii() and each.isprintable() for each in (self._account.user_login, self._account.api_key)):
            return self._transport.attempt(exchange)
        return UnreachableError("OCTOPUSH_USER_LOGIN or OCTOPUSH_API_KEY holds a sign that cannot be sent")

    def _exchanged(self, call: tuple[str, str], content: bytes) -> Reply:
        room = self._account.max_answer_bytes
        return self._transport.exchanged(self._requests[call], content, room=room, read=answers.TAKES_OTHERS)

    @cached_property
    def _requests(self) -> Mapping[tuple[str, str], Request]:
        """Made by the first call: of a login or a key that no header can carry, none is."""
        headers = {
            "User-Agent": USER_AGENT,
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "Content-Type": "application/json",
            "api-login": self._account.user_login,
            "api-key": self._account.api_key,
        }
        return {call: self._transport.request(call[0], self._account.url + call[1], headers) for call in CALLS}
