"""A code that another library has drawn, as a message: urgent, gone by its end, and its text gone from the record once it is over."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from octoworker.client.client import client
from octoworker.sms import identity

LIFE = timedelta(minutes=5)
"""For which a code is good in most libraries; a message that is late is not sent."""


def send_code(phone: str, text: str, life: timedelta = LIFE) -> str:
    """Take the message, and return its id. At once, also inside a transaction: somebody waits for it. EnqueueError: it is not taken."""
    message_id = identity.new_message_id()
    message = {
        "recipients": phone,
        "text": text,
        "transactional": True,
        "lane": "urgent",
        "expires_at": datetime.now(UTC) + life,
    }
    client().enqueue_code(message, message_id)
    return message_id
