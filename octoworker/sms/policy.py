"""What the settings say about messages. It costs a web app nothing to import."""

from __future__ import annotations

from dataclasses import dataclass

from octoworker.sms.rules import TextRules


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
    strict: bool = False
    """Refuse a whole message when one of its numbers cannot be read. Otherwise the others get theirs."""
    read_for: str = ""
    """The region for which a message's numbers were read where it was taken. That reading is final: what was no number there
    is none here."""
    rules: TextRules | None = None
    """What the API asks of a message. A producer that only reads numbers needs none."""
