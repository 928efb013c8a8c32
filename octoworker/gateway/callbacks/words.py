"""The operator's words in receipts, and what each means for a recipient.

Sources: the tables of statuses on the pages on acknowledge-receipt (both generations) and in the newer reference; the words
that published clients handle beside them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

LONGEST = 40
"""Characters of a word. Whatever is longer is cut: nobody knows it anyway."""


class Delivery(StrEnum):
    """What a word says about the handset."""

    NOTHING = "nothing"
    """No information, or a word that nobody knows: it is noted and moves nothing."""
    UNDERWAY = "underway"
    UNDELIVERED = "undelivered"
    DELIVERED = "delivered"


@dataclass(frozen=True)
class Word:
    """One word. `meaning` is a short phrase, safe to show."""

    word: str
    delivery: Delivery
    meaning: str
    opted_out: bool = False
    """The number said STOP to this account before."""


_TABLE = (
    Word("ACK", Delivery.UNDERWAY, "the first operator has it"),
    Word("TRANSMITTED", Delivery.UNDERWAY, "on its way"),
    Word("PROCESSED", Delivery.UNDERWAY, "on its way"),
    Word("ISP_SEND", Delivery.UNDERWAY, "on its way"),
    Word("DELIVERED", Delivery.DELIVERED, "on the handset"),
    Word("READ", Delivery.DELIVERED, "on the handset, and read"),
    Word("NOT_DELIVERED", Delivery.UNDELIVERED, "the handset was not reached"),
    Word("EXPIRED", Delivery.UNDELIVERED, "the handset was not reached in time"),
    Word("OUT_OF_DATE", Delivery.UNDELIVERED, "the handset was not reached in time"),
    Word("BAD_DESTINATION", Delivery.UNDELIVERED, "there is no such number"),
    Word("INVALID_DESTINATION_ADDRESS", Delivery.UNDELIVERED, "there is no such number"),
    Word("NOT_ALLOWED", Delivery.UNDELIVERED, "its operator refused it"),
    Word("ANTI_FLOODING", Delivery.UNDELIVERED, "too many alike went to this number"),
    Word("BLACKLISTED_NUMBER", Delivery.UNDELIVERED, "this number said STOP before; nothing was sent", opted_out=True),
    Word("UNKNOWN_DELIVERY", Delivery.NOTHING, "the operator says that it does not know"),
    Word("UNDEFINED", Delivery.NOTHING, "the operator says nothing"),
)

WORDS: Mapping[str, Word] = {each.word: each for each in _TABLE}
"""Every word that is known. They are a bounded set, so that they may stand in a metric."""

_NO_LETTER = re.compile(r"[^A-Z0-9]+")


def spelled(text: str) -> str:
    """A word as the table spells it, and no longer than it may be: `not delivered` is NOT_DELIVERED."""
    return _NO_LETTER.sub("_", text[: 2 * LONGEST].upper()).strip("_")[:LONGEST]


def meaning(word: str) -> Word:
    """What a word means. Never raises: one that is not listed says nothing."""
    return WORDS.get(word) or Word(word, Delivery.NOTHING, "a word that is not known")
