"""How the addresses answered, measured. Not safe for threads; the world owns the lock."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field, replace

from octoworker.sandbox.callbacks.carrier import Answer

KEPT = 10_000
"""Callbacks. Enough for a look back; the counters forget nothing."""
SLOW = 1.0
"""Seconds: Octopush asks for an answer within one."""


@dataclass(frozen=True)
class Callback:
    """One POST of ours and what came back."""

    n: int
    at: float
    api: str
    kinds: tuple[str, ...]
    numbers: tuple[str, ...] = field(repr=False)
    fields: tuple[dict[str, object], ...] = field(repr=False)
    content_type: str
    answer: Answer

    @property
    def fault(self) -> str:
        """What Octopush would hold against this answer, "" when nothing."""
        answer = self.answer
        if answer.status is None:
            return f"no answer: {answer.error}"
        if not answer.good:
            return f"HTTP {answer.status}"
        if answer.size:
            return f"a body of {answer.size} byte{'s' * (answer.size > 1)}, where Octopush wants none"
        return f"answered after {answer.seconds:.1f} s, where Octopush wants 1 s" if answer.seconds > SLOW else ""


class CallbackLog:
    """The callbacks, the latest last, and the counters over them."""

    def __init__(self) -> None:
        self.posted = 0
        self.events = 0
        self.faults = 0
        self.by_kind: Counter[str] = Counter()
        self.kept: deque[Callback] = deque(maxlen=KEPT)

    def note(self, callback: Callback) -> None:
        """One more came back, or did not."""
        self.posted += 1
        self.events += len(callback.fields)
        self.faults += bool(callback.fault)
        self.by_kind.update(callback.kinds)
        self.kept.append(replace(callback, n=self.posted))

    def faulty(self, most: int) -> list[Callback]:
        """The latest that were answered badly, the latest first."""
        return [callback for callback in reversed(self.kept) if callback.fault][:most]
