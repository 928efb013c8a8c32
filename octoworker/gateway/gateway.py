"""One call to Octopush: out goes the form, back comes an answer, or the one error that says what is known.

A call is decided as a value first and raised last, outside of every `except`. So no error of ours carries another in
its context, and with it the request, which holds the numbers, the text and the key.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from types import TracebackType
from typing import Any, Self, TypeVar

import requests

from octoworker.errors import GatewayError, MaybeSentError, UnreachableError
from octoworker.gateway import faults
from octoworker.gateway.connections import Lines, call
from octoworker.gateway.legacy import answers, form
from octoworker.gateway.legacy.form import Account, Submit
from octoworker.version import __version__

ACCEPTS = {"json": "application/json", "xml": "application/xml, text/xml"}

ROOM_PER_RECIPIENT = 300
"""Bytes of an answer that each recipient may take. One takes about 150 in XML."""

CHUNK = 16 * 1024
"""Bytes read at once."""

T = TypeVar("T")


@dataclass(frozen=True)
class _Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes


class Gateway:
    """The way to one account. Make it after the fork; share it between threads; close it.

    `pool_size` connections are kept open. Opens none before the first call.
    """

    def __init__(self, account: Account, *, pool_size: int) -> None:
        self._account = account
        self._lines = Lines(pool_connections=1, pool_maxsize=pool_size, max_retries=0, pool_block=False)
        self._route = _route(account.url)
        headers = {
            "User-Agent": f"octoworker/{__version__}",
            "Accept": ACCEPTS[account.format],
            "Accept-Encoding": "identity",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        # All calls to one address differ in their body alone: working the rest out each time costs more than sending it.
        self._blanks = {
            what: requests.Request("POST", form.address(account, what), headers).prepare() for what in form.CALLS
        }

    def submit(self, order: Submit) -> answers.Answer:
        """Hand one message over. Octopush took it: at least one recipient may still have been rejected.

        Raises exactly one of UnreachableError, BusyError, RefusedByOctopushError (all proven: not sent),
        DuplicateKeyError (120) or MaybeSentError. Ends within the account's total timeout, but for a name server
        that hangs, which nobody can hurry: the request then does not leave any more.
        """

        def exchange() -> answers.Answer | GatewayError:
            room = self._account.max_answer_bytes + ROOM_PER_RECIPIENT * len(order.recipients)
            reply = self._post("sms", form.submit(self._account, order), room)
            refusal = faults.of_status(reply.status, reply.headers)
            return refusal or answers.of_submit(reply.body, self._account.format, order.recipients)

        return _told(self._attempt(exchange))

    def balance(self) -> dict[str, Decimal]:
        """How many SMS are left, by kind (FR, XXX).

        Raises RefusedByOctopushError, BusyError or UnreachableError: a question sends nothing, so there is no maybe.
        """
        return self._ask("balance", answers.of_balance)

    def credit(self) -> Decimal:
        """Euros left. Raises what `balance` raises."""
        return self._ask("credit", answers.of_credit)

    def close(self) -> None:
        """Close all connections."""
        self._lines.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _ask(self, what: form.Call, read: Callable[[bytes, answers.Format], T | GatewayError]) -> T:
        def exchange() -> T | GatewayError:
            reply = self._post(what, form.question(self._account), self._account.max_answer_bytes)
            return faults.of_status(reply.status, reply.headers) or read(reply.body, self._account.format)

        found = self._attempt(exchange)
        return _told(UnreachableError(found.reason) if isinstance(found, MaybeSentError) else found)

    def _attempt(self, exchange: Callable[[], T | GatewayError]) -> T | GatewayError:
        call.begin(self._account.total_timeout, self._account.max_idle)
        try:
            return exchange()
        except Exception as error:  # noqa: BLE001 - an error nobody foresaw came after the request: it is a maybe too
            return faults.of_exception(error, unsent=call.unsent)

    def _post(self, what: form.Call, body: bytes, room: int) -> _Reply:
        """Straight to the adapter: a session would follow, or read ahead of, redirects, and keep cookies."""
        request = self._blanks[what].copy()
        request.prepare_body(body, files=None)
        timeouts = (self._account.connect_timeout, self._account.read_timeout)
        # From here on only the lines may claim that nothing left.
        call.unsent = False
        with closing(self._lines.send(request, stream=True, timeout=timeouts, **self._route)) as response:
            good = response.status_code == requests.codes.ok
            return _Reply(response.status_code, response.headers, _body(response, room) if good else b"")


def _route(url: str) -> Mapping[str, Any]:
    """Proxy and certificates, as the environment has them now: looking at each call takes longer than the call's own work.

    Plain http goes to this machine only (the settings see to it). Through a proxy it would carry the key in clear.
    """
    with requests.Session() as session:
        found = session.merge_environment_settings(url, {}, stream=True, verify=None, cert=None)
    proxies = found["proxies"] if url.startswith("https:") else {}
    return {"proxies": proxies, "verify": found["verify"]}


def _body(response: requests.Response, room: int) -> bytes:
    body = bytearray()
    for chunk in response.iter_content(CHUNK):
        body += chunk
        if len(body) > room:
            raise faults.TooLongError
    return bytes(body)


def _told(found: T | GatewayError) -> T:
    if isinstance(found, GatewayError):
        raise found
    return found
