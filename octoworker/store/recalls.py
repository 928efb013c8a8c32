"""Taking back what Octopush holds for later: a mark that anybody leaves, and the calls that a worker of its account makes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

import redis

from octoworker.sms.record import Record
from octoworker.store import keys
from octoworker.store.clock import RedisClock
from octoworker.store.limits import day_of
from octoworker.store.replies import record_of
from octoworker.store.scripts import Scripts, guard
from octoworker.store.units import instant, instant_ms, span_ms

SLICE = 20
"""Recalls that one look may end, or pass over, before it finds the one to take."""

TIMES_MOVED = 5
"""How often in a row a message may be moved while its last answer is written."""


@dataclass(frozen=True)
class Recall:
    """A message that this worker is to take back, until its lease ends."""

    message_id: str
    token: int
    ticket: str
    generation: int
    """Of the key under which it was handed over."""
    tries: int
    """Calls so far, this one included."""


@dataclass(frozen=True)
class Word:
    """What a call to take a message back brought."""

    said: Literal["gone", "no", "later", "nothing"]
    """`later`: the call changed nothing, and may be made again; `nothing`: nobody knows what it did."""
    reason: str = ""
    delay: timedelta = field(default_factory=timedelta)
    """Until the next call, after `later` and `nothing`."""


class Recalls:
    """The recalls, as a worker uses them."""

    def __init__(
        self,
        client: redis.Redis,
        scripts: Scripts,
        account: str,
        clock: RedisClock,
        *,
        keep: timedelta,
        lease: timedelta,
        a_month: int = 0,
    ) -> None:
        """`a_month`: how many the provider grants; 0: nobody says."""
        self._redis = client
        self._scripts = scripts
        self._account = account
        self._clock, self._a_month = clock, a_month
        self._keep, self._lease = span_ms(keep), span_ms(lease)

    def take(self) -> Recall | None:
        """The next message that a worker of this account is to take back. Ends what is over, of every account."""
        request = {
            "account": self._account,
            "keep": self._keep,
            "lease": self._lease,
            "slice": SLICE,
            "month": self._month,
            "a_month": self._a_month,
        }
        (found,) = self._scripts.run("take_recall", [], [json.dumps(request)])
        if not found:
            return None
        facts = json.loads(found)
        return Recall(facts["message_id"], facts["token"], facts["ticket"], facts["key_generation"], facts["tries"])

    def settle(self, recall: Recall, word: Word) -> Record | None:
        """Write what came of the call. None: somebody else's word counts, or it is over already."""
        found = self._settle(recall, word)
        for _ in range(TIMES_MOVED):
            if found[0] != "payload":
                break
            found = self._settle(recall, word, **_moved(record_of(recall.message_id, found[1]), instant(int(found[2]))))
        return record_of(recall.message_id, found[1]) if found[0] in ("done", "moved") else None

    def open(self, limit: int) -> Iterator[str]:
        """The ids of all messages of which a recall is open, those that go out soonest first."""
        yield from guard(lambda: self._redis.zrange(keys.RECALLS, 0, limit - 1))

    @property
    def _month(self) -> str:
        return day_of(self._clock.now())[:7]

    def _settle(self, recall: Recall, word: Word, **moved: Any) -> Any:
        answer = {
            "token": recall.token,
            "key_generation": recall.generation,
            "said": word.said,
            "reason": " ".join(word.reason.split()),
            "delay": span_ms(word.delay),
            "keep": self._keep,
            "month": self._month,
            **moved,
        }
        place = keys.record(recall.message_id)
        return self._scripts.run("settle_recall", [place], [recall.message_id, json.dumps(answer)])


def payload_at(record: Record, to: datetime) -> str:
    """The message as it goes out at that time. Not written by a script, which would change the digits of its numbers."""
    return json.dumps({**record.arguments, "send_at": to.timestamp()})


def _moved(record: Record, to: datetime) -> dict[str, Any]:
    return {"payload": payload_at(record, to), "payload_for": instant_ms(to)}
