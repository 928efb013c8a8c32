"""Under what a message is found by a number, or by its caller's reference: hashes that tell nothing without the key. Pure.

The key is that of the list of opt-outs, which workers have and producers need not. New entries take the first key; a search asks
for all of them, and for none, so that a key may be set and changed at any time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from octoworker.sms.opt_outs import hash_of

NUMBER = b"octoworker find by number"
REFERENCE = b"octoworker find by reference"
"""The same key hashes the same word to something else for each use: no two lists can be laid side by side."""

DIGITS = 12
"""Hex digits: 48 bits. Of ten million messages one in thirty million searches looks at one record too many, and sees that it is not
meant."""


def of_message(numbers: Iterable[str], reference: object, keys: Sequence[str], *, unread: bool = False) -> list[str]:
    """Those of a message to these E.164 numbers. `unread`: it also names somebody in another way."""
    key = keys[0] if keys else ""
    found = [hash_of(each, key, NUMBER)[:DIGITS] for each in dict.fromkeys(numbers)]
    if unread:
        found.append(hash_of("", key, NUMBER)[:DIGITS])
    if isinstance(reference, str) and reference:
        found.append(hash_of(reference, key, REFERENCE)[:DIGITS])
    return found


def of_number(number: str, keys: Sequence[str]) -> list[str]:
    """All under which a message to it may be found."""
    return _each(number, keys, NUMBER)


def of_reference(reference: str, keys: Sequence[str]) -> list[str]:
    """All under which a message with it may be found."""
    return _each(reference, keys, REFERENCE)


def of_unread(keys: Sequence[str]) -> list[str]:
    """All under which a message may be found in which somebody is named in a way that no number could be read from."""
    return _each("", keys, NUMBER)


def _each(word: str, keys: Sequence[str], use: bytes) -> list[str]:
    return [hash_of(word, key, use)[:DIGITS] for key in dict.fromkeys([*keys, ""])]
