"""Which receipts a message gets, and when: the usual ones, unless a test named its words or a mishap strikes."""

from __future__ import annotations

import random
from dataclasses import replace

from octoworker.sandbox.callbacks.mishaps import BLOCKED, MISHAPS, UNDELIVERED, USUAL, Step, Steps
from octoworker.sandbox.handsets import Message
from octoworker.sandbox.magic import WORDS
from octoworker.sandbox.settings import Settings


def receipts(settings: Settings, message: Message, *, blocked: bool) -> Steps:
    """The receipts of a message, in the order they leave; `blocked` when its number said STOP before."""
    if not message.receipts:
        return ()
    if message.recipient in settings.receipt_words:
        return tuple(Step(word) for word in settings.receipt_words[message.recipient])
    if message.recipient in WORDS and not blocked:
        return tuple(Step(word) for word in WORDS[message.recipient])
    steps = BLOCKED if blocked else USUAL
    for name, mishap in MISHAPS.items():
        if name in settings.receipts and _strikes(name, settings.receipts[name], message):
            steps = mishap(steps)
    return tuple(_worded(step, settings.undelivered_word) for step in steps)


def delay(settings: Settings, step: Step, place: int) -> float:
    """Seconds from the handset to the receipt at this place (from 0)."""
    return settings.receipt_delay * (place + 1) + (settings.late_seconds if step.late else 0.0)


def _strikes(name: str, share: float, message: Message) -> bool:
    """Thrown from the message itself, so that the same run has the same mishaps."""
    return random.Random(f"{name} {message.ticket} {message.recipient}").random() < share


def _worded(step: Step, undelivered: str) -> Step:
    return replace(step, word=undelivered) if step.word == UNDELIVERED else step
