"""What a call of the provider's brings. Frozen; no `repr` shows a number or a text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Literal, Self

Kind = Literal["receipt", "reply", "stop"]
"""A word on delivery; an answer that somebody typed; somebody wants no more."""


@dataclass(frozen=True)
class Callback:
    """One event. Every text is limited, and "" where the call does not say it."""

    kind: Kind
    number: str = field(repr=False)
    """Of the handset, as it was written: with `+`, with `00`, with neither, or nationally. Digits alone, but for a `+`."""
    ticket: str = ""
    """Of the call that sent the message; a reply to nothing that we sent has none."""
    at: str = ""
    """The operator's time, as it was written. It has no zone and orders nothing."""
    word: str = ""
    """Of a receipt: the operator's word, in capitals."""
    text: str = field(default="", repr=False)
    """What was typed."""
    called: str = field(default="", repr=False)
    """Of a reply: the number that it came in on."""

    def as_json(self) -> dict[str, str]:
        """As it is kept until it is processed: what is "" is left out."""
        return {name: value for name, value in asdict(self).items() if value}

    @classmethod
    def from_json(cls, kept: Mapping[str, str]) -> Self:
        """Read what `as_json` wrote, this version's or a newer one's."""
        return cls(**{name: value for name, value in kept.items() if name in cls.__dataclass_fields__})  # type: ignore[arg-type]


@dataclass(frozen=True)
class Unreadable:
    """What is no callback, or not whole. `reason` is a short phrase of ours; `raw` is what came, for an operator."""

    reason: str
    raw: str = field(default="", repr=False)
