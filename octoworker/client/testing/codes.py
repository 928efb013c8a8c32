"""One-time codes in memory, with the limits of the real ones (store/lua/start_code.lua). There is no guard: nobody pumps a test."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from octoworker.store.codes import AGAIN, CHECKS, LIFE, SENDS, Guard, Guess, Verification


@dataclass
class _Kept:
    begun: Verification
    checks: int = 0
    used: bool = False


class Codes:
    """As store.codes.Codes. `now`: the outbox's time, which a test moves."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._kept: dict[str, _Kept] = {}
        self._places: dict[str, str] = {}

    def start(
        self, new_id: str, places: Sequence[str], key: str, *, country: str, address: str, guard: Guard
    ) -> Verification:
        """As Codes.start."""
        del country, address, guard
        now = self._now()
        kept = next((self._kept[self._places[place]] for place in places if place in self._places), None)
        if kept is None or kept.used or kept.begun.expires_at <= now:
            kept = self._kept[new_id] = _Kept(Verification("send", new_id, 0, key, "", now, now + LIFE))
            self._places[places[0]] = new_id
        if kept.checks >= CHECKS:
            return replace(kept.begun, outcome="spent")
        if now < kept.begun.resend_at:
            return replace(kept.begun, outcome="same")
        if kept.begun.send >= SENDS:
            return replace(kept.begun, outcome="spent")
        kept.begun = replace(kept.begun, send=kept.begun.send + 1, resend_at=now + AGAIN)
        return kept.begun

    def check(self, verification: str, guesses: Mapping[str, bool]) -> tuple[Guess, int]:
        """As Codes.check."""
        kept = self._kept.get(verification)
        if kept is None or kept.used or kept.begun.expires_at <= self._now():
            return "expired", 0
        kept.checks += 1
        if kept.checks <= CHECKS and guesses.get(kept.begun.key):
            kept.used = True
            return "ok", 0
        return ("wrong", CHECKS - kept.checks) if kept.checks < CHECKS else ("locked", 0)
