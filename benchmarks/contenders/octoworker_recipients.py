"""octoworker, one message for 500 recipients: one call, 500 SMS."""

from __future__ import annotations

from contenders import sending
from contenders.octoworker_single import run
from octoworker.client.client import Client

__all__ = ["prepare", "run"]

EACH = 500


def prepare(count):
    client = Client()
    for _ in range(count):
        client.enqueue({"recipients": sending.numbers(EACH), "text": sending.TEXT, "transactional": True})
