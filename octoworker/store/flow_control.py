"""Flow control, as operators and answers of Octopush set it. The scripts decide by what is written here.

All of it is in Redis: it holds on every worker from the next claim on, and outlasts every restart.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import redis

from octoworker.store import keys
from octoworker.store.scripts import guard
from octoworker.store.units import instant, span_ms

PAUSE = "pause:"
HOLD = ("account_hold", "account_hold_reason", "account_hold_at", "account_hold_credit")


@dataclass(frozen=True)
class AccountHold:
    """Why nothing is sent: Octopush refused the account."""

    code: str
    reason: str
    at: datetime
    mended_by_credit: bool


class FlowControl:
    """What holds the sending of one account back."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client

    def pause(self, what: str) -> None:
        """Hold back everything (`all`), a lane, or `marketing`. Pausing twice is pausing once."""

        def write() -> None:
            seconds, microseconds = self._redis.time()
            self._redis.hsetnx(keys.FLOW_CONTROL, PAUSE + what, str(seconds * 1000 + microseconds // 1000))

        guard(write)

    def resume(self, what: str) -> bool:
        """Let it go on. `all` ends every pause and the account hold. Whether anything was held back."""
        fields = [PAUSE + what]
        if what == "all":
            every: dict[str, str] = guard(lambda: self._redis.hgetall(keys.FLOW_CONTROL))
            fields = [name for name in every if name.startswith(PAUSE)] + list(HOLD)
        return bool(guard(lambda: self._redis.hdel(keys.FLOW_CONTROL, *fields)))

    def account_hold(self) -> AccountHold | None:
        """The hold, while the account is on hold."""
        code, reason, at, credit = guard(lambda: self._redis.hmget(keys.FLOW_CONTROL, HOLD))
        return AccountHold(code, reason or "", instant(float(at or 0)), credit == "1") if code else None

    def end_hold(self) -> bool:
        """End the account hold alone. Whether there was one."""
        return bool(guard(lambda: self._redis.hdel(keys.FLOW_CONTROL, *HOLD)))

    def may_ask(self, every: timedelta) -> bool:
        """Whether it is our turn to ask for the balance: one of all workers, once in that time."""
        return bool(guard(lambda: self._redis.set(keys.CREDIT_ASKED, "1", nx=True, px=max(1, span_ms(every)))))

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
