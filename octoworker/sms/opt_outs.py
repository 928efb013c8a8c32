"""Opt-outs: how a number stands in the list, and which answers mean STOP. Pure.

A number is kept as a keyed hash: whoever reads Redis without the key cannot try all numbers of a country. New entries take
the first key; a number is looked for under all of them, and under none, so that a key may be set and changed at any time.
"""

from __future__ import annotations

import hmac
import unicodedata
from collections.abc import Collection, Sequence
from functools import lru_cache
from hashlib import sha256
from typing import Literal

Source = Literal["stop", "reply", "blacklisted", "operator", "import"]
Scope = Literal["marketing", "all"]
"""What the person wants none of. Nobody but an operator says `all`."""

PURPOSE = b"octoworker opt-outs"
"""Another use of the same key hashes the same number to something else."""

FREQUENCY = b"octoworker marketing of a week"
"""Of a number in the weekly cap."""

DIGITS = 32
"""Hex digits of a hash: 128 bits, so that two numbers never share one."""

REASON = "opted_out"
"""Why a message to such a number is rejected, or was cancelled while it waited."""

STOP_WORDS = frozenset(
    {
        *("stop", "stopsms", "stop sms", "stop pub", "stopall", "stop all", "arret", "arreter"),
        *("desabonnement", "desabonner", "desinscription", "desinscrire", "unsubscribe", "optout", "opt out"),
    }
)
"""Whole answers, in small letters without accents and signs."""


def hashes(number: str, keys: Sequence[str], use: bytes = PURPOSE) -> list[str]:
    """What an E.164 number stands in the list as: under the first key for new entries, under the others for old ones."""
    return [hash_of(number, key, use) for key in dict.fromkeys([*keys, ""])]


def hash_of(word: str, key: str, use: bytes) -> str:
    """Of one word under one key, for one use."""
    return hmac.digest(_subkey(key, use), word.encode(), "sha256").hex()[:DIGITS]


def is_stop(text: str, more: Collection[str] = ()) -> bool:
    """Whether an answer is a STOP: the whole of it, however it is written. "I cannot stop laughing" is none."""
    bare = plain(text)
    return bare in STOP_WORDS or bare in {plain(each) for each in more}


def plain(text: str) -> str:
    """An answer without accents, case and signs, its words apart by one blank. Long ones are no STOP."""
    folded = unicodedata.normalize("NFKD", text[:100]).casefold()
    letters = "".join(each if each.isalnum() else " " for each in folded if not unicodedata.combining(each))
    return " ".join(letters.split())


@lru_cache(maxsize=64)
def _subkey(key: str, use: bytes) -> bytes:
    return hmac.new(key.encode(), use, sha256).digest()
