"""What a message must be for a provider to take it. It differs between APIs, so it is asked for and not known here."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Protocol

from octoworker.errors import Fault


class TextRules(Protocol):
    """The rules of one API. Each dialect of the gateway has some (`gateway.values.Rules`)."""

    @property
    def max_length(self) -> int:
        """Counted units in the longest text."""

    @property
    def low_cost_length(self) -> int:
        """Counted units in the longest low cost text."""

    @property
    def max_recipients(self) -> int:
        """Recipients of one message."""

    @property
    def stop_mentions(self) -> tuple[str, ...]:
        """Ways to write the STOP mention that marketing to France needs; the first is the one to advise."""

    @property
    def stop_advice(self) -> str:
        """How to write it, as an order."""

    @property
    def placeholders(self) -> tuple[str, ...]:
        """What the API would put something else in place of, anywhere in a text."""

    @property
    def reply_price(self) -> Decimal:
        """What each recipient of a message that can be answered costs beside the segments."""

    @property
    def codes(self) -> Mapping[Fault, str]:
        """The code with which the API itself would refuse such a message."""
