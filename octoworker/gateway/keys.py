"""How a request key is spelled, for every API that takes letters and digits."""

from __future__ import annotations

import string


def spelled(message_id: str, generation: int) -> str:
    """The message's id, which is 32 hex digits, and the generation in letters: a, b, ... z, ba, bb, ..."""
    letters = ""
    while True:
        generation, digit = divmod(generation, 26)
        letters = string.ascii_lowercase[digit] + letters
        if not generation:
            return message_id + letters
