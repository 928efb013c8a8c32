"""The API generations that can be spoken. A new one is a folder beside `legacy`, and its line here."""

from __future__ import annotations

from collections.abc import Mapping

from octoworker.errors import Kind
from octoworker.gateway import legacy, v1
from octoworker.gateway.gateway import Dialect
from octoworker.gateway.values import Code

DIALECTS: Mapping[str, Dialect] = {
    "legacy": legacy.DIALECT,
    "v1": v1.DIALECT,
}
"""By the name that the setting gives them. The first is the default."""

DEFAULT = next(iter(DIALECTS.values()))


def named(name: str) -> Dialect:
    """The dialect of this name. ValueError in words, as the settings want it."""
    if name not in DIALECTS:
        raise ValueError(f"use {' or '.join(DIALECTS)}")
    return DIALECTS[name]


def all_codes() -> tuple[Code, ...]:
    """Every code, once: as the first dialect that has it explains it."""
    found: dict[str, Code] = {}
    for dialect in DIALECTS.values():
        found = {code.code: code for code in dialect.codes} | found
    return tuple(found[code] for code in sorted(found))


def explained(code: str) -> Code:
    """What a code means in the first dialect that knows it. Never raises."""
    found = [dialect.lookup(code) for dialect in DIALECTS.values()]
    return next((each for each in found if each.kind is not Kind.UNKNOWN), found[0])


def code_labels() -> frozenset[str]:
    """The codes that may stand in a metric: a bounded set, for a code that nobody knows may be anything."""
    return frozenset(code.code for code in all_codes())


def success_labels() -> frozenset[str]:
    """Of these, the ones that mean "accepted"."""
    return frozenset(code.code for code in all_codes() if code.kind is Kind.SUCCESS)
