"""What we ask of Octopush: whose account, what order, and the form fields they become (sections 1 and 2 of our notes).

Everything goes in the body of a POST. Octopush also takes a query string, but addresses end up in the logs of every
proxy on the way, and a key or a number has no place there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args
from urllib.parse import urlencode

Call = Literal["sms", "balance", "credit"]
CALLS: tuple[Call, ...] = get_args(Call)


@dataclass(frozen=True)
class Account:
    """Whose account, where, and how patient we are with it. Times in seconds."""

    url: str
    """Base address, without a slash at its end. The settings allow plain http only to this machine."""
    user_login: str = field(repr=False)
    api_key: str = field(repr=False)
    format: Literal["json", "xml"]
    connect_timeout: float
    """To open a connection, for each address of the server; the TLS handshake has as long again."""
    read_timeout: float
    """Longest silence while we wait for the answer."""
    total_timeout: float
    """From the call to the last byte of its answer. No request leaves after it."""
    simulate: bool
    max_answer_bytes: int = 256 * 1024
    """Largest answer read, not counting what its recipients need. Real ones are below 1 KB."""
    max_idle: float = 30.0
    """A connection unused for longer is opened anew. Routers forget quiet connections without a word, and a request
    into the void looks like a maybe."""


@dataclass(frozen=True)
class Submit:
    """One message for one call, ready to be written as a form."""

    key: str
    """Sent as `request_id`: letters and digits only, for Octopush's own clients strip everything else (2.2)."""
    recipients: tuple[str, ...] = field(repr=False)
    """E.164 with `+`, each once."""
    text: str = field(repr=False)
    sms_type: str
    sender: str | None
    transactional: bool
    sending_date: int | None
    """Plain Unix seconds, whatever "GMT+1" in the documentation suggests (section 3). None: at once."""


def address(account: Account, call: Call) -> str:
    """Where a call goes: Octopush answers in JSON below `/json`, in XML above it (1.1)."""
    ending = {"json": "/json", "xml": ""}[account.format]
    return f"{account.url}/{call}{ending}"


def submit(account: Account, order: Submit) -> bytes:
    """The form of `/sms`. Raises UnicodeEncodeError when the text holds half a character."""
    deferred = order.sending_date is not None
    return _encoded(
        account,
        {
            "sms_recipients": ",".join(order.recipients),
            "sms_text": order.text,
            "sms_type": order.sms_type,
            # Low cost SMS show a random number: Octopush documents the sender for the other types only.
            "sms_sender": order.sender if order.sms_type != "XXX" else None,
            "request_id": order.key,
            "transactional": "1" if order.transactional else None,
            # The documented pair. `sending_time` means the same; which of the two wins is nowhere said.
            "sms_mode": "2" if deferred else None,
            "sending_date": str(order.sending_date) if deferred else None,
            "request_mode": "simu" if account.simulate else None,
        },
    )


def question(account: Account) -> bytes:
    """The form of `/balance` and `/credit`."""
    return _encoded(account, {})


def _encoded(account: Account, fields: Mapping[str, str | None]) -> bytes:
    everything = {"user_login": account.user_login, "api_key": account.api_key, **fields}
    return urlencode({name: value for name, value in everything.items() if value is not None}).encode("ascii")
