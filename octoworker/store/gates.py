"""The gates, as people and answers of Octopush open and shut them. The scripts decide by what is written here.

All of it is in Redis: it holds on every worker from the next claim on, and outlasts every restart.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import redis

from octoworker.sms.record import from_ms
from octoworker.store import keys
from octoworker.store.scripts import guard

PAUSE = "pause:"
BRAKE = ("brake", "brake_reason", "brake_at", "brake_credit")


@dataclass(frozen=True)
class Brake:
    """Why nothing is sent: Octopush refused the account."""

    code: str
    reason: str
    at: datetime
    mended_by_credit: bool


class Gates:
    """The gates of one account."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client

    def pause(self, what: str) -> None:
        """Hold back everything (`all`), a lane, or `marketing`. Pausing twice is pausing once."""

        def write() -> None:
            seconds, microseconds = self._redis.time()
            self._redis.hsetnx(keys.TRAFFIC, PAUSE + what, str(seconds * 1000 + microseconds // 1000))

        guard(write)

    def resume(self, what: str) -> bool:
        """Let it go on. `all` opens every pause and the brake. Whether anything was shut."""
        fields = [PAUSE + what]
        if what == "all":
            every: dict[str, str] = guard(lambda: self._redis.hgetall(keys.TRAFFIC))
            fields = [name for name in every if name.startswith(PAUSE)] + list(BRAKE)
        return bool(guard(lambda: self._redis.hdel(keys.TRAFFIC, *fields)))

    def brake(self) -> Brake | None:
        """The brake, when it is on."""
        code, reason, at, credit = guard(lambda: self._redis.hmget(keys.TRAFFIC, BRAKE))
        return Brake(code, reason or "", from_ms(float(at or 0)), credit == "1") if code else None

    def release(self) -> bool:
        """Let go of the brake alone. Whether it was on."""
        return bool(guard(lambda: self._redis.hdel(keys.TRAFFIC, *BRAKE)))

    def may_ask(self, every: float) -> bool:
        """Whether it is our turn to ask for the balance: one of all workers, once in `every` seconds."""
        return bool(guard(lambda: self._redis.set(keys.ASKED, "1", nx=True, px=max(1, round(every * 1000)))))

    def balance_is(self, amount: Decimal, currency: str) -> None:
        """Octopush was asked and said so."""
        guard(lambda: self._write_balance(amount, currency))

    def account(self) -> dict[str, str]:
        """What is known of the account: balance, currency, at, and `price:XX`, millionths for a segment."""
        return guard(lambda: self._redis.hgetall(keys.ACCOUNT))  # type: ignore[no-any-return]

    def _write_balance(self, amount: Decimal, currency: str) -> None:
        now: Any = self._redis.time()
        facts: dict[Any, Any] = {"balance": str(amount), "currency": currency, "at": now[0] * 1000}
        self._redis.hset(keys.ACCOUNT, mapping=facts)
