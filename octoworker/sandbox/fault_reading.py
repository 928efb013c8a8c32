"""Reading a fault as a test writes it, as a document."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from octoworker.sandbox.faults import APIS, CALLS, FOREVER, KINDS, REQUIRED, Fault

WHOM = frozenset({"fault", "times", "recipient", "call", "api"})
"""What every fault has beside its own options."""


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _moment(value: object) -> str:
    if value not in {"before", "after"}:
        raise ValueError
    return str(value)


def _codes(value: object) -> dict[str, str]:
    if not isinstance(value, Mapping) or not value:
        raise TypeError
    return {str(number): str(code) for number, code in value.items()}


READERS: dict[str, Callable[[object], object]] = {
    "seconds": lambda value: float(str(value)),
    "hold": lambda value: float(str(value)),
    "body": str,
    "code": str,
    "status": lambda value: int(str(value)),
    "accept": _flag,
    "retry_after": str,
    "codes": _codes,
    "name": str,
    "when": _moment,
}


def read_fault(wanted: Mapping[str, object]) -> Fault:
    """The fault a test asks for, with `id` 0. ValueError says in one sentence what is wrong with it."""
    kind = _one_of(KINDS, "fault", wanted.get("fault"))
    recipient = wanted.get("recipient")
    return Fault(
        id=0,
        kind=kind,
        times=_times(wanted.get("times", 1)),
        recipient=str(recipient) if recipient else None,
        call=_one_of(CALLS, "call", wanted.get("call", "sms")),
        options=_options(kind, wanted),
        api=_one_of(APIS, "api", wanted["api"]) if wanted.get("api") is not None else None,
    )


def _one_of(known: Collection[str], name: str, value: object) -> str:
    if not isinstance(value, str) or value not in known:
        raise ValueError(f"The {name} must be one of {', '.join(known)}.")
    return value


def _times(value: object) -> int:
    if not isinstance(value, int) or not (value > 0 or value == FOREVER):
        raise ValueError("times is a whole number above 0, or -1 for until cleared.")
    return value


def _options(kind: str, wanted: Mapping[str, object]) -> dict[str, object]:
    known = KINDS[kind].options
    if unknown := sorted(wanted.keys() - known.keys() - WHOM):
        raise ValueError(f"The fault {kind} has no option {unknown[0]}.")
    return {name: _option(name, wanted.get(name, default)) for name, default in known.items()}


def _option(name: str, value: object) -> object:
    if value is REQUIRED:
        raise ValueError(f"This fault needs {name}.")
    try:
        return READERS[name](value)
    except (TypeError, ValueError) as error:
        raise ValueError(f"The value of {name} does not fit.") from error
