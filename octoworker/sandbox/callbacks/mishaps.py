"""How the receipts of one message can go astray. Each mishap is a function from the steps as they should be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

DELIVERED = "DELIVERED"
UNDELIVERED = "UNDELIVERED"
"""Stands for the word that the settings name."""


@dataclass(frozen=True)
class Step:
    """One receipt: its word, whether it is late, whether it comes before the caller has its answer."""

    word: str
    late: bool = False
    early: bool = False


Steps = tuple[Step, ...]

USUAL: Steps = (Step("ACK"), Step(DELIVERED))
BLOCKED: Steps = (Step("BLACKLISTED_NUMBER"),)


def _ending(word: str) -> Callable[[Steps], Steps]:
    return lambda steps: tuple(replace(step, word=word) if step.word == DELIVERED else step for step in steps)


MISHAPS: dict[str, Callable[[Steps], Steps]] = {
    "undelivered": _ending(UNDELIVERED),
    "unknown": _ending("TELEPORTED"),
    "no_ack": lambda steps: tuple(step for step in steps if step.word != "ACK"),
    "swapped": lambda steps: steps[::-1],
    "twice": lambda steps: tuple(step for each in steps for step in (each, each)),
    "late": lambda steps: tuple(replace(step, late=True) for step in steps),
    "early": lambda steps: tuple(replace(step, early=True) for step in steps),
    "lost": lambda _: (),
}
"""In the order they are applied. `swapped` is an ACK after the end, `unknown` a word that no document has."""
