"""Events of processes that are no worker: what a web app or a person at the command line did to a message.

They go to the standard library's logger `octoworker`, so they appear where the web app's own records do, and cost next
to nothing where nobody listens. Workers have `log`, which is faster and takes these in as well.
"""

from __future__ import annotations

import contextlib
import logging

LOGGER = logging.getLogger("octoworker")

FIELDS = ("message_id", "lane", "correlation", "count", "was", "revealed")
"""What these events carry, as attributes of their record."""


def emit(name: str, **fields: object) -> None:
    """One event. Never raises: what it reports has happened already."""
    if LOGGER.isEnabledFor(logging.INFO):
        with contextlib.suppress(Exception):
            LOGGER.info(name, extra={key: value for key, value in fields.items() if value not in (None, "")})
