"""The STOP mention, which each API wants to read in its own spelling."""

from __future__ import annotations

import re
from functools import lru_cache

SPELLINGS = ("STOP au XXXXX", "STOP au 30101")
"""With five X, in whose place the older API puts the operator's short number; and with the short number of Octopush, which
the newer one asks for. Both have the same length, so no count changes."""


def written(text: str, spelling: str) -> str:
    """The text with every mention in this spelling."""
    return _any().sub(spelling, text)


@lru_cache(1)
def _any() -> re.Pattern[str]:
    """A mention as a word of its own."""
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, SPELLINGS))})(?!\w)")
