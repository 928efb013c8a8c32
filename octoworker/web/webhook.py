"""One event is posted to an address of the web app, as Standard Webhooks (standardwebhooks.com) describe it.

1. The signature covers `id.timestamp.body`, so nobody can change or repeat any of them; the id is the same in every try.
2. While one secret replaces another it is signed with both, with a blank in between.
3. Only 2xx says that it was taken. A redirect is followed nowhere: the address comes from the settings alone.
"""

from __future__ import annotations

import contextlib
import hmac
from base64 import b64decode, b64encode
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from hashlib import sha256

import requests

from octoworker.gateway.connections import Connections, call
from octoworker.gateway.transport import USER_AGENT, route

TIMEOUT = 15.0
"""Seconds from the first byte out to the status of the answer."""

CONNECT = 5.0
"""Seconds to open a connection."""

MAX_IDLE = 30.0
"""Seconds after which a quiet connection is not used any more."""

SMALL = 16 * 1024
"""Bytes of an answer that are read, so that its connection can be used again. Nobody looks at them."""

GONE = 410
ASK_TO_WAIT = frozenset({429, 502, 503, 504})
"""Statuses that mean: less of it, for a while."""

LONGEST_REST = timedelta(hours=1)
"""The longest wait that an address may ask for."""


@dataclass(frozen=True)
class Posted:
    """What a post was answered. `status` is None when there was no answer in time."""

    status: int | None
    rest: timedelta = timedelta(0)
    """For so long the address wants to be left alone."""
    fault: str = ""
    """Without an answer: the kind of failure."""

    @property
    def taken(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


class WebApp:
    """The address, over connections of its own. Share it between threads; close it."""

    def __init__(self, url: str, secrets: Sequence[str], connections: int) -> None:
        self._url = url
        self._keys = [key_of(secret) for secret in secrets]
        self._connections = Connections(pool_connections=1, pool_maxsize=connections, max_retries=0)
        self._route = route(url)
        self.name = sha256(url.encode()).hexdigest()[:16]
        """Tells this address from another one, and shows nothing of it."""

    def post(self, event_id: str, body: bytes, now: datetime) -> Posted:
        """Post it once. Never raises for what the other side does. `now`: a sound clock's, for receivers compare it with theirs."""
        timestamp = str(int(now.timestamp()))
        headers = {
            "content-type": "application/json",
            "user-agent": USER_AGENT,
            "webhook-id": event_id,
            "webhook-timestamp": timestamp,
            "webhook-signature": " ".join(signature(key, event_id, timestamp, body) for key in self._keys),
        }
        request = requests.Request("POST", self._url, data=body, headers=headers).prepare()
        call.begin(TIMEOUT, MAX_IDLE)
        try:
            # Straight to the adapter: a session would follow redirects and keep cookies.
            with closing(
                self._connections.send(request, stream=True, timeout=(CONNECT, TIMEOUT), **self._route)
            ) as response:
                with contextlib.suppress(Exception):
                    response.raw.read(SMALL, decode_content=False)
                return Posted(response.status_code, rest(response, now))
        except Exception as error:  # noqa: BLE001 - whatever it is, the event was not taken as far as we know
            return Posted(None, fault=type(error).__name__)

    def close(self) -> None:
        self._connections.close()


def signature(key: bytes, event_id: str, timestamp: str, body: bytes) -> str:
    """`v1,` and the HMAC of `id.timestamp.body`."""
    signed = b".".join((event_id.encode(), timestamp.encode(), body))
    return "v1," + b64encode(hmac.new(key, signed, sha256).digest()).decode()


def key_of(secret: str) -> bytes:
    """The bytes behind `whsec_`. The settings have seen to it that they can be read."""
    return b64decode(secret.removeprefix("whsec_"))


def rest(response: requests.Response, now: datetime) -> timedelta:
    """What `Retry-After` asks for, in seconds or as a date; nothing with any other status."""
    said = response.headers.get("Retry-After", "").strip()
    if response.status_code not in ASK_TO_WAIT or not said:
        return timedelta(0)
    try:
        wait = timedelta(seconds=int(said)) if said.isdigit() else _instant(said) - now
    except (ValueError, TypeError, OverflowError):
        return timedelta(0)
    return min(max(wait, timedelta(0)), LONGEST_REST)


def _instant(said: str) -> datetime:
    at = parsedate_to_datetime(said)
    return at if at.tzinfo else at.replace(tzinfo=UTC)
