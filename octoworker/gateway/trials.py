"""Trials with a real account, for what no page says of an API. Each asks its operator first, and shows what came."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True)
class Heard:
    """A call that the provider made to us."""

    at: datetime
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    body: str = field(repr=False)


class Ear(Protocol):
    """Where the provider calls back while something is tried."""

    url: str
    """As the provider reaches it."""

    def hear(self) -> Heard | None:
        """The next call, which was answered; None: nobody calls any more."""

    def fail_once(self) -> None:
        """The next call is answered with an error."""


@dataclass(frozen=True)
class Trial:
    """One thing to try. `costs`: SMS that it sends at the most, to the number of whoever tries it."""

    question: str
    does: str
    costs: int
    run: Callable[[], Iterator[str]]
    """Does it. Gives what came, a line at a time."""
    needs_ear: bool = False
    """It wants to be called back, and is left out where that is not possible."""
