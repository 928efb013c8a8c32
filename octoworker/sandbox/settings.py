"""What a test may turn, and how each value is read from JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Self


@dataclass(frozen=True)
class Settings:
    """What a test may turn. `key_window` and `latency` are seconds, `credit` is euros."""

    credit: Decimal
    refused_uses_key: bool = False
    """Whether a refused call uses its request_id up: the documents do not say."""
    key_window: float = 86_400.0
    """The newer API says 24 h; the older one says nothing."""
    latency: float = 0.0
    waived: tuple[str, ...] = ("122",)
    """Codes not enforced. 122 by default: nobody has seen it, and texts without the mention have passed."""

    def turned(self, changes: Mapping[str, object]) -> Self:
        """These settings with some changed. ValueError names the first unknown one, or says that a value misfits."""
        return replace(self, **_read(changes))  # type: ignore[arg-type] # READERS converts each


def _euros(value: object) -> Decimal:
    amount = Decimal(str(value))
    if not amount.is_finite():
        raise ArithmeticError
    return amount


READERS: dict[str, Callable[[object], object]] = {
    "credit": _euros,
    "refused_uses_key": lambda value: value is True,
    "key_window": lambda value: float(str(value)),
    "latency": lambda value: float(str(value)),
    "waived": lambda value: tuple(map(str, value)) if isinstance(value, list | tuple) else (),
}


def _read(changes: Mapping[str, object]) -> dict[str, object]:
    if unknown := sorted(changes.keys() - READERS.keys()):
        raise ValueError(f"There is no setting called {unknown[0]}.")
    try:
        return {name: READERS[name](value) for name, value in changes.items()}
    except ArithmeticError as error:
        raise ValueError("The credit is not a number.") from error
