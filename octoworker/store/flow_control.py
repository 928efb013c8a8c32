"""Flow control, as operators and answers of Octopush set it. The scripts decide by what is written here.

All of it is in Redis: it holds on every worker from the next claim on, and outlasts every restart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import redis

from octoworker.store import audit, keys
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
    """What holds sending back: the pauses of operators, for all accounts, and what is known of one account, `own`."""

    def __init__(self, client: redis.Redis, own: str = "") -> None:
        self._redis = client
        self._own = own

    def pause(self, what: str) -> None:
        """Hold back everything (`all`), a lane, or `marketing`. Pausing twice is pausing once."""

        def write() -> None:
            now: Any = self._redis.time()
            with self._redis.pipeline(transaction=True) as pipe:
                pipe.hsetnx(keys.FLOW_CONTROL, PAUSE + what, str(now[0] * 1000 + now[1] // 1000))
                audit.add(pipe, now, "pause", what)
                pipe.execute()

        guard(write)

    def resume(self, what: str) -> bool:
        """Let it go on. `all` ends every pause and the hold of every account. Whether anything was held back."""
        if what != "all":
            return self._resume(what, [PAUSE + what])
        every: dict[str, str] = guard(lambda: self._redis.hgetall(keys.FLOW_CONTROL))
        ended = self._resume(what, [name for name in every if name.startswith(PAUSE)])
        return self._end_holds() or ended

    def _resume(self, what: str, pauses: Sequence[str]) -> bool:
        def write() -> bool:
            now: Any = self._redis.time()
            with self._redis.pipeline(transaction=True) as pipe:
                audit.add(pipe, now, "resume", what)
                if pauses:
                    pipe.hdel(keys.FLOW_CONTROL, *pauses)
                return bool(pipe.execute()[-1]) and bool(pauses)

        return bool(guard(write))

    def account_hold(self) -> AccountHold | None:
        """The hold, while the own account is on hold."""
        code, reason, at, credit = guard(lambda: self._redis.hmget(self._of_own(keys.FLOW_CONTROL), HOLD))
        return AccountHold(code, reason or "", instant(float(at or 0)), credit == "1") if code else None

    def end_hold(self) -> bool:
        """End the hold of the own account. Whether there was one."""
        return bool(guard(lambda: self._redis.hdel(self._of_own(keys.FLOW_CONTROL), *HOLD)))

    def end_holds(self) -> bool:
        """An operator ends the hold of every account. Whether there was one."""
        self._resume("account holds", [])
        return self._end_holds()

    def _end_holds(self) -> bool:

        def end() -> list[Any]:
            with self._redis.pipeline(transaction=False) as pipe:
                for account in self.accounts():
                    pipe.hdel(keys.of_account(keys.FLOW_CONTROL, account), *HOLD)
                return pipe.execute()

        return any(guard(end))

    def accounts(self) -> list[str]:
        """The own account, and every other whose workers were here, those of late first."""
        known: list[str] = guard(lambda: self._redis.zrange(keys.ACCOUNTS, 0, -1, desc=True))
        return list(dict.fromkeys([self._own, *known]))

    def may_ask(self, every: timedelta) -> bool:
        """Whether it is our turn to ask for the balance: one of all workers, once in that time."""
        return bool(
            guard(lambda: self._redis.set(self._of_own(keys.CREDIT_ASKED), "1", nx=True, px=max(1, span_ms(every))))
        )

    def balance_is(self, amount: Decimal, currency: str) -> None:
        """Octopush was asked and said so."""
        guard(lambda: self._write_balance(amount, currency))

    def account(self) -> dict[str, str]:
        """What is known of the own account, or of the one whose workers were here last: balance, currency, at, and
        `price:XX`, millionths for a segment."""

        def read(account: str) -> dict[str, str]:
            return guard(lambda: self._redis.hgetall(keys.of_account(keys.ACCOUNT, account)))  # type: ignore[no-any-return]

        return next(filter(None, map(read, self.accounts())), {})

    def _write_balance(self, amount: Decimal, currency: str) -> None:
        now: Any = self._redis.time()
        facts: dict[Any, Any] = {"balance": str(amount), "currency": currency, "at": now[0] * 1000}
        self._redis.hset(self._of_own(keys.ACCOUNT), mapping=facts)

    def _of_own(self, key: str) -> str:
        return keys.of_account(key, self._own)
