"""One POST to an address of this machine, measured."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import SplitResult, urlsplit

from octoworker.sandbox.loopback import is_loopback

PATIENCE = 10.0
"""Seconds. Octopush wants an answer within one; how long it waits is not documented."""
LARGEST_BODY = 1024 * 1024
"""Bytes read of an answer that should have none."""


@dataclass(frozen=True)
class Answer:
    """What came back: `status` None and a word in `error` when nothing did."""

    status: int | None
    seconds: float
    size: int = 0
    error: str = ""

    @property
    def good(self) -> bool:
        """Whether the event was taken."""
        return self.status is not None and 200 <= self.status < 300


def carry(url: str, content_type: str, body: bytes) -> Answer:
    """Post and wait for the whole answer. Never raises, and never calls another machine."""
    started = time.monotonic()
    try:
        status, size = _post(urlsplit(url), content_type, body)
    except (OSError, HTTPException, ValueError) as error:
        return Answer(None, time.monotonic() - started, error=_word(error))
    return Answer(status, time.monotonic() - started, size)


def _post(url: SplitResult, content_type: str, body: bytes) -> tuple[int, int]:
    if not is_loopback(url.hostname):
        raise ValueError("the address is not on this machine, so it was not called")
    connection = HTTPSConnection if url.scheme == "https" else HTTPConnection
    with closing(connection(url.hostname or "", url.port, timeout=PATIENCE)) as line:
        target = url._replace(scheme="", netloc="", fragment="").geturl() or "/"
        line.request("POST", target, body, {"Content-Type": content_type, "Connection": "close"})
        answer = line.getresponse()
        return answer.status, len(answer.read(LARGEST_BODY))


def _word(error: Exception) -> str:
    if isinstance(error, ValueError):
        return str(error)
    return "too late" if isinstance(error, TimeoutError) else type(error).__name__
