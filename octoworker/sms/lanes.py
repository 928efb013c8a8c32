"""The lanes of messages and their queues. One rule says in which lane a message goes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

LANES = ("urgent", "normal", "bulk")
"""The most urgent first."""

QUEUES: Mapping[str, str] = {"urgent": "sms.urgent", "normal": "sms", "bulk": "sms.bulk"}
"""Queue of each lane. None is Celery's default `celery`, which belongs to the web app."""


def queue_of(lane: str) -> str:
    """Queue of a lane. An unknown lane goes the normal way, where the worker refuses it by name."""
    return QUEUES[known_lane(lane)]


def lane_of(arguments: Mapping[str, Any]) -> str:
    """The lane asked for; else urgent for one recipient of a transactional message, else normal."""
    if lane := arguments.get("lane"):
        return str(lane)
    recipients = arguments.get("recipients")
    alone = isinstance(recipients, str) or (isinstance(recipients, Sequence) and len(recipients) == 1)
    return "urgent" if arguments.get("transactional") is True and alone else "normal"


def known_lane(lane: str) -> str:
    """The lane, or normal when there is none of that name."""
    return lane if lane in QUEUES else "normal"
