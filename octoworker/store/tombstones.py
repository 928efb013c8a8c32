"""What is left of a message that ended long ago, where memory is short: enough never to send it again, and to explain the bill.

Off unless a setting says after how long. The record keeps its time to live: what makes a repeat the same message stands as long
as ever, and what a person may want to read goes sooner. Then no search by number or reference finds it, for neither is left.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, TypeGuard

from octoworker.sms import terms
from octoworker.store.scripts import Scripts
from octoworker.store.units import span_ms

SLICE = 100
"""Messages of one state in one step: some 3 ms of Redis."""


class Tombstones:
    """Shortens records, a slice at a time."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts

    def shorten(self, after: timedelta, number_keys: Sequence[str] = ()) -> bool:
        """Shorten some of what has not moved for so long and is over. True: there is more. StoreError: Redis is away.

        `number_keys`: those of the index by number. Who ends before the second step leaves members there until their records go.
        """
        _, more, *were = self._scripts.run("shorten", [], [json.dumps({"after": span_ms(after), "slice": SLICE})])
        gone = {message_id: hashes for message_id, hashes in _found_by(were, number_keys) if hashes}
        if gone:
            self._scripts.run("shorten", [], [json.dumps({"gone": gone})])
        return bool(more)


def _found_by(were: Sequence[str], number_keys: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """Of each message what it was found by, under each key."""
    for message_id, payload, outcomes in zip(*[iter(were)] * 3, strict=True):
        asked = _object(payload)
        listed, reference = asked.get("recipients"), asked.get("reference")
        # As they were read; and as they were written, of what was never read.
        numbers = {*_object(outcomes), *(each for each in (listed if isinstance(listed, list) else [listed]) if each)}
        found = [hashed for each in numbers if _is_word(each) for hashed in terms.of_number(each, number_keys)]
        if _is_word(reference):
            found += terms.of_reference(reference, number_keys)
        yield message_id, [*found, *terms.of_unread(number_keys)] if found else []


def _is_word(value: object) -> TypeGuard[str]:
    """Nothing else was ever hashed: what was refused may stand there as anything."""
    return isinstance(value, str) and value != "" and value.isprintable()


def _object(text: str) -> Mapping[str, Any]:
    try:
        value = json.loads(text or "{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
