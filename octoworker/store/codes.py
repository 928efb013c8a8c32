"""One-time codes in Redis: which verification of a number is open, how often its code went, and how often it was guessed at."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from octoworker.store.scripts import Scripts
from octoworker.store.units import instant, span_ms

Guard = Literal["off", "monitor", "refuse"]
Begun = Literal["send", "same", "spent", "refused"]
Guess = Literal["ok", "wrong", "expired", "locked"]

LIFE = timedelta(minutes=5)
AGAIN = timedelta(seconds=30)
"""Before the code may go once more."""
SENDS = 5
CHECKS = 5


@dataclass(frozen=True)
class Verification:
    """What became of a request for a code."""

    outcome: Begun
    id: str
    send: int
    """How often the code has gone, this time included."""
    key: str
    """The name of the key that it is made with."""
    suspicion: str
    """Why the guard suspects it; "" when it does not."""
    resend_at: datetime
    expires_at: datetime


class Codes:
    """The verifications of one Redis."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts

    def start(
        self, new_id: str, places: Sequence[str], key: str, *, country: str, address: str, guard: Guard
    ) -> Verification:
        """Open a verification, or go on with the one that is open. One round trip. StoreError: nothing is known."""
        request = {
            "id": new_id,
            "places": list(places),
            "key": key,
            "country": country,
            "address": address,
            "life": span_ms(LIFE),
            "again": span_ms(AGAIN),
            "sends": SENDS,
            "checks": CHECKS,
            "guard": guard,
        }
        outcome, text = self._scripts.run("start_code", [], [json.dumps(request)])
        found = json.loads(text)
        return Verification(
            outcome,
            found["id"],
            found["send"],
            found["key"],
            found["suspicion"],
            instant(found["resend_at"]),
            instant(found["expires_at"]),
        )

    def check(self, verification: str, guesses: Mapping[str, bool]) -> tuple[Guess, int]:
        """One guess, and how many are left. StoreError: it may have been counted, and nobody was told that it is right."""
        outcome, *left = self._scripts.run("check_code", [], [verification, json.dumps(dict(guesses))])
        return outcome, int(left[0]) if left else 0
