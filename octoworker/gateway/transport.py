"""One HTTP exchange: a request goes out, a whole reply comes back, or the one error that says what is proven.

An exchange is decided as a value first and raised last, outside of every `except`. So no error of ours carries another
in its context, and with it the request, which holds the numbers, the text and the key.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any, TypeVar

import requests

from octoworker.errors import GatewayError
from octoworker.gateway import faults
from octoworker.gateway.connections import Connections, call
from octoworker.gateway.values import Account
from octoworker.version import __version__

USER_AGENT = f"octoworker/{__version__}"

CHUNK = 16 * 1024
"""Bytes read at once."""

PLAIN = "identity"
"""The one encoding of an answer that is asked for."""

T = TypeVar("T")


@dataclass(frozen=True)
class Reply:
    """`body` is empty when nobody asked for the body of such a status."""

    status: int
    headers: Mapping[str, str]
    body: bytes


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

    def exchanged(self, request: requests.PreparedRequest, *, room: int, read: Collection[int]) -> Reply:
        """Send, and read the body when its status is one of `read`: at most `room` bytes. Only inside `attempt`.

        Straight to the adapter: a session would follow, or read ahead of, redirects, and keep cookies.
        """
        timeouts = (self._account.connect_timeout, self._account.read_timeout)
        # From here on only the connections may claim that nothing left.
        call.unsent = False
        with closing(self._connections.send(request, stream=True, timeout=timeouts, **self._route)) as response:
            wanted = response.status_code in read
            return Reply(response.status_code, response.headers, _body(response, room) if wanted else b"")

    def close(self) -> None:
        """Close all connections."""
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


def _body(response: requests.Response, room: int) -> bytes:
    """At most `room` bytes, as they came: none is decompressed, for a kilobyte may hold hundreds of megabytes."""
    if response.headers.get("Content-Encoding", PLAIN).strip().lower() not in ("", PLAIN):
        raise faults.EncodedError
    body = bytearray()
    for chunk in response.raw.stream(CHUNK, decode_content=False):
        body += chunk
        if len(body) > room:
            raise faults.TooLongError
    return bytes(body)
