"""One HTTP exchange: a request goes out, a whole reply comes back, or the one error that says what is proven.

An exchange is decided as a value first and raised last, outside of every `except`. So no error of ours carries another
in its context, and with it the request, which holds the numbers, the text and the key.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import cached_property
from typing import Any, TypeVar, cast

import requests

from octoworker.errors import GatewayError
from octoworker.gateway import faults
from octoworker.gateway.connections import Connections, Limits, Reply, Request, call
from octoworker.gateway.values import Account
from octoworker.version import __version__

USER_AGENT = f"octoworker/{__version__}"

T = TypeVar("T")


class Transport:
    """The connections to one account. Share it between threads; close it. It opens none before its first exchange."""

    def __init__(self, account: Account, *, pool_size: int) -> None:
        self._account = account
        self._connections = Connections(pool_connections=1, pool_maxsize=pool_size, max_retries=0, pool_block=False)
        self._route = route(account.url)

    def attempt(self, exchange: Callable[[], T | GatewayError]) -> T | GatewayError:
        """Run an exchange inside the account's total timeout. What it raises becomes the error that says what is proven."""
        call.begin(self._account.total_timeout, self._account.max_idle)
        try:
            return exchange()
        except Exception as error:  # noqa: BLE001 - an error nobody foresaw came after the request: it is a maybe too
            return faults.of_exception(error, unsent=call.unsent)

    @staticmethod
    def request(method: str, url: str, headers: Mapping[str, str]) -> Request:
        """What goes out at each call to this address, as requests would prepare it."""
        prepared = requests.Request(method, url).prepare()
        mine = {name: value for name, value in prepared.headers.items() if name != "Content-Length"}
        return Request.written(method, prepared.url or url, {**mine, **headers})

    def exchanged(self, request: Request, body: bytes, *, room: int, read: Collection[int]) -> Reply:
        """Send, and read the body when its status is one of `read`: at most `room` bytes. Only inside `attempt`."""
        limits = Limits(self._account.connect_timeout, self._account.read_timeout, room, read)
        return cast("Reply", self._pool.exchange(request, body, limits))

    @cached_property
    def _pool(self) -> Any:
        """The connections to the account's host. It opens none; made late, as what is missing for TLS is an error of a call."""
        request = requests.Request("POST", self._account.url).prepare()
        verify = self._route["verify"]
        pool = self._connections.get_connection_with_tls_context(request, verify, proxies=self._route["proxies"])
        self._connections.cert_verify(pool, self._account.url, verify, None)  # type: ignore[no-untyped-call]
        return pool

    def close(self) -> None:
        """Close all connections."""
        self.__dict__.pop("_pool", None)
        self._connections.close()


def raised(found: T | GatewayError) -> T:
    """What was found, or the error raised. The only place that raises, so that nothing is in its context."""
    if isinstance(found, GatewayError):
        raise found
    return found


def route(url: str) -> Mapping[str, Any]:
    """Proxy and certificates, as the environment has them now: looking at each call takes longer than the call's own work.

    Plain http goes to this machine only (the settings see to it). Through a proxy it would carry the key in clear.
    """
    with requests.Session() as session:
        found = session.merge_environment_settings(url, {}, stream=True, verify=None, cert=None)
    proxies = found["proxies"] if url.startswith("https:") else {}
    return {"proxies": proxies, "verify": found["verify"]}
