"""What is written counts once so many replicas have it: a failover to one of these takes it along.

A script is followed by `WAIT` on its own connection and in its own round trip, outside MULTI, where WAIT would not wait.
WAIT asks for the last write of its connection: one that only looked (it repeats an answer, or finds the message there)
would be confirmed by nobody. So a write stands between the two, behind all that the script saw in the stream of writes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import redis

from octoworker.errors import StoreError
from octoworker.store import keys
from octoworker.store.connections import Talk
from octoworker.store.units import span_ms

CONFIRMED = frozenset(
    {
        "create",
        "create_many",
        "claim",
        "settle",
        "reject",
        "cancel",
        "replace",
        "reschedule",
        "decide",
        "replay",
        "take_recall",
        "start_code",
        "check_code",
        "opt_out",
        "receive",
    }
)
"""Scripts after which somebody acts on what they wrote: they answer a caller (the provider's calls, too), or a call to the
provider follows."""

MARKED_FOR = timedelta(days=1)
"""What is written in between says nothing, and goes by itself."""

Command = tuple[Any, ...]


class UnconfirmedError(StoreError):
    """It was written, and too few replicas said in time that they have it. `answers`: what the scripts said."""

    def __init__(self, sentence: str, answers: Sequence[Any] = ()) -> None:
        super().__init__(sentence)
        self.answers = answers


@dataclass(frozen=True)
class Confirm:
    """How many replicas must have what is written, and how long that may take."""

    replicas: int
    within: timedelta

    @property
    def commands(self) -> tuple[Command, Command]:
        """What follows a script: the write, and the waiting for it."""
        return (
            ("SET", keys.CONFIRMED, "", "PX", span_ms(MARKED_FOR)),
            ("WAIT", self.replicas, span_ms(self.within)),
        )

    def check(self, confirmations: Sequence[Any], answers: Sequence[Any]) -> None:
        """UnconfirmedError when the answers to `commands` do not say that enough replicas have it. Where every script failed there
        is nothing to confirm, and their own errors say more."""
        if answers and all(isinstance(each, redis.RedisError) for each in answers):
            return
        wrong = next((each for each in confirmations if isinstance(each, redis.RedisError)), None)
        if wrong is not None:
            raise UnconfirmedError(f"Replicas could not be asked ({type(wrong).__name__}).", answers)
        has = int(confirmations[-1])
        if has < self.replicas:
            raise UnconfirmedError(f"{has} of {self.replicas} replicas confirmed it in time.", answers)


def on_every_replica(connections: Talk, within: timedelta) -> bool:
    """Whether all that was written up to now stands on each replica that is connected, also on one that is still loading.

    True where it may not be asked how many there are: a right that is missing must not hold messages for ever.
    RedisError: nobody could be asked.
    """
    try:
        connected = _connected(connections.ask("INFO", "replication"))
    except redis.ResponseError:
        return True
    if not connected:
        return True
    *_, has = connections.ask_all(Confirm(connected, within).commands)
    return int(has) >= connected


def _connected(info: Any) -> int:
    text = info.decode() if isinstance(info, bytes) else str(info)
    said = (line.partition(":") for line in text.splitlines())
    return next((int(count) for name, _, count in said if name == "connected_slaves"), 0)
