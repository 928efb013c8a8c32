"""What v1 is asked: the JSON object that an order becomes. Sources: docs/octopush.md#v1-fields-of-a-send.

v1 ignores a name that it does not know and repairs a value that does not fit, and sends all the same: a misspelt
`simulation_mode` rings a handset, a misspelt `purpose` is marketing. So every name and every value here stands in a table
of the tests.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from octoworker.gateway import stop
from octoworker.gateway.values import Account, Submit

OTHER_STOP, STOP = stop.SPELLINGS

TYPES: Mapping[str, str] = {
    "FR": "sms_premium",
    "XXX": "sms_low_cost",
    # The world-wide type of the older API has no twin: premium goes everywhere.
    "WWW": "sms_premium",
}
"""Always written: it has a default, and no page says which."""

PURPOSES: Mapping[bool, str] = {True: "alert", False: "wholesale"}
"""By `transactional`. Always written: whatever else stands there is taken for marketing."""


def cancel(ticket: str) -> bytes:
    """The body of a cancel."""
    return json.dumps({"ticket_number": ticket}).encode()


def submit(account: Account, order: Submit) -> bytes:
    """The body of a send. Raises UnicodeEncodeError when the text holds half a character."""
    fields = {
        "recipients": [{"phone_number": number} for number in order.recipients],
        "text": stop.written(order.text, STOP),
        "type": TYPES[order.sms_type],
        "purpose": PURPOSES[order.transactional],
        "with_replies": True if order.with_replies else None,
        # Low cost SMS show a random number.
        "sender": order.sender if order.sms_type != "XXX" else None,
        # With its offset: without one it would be read as the time of Paris.
        "send_at": None if order.send_at is None else order.send_at.isoformat(timespec="seconds"),
        "request_id": order.key,
        "simulation_mode": True if account.simulate else None,
    }
    return json.dumps({name: it for name, it in fields.items() if it is not None}, ensure_ascii=False).encode()
