"""What we ask of Octopush: the form fields that an account and an order become. Sources: docs/octopush.md.

Everything goes in the body of a POST. Octopush also takes a query string, but addresses end up in the logs of every
proxy on the way, and a key or a number has no place there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal, get_args

from octoworker.gateway import stop
from octoworker.gateway.values import Account, Submit

STOP = stop.SPELLINGS[0]

Call = Literal["sms", "balance", "credit"]
CALLS: tuple[Call, ...] = get_args(Call)


def address(account: Account, call: Call) -> str:
    """Where a call goes: Octopush answers in JSON below `/json`, in XML above it."""
    ending = {"json": "/json", "xml": ""}[account.format]
    return f"{account.url}/{call}{ending}"


def submit(account: Account, order: Submit) -> bytes:
    """The form of `/sms`. Raises UnicodeEncodeError when the text holds half a character."""
    # Plain Unix seconds, whatever "GMT+1" in the documentation suggests: no client shifts it, and a live answer shows it.
    sending_date = None if order.send_at is None else str(int(order.send_at.timestamp()))
    return _encoded(
        account,
        {
            "sms_recipients": ",".join(order.recipients),
            "sms_text": stop.written(order.text, STOP),
            "sms_type": order.sms_type,
            # Low cost SMS show a random number: Octopush documents the sender for the other types only.
            "sms_sender": order.sender if order.sms_type != "XXX" else None,
            "request_id": order.key,
            "transactional": "1" if order.transactional else None,
            "with_replies": "1" if order.with_replies else None,
            # The documented pair. `sending_time` means the same; which of the two wins is nowhere said.
            "sms_mode": "2" if sending_date else None,
            "sending_date": sending_date,
            "request_mode": "simu" if account.simulate else None,
        },
    )


def question(account: Account) -> bytes:
    """The form of `/balance` and `/credit`."""
    return _encoded(account, {})


def _encoded(account: Account, fields: Mapping[str, str | None]) -> bytes:
    everything = {"user_login": account.user_login, "api_key": account.api_key, **fields}
    written = [f"{name}={_quoted(value)}" for name, value in everything.items() if value is not None]
    return "&".join(written).encode("ascii")


_ODD = re.compile(r"[^0-9A-Za-z_.~ \-]+")


def _quoted(value: str) -> str:
    """As urllib's `quote_plus` writes it, which looks at each sign by itself, and took an eighth of a send."""
    return _ODD.sub(_in_hex, value).replace(" ", "+")


def _in_hex(odd: re.Match[str]) -> str:
    return f"%{odd[0].encode().hex('%').upper()}"
