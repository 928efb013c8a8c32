"""What the settings say about messages. It costs a web app nothing to import."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Policy:
    """What the settings say about messages. Without `countries` an SMS may go anywhere.

    `FR` in `countries` stands for the French plan: it includes GP, GF, MQ, RE, YT, BL and MF, but not PM, NC and PF.
    """

    sender: str | None = None
    sms_type: str = "FR"
    region: str = "FR"
    countries: frozenset[str] = frozenset()
    allow_possible: bool = False
    """Take a number whose length fits but that the number plan does not list: plans on disk grow old."""
    max_recipients: int = 500
    """Octopush's advice for one call: above 500 it sees a growing risk of loss (docs/octopush.md#recipients-in-one-call)."""
    strict: bool = False
    """Refuse a whole message when one of its numbers cannot be read. Otherwise the others get theirs."""
