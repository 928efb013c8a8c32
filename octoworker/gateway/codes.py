"""How an API's codes are written and looked up, for every API that answers with small numbers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from octoworker.errors import Kind
from octoworker.gateway.values import Code

_UNLISTED = Code(
    code="?",
    meaning="a code that is not in our list",
    kind=Kind.UNKNOWN,
    hint="ask Octopush what it means; it is not tried again until you decide",
    where="unknown",
    source="none of Octopush's lists",
)

_WRITTEN = re.compile(r"[0-9]{1,4}")
"""Codes have three digits, some have four. Anything longer may be somebody's number."""


def normalise(code: object) -> str | None:
    """A code as the lists write it ("0", 0 and "00" are "000"), or None for what cannot be a code. Never raises."""
    if isinstance(code, int) and not isinstance(code, bool) and 0 <= code < 10_000:
        return str(code).zfill(3)
    text = code.strip() if isinstance(code, str) else ""
    return str(int(text)).zfill(3) if _WRITTEN.fullmatch(text) else None


class CodeTable:
    """The codes of one API."""

    def __init__(self, codes: Iterable[Code]) -> None:
        self._codes = {each.code: each for each in codes}

    def lookup(self, code: str) -> Code:
        """What a code means. Never raises: one that is not listed has the kind UNKNOWN, which holds and reports."""
        known = normalise(code)
        if known is None:
            return _UNLISTED
        return self._codes.get(known) or replace(_UNLISTED, code=known)

    def all(self) -> tuple[Code, ...]:
        """Every listed code, in order."""
        return tuple(self._codes.values())
