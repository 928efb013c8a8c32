"""How Octopush misbehaves: by chance for each person, so that each share is one of calls and not of minutes."""

from __future__ import annotations

import random
import threading
from collections import Counter
from dataclasses import dataclass


@dataclass(frozen=True)
class Shares:
    """`ambiguous` and `refused` are shares of calls, `late` is in seconds; `burnt`: a refused call uses its key up."""

    ambiguous: float
    refused: float
    late: float
    burnt: bool = False
    apis: tuple[str, ...] = ("legacy",)
    """The API that is spoken, and the one that is changed to."""


def ambiguous(late):
    """Whether it was taken cannot be seen: it was, was not, or will be when the caller has gone."""
    return (
        {"fault": "hang_after", "seconds": 1.5},
        {"fault": "hang_before", "seconds": 1.5},
        {"fault": "reset_before"},
        {"fault": "reset_after"},
        {"fault": "cut"},
        {"fault": "html", "accept": True},
        {"fault": "html", "accept": False},
        {"fault": "status", "status": 500, "accept": True},
        {"fault": "status", "status": 502, "accept": False},
        {"fault": "code", "code": "500"},
        {"fault": "drip", "seconds": 0.05},
        {"fault": "slow", "seconds": late},
        {"fault": "late_booking", "seconds": late},
    )


REFUSED = (
    {"fault": "code", "code": "153"},
    {"fault": "code", "code": "128"},
    {"fault": "code", "code": "104"},
    {"fault": "status", "status": 429, "retry_after": "1"},
)
"""Refused, and worth another try; 104 (no credit) stops the account for a while."""


NOT_OF_A_RECALL = ("late_booking", "slow")
"""Of a send alone; and longer than a recall's time."""


class Weather:
    """Scripts the sandbox. Safe to share between producers."""

    def __init__(self, sandbox, shares, seed):
        self._sandbox, self._shares = sandbox, shares
        self._chance = random.Random(seed)
        self._lock = threading.Lock()
        self._ambiguous = ambiguous(shares.late)
        self.calm = False
        self.counts = Counter()
        sandbox.settings(consume_on_refusal=shares.burnt)

    def forecast(self, number):
        """What the calls to this person will meet: each with its own chance, until one is spared."""
        with self._lock:
            while not self.calm and (fault := self._drawn()):
                self.counts[fault.get("code") or fault["fault"]] += 1
                self._sandbox.fault(**fault, recipient=number)

    def forecast_of_a_recall(self):
        """What the next call to cancel meets."""
        with self._lock:
            dice = self._chance.random()
            if self.calm or dice > self._shares.ambiguous + self._shares.refused:
                return
            lost = [each for each in self._ambiguous if each["fault"] not in NOT_OF_A_RECALL]
            fault = self._chance.choice(lost) if dice < self._shares.ambiguous else {"fault": "code", "code": "104"}
            self.counts[f"cancel: {fault.get('code') or fault['fault']}"] += 1
            self._sandbox.fault(**fault, call="cancel")

    def _drawn(self):
        dice = self._chance.random()
        if dice < self._shares.ambiguous:
            return self._chance.choice(self._ambiguous)
        return self._chance.choice(REFUSED) if dice < self._shares.ambiguous + self._shares.refused else None
