"""What stands where, at a glance: the figures of `stats`, `top`, the status page and the metrics. Two round trips.

Counts and sums only: no id, no number, no text.
"""

from __future__ import annotations

import json
from base64 import b64decode
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import redis

from octoworker.sms.lanes import LANES
from octoworker.sms.record import State
from octoworker.store import keys, presence
from octoworker.store.clocks import drifts_of
from octoworker.store.flow_control import PAUSE
from octoworker.store.limits import MILLIONTHS, backlog_of, day_of
from octoworker.store.scripts import guard, unfit
from octoworker.store.server import refusal
from octoworker.store.units import NO_TIME, span, span_ms
from octoworker.store.webhooks import endpoint_of

SOON = timedelta(minutes=1)
"""Ahead that counts as due soon."""

MINUTE = 60_000
"""ms; segments are counted by the minute."""

FILLING, FULL = 0.7, 0.95
"""Shares of Redis' memory: from the first on an operator should know, at the second it is about to refuse what is written."""

CENT = Decimal("0.01")

WORST_FIRST = ("open", "ramp")
"""States of a breaker."""

STREAMS = (keys.INBOX, keys.OUTBOX, keys.UNREADABLE)

INDEXED = tuple(state for state in State if state not in (State.QUEUED, State.SUBMITTING))


@dataclass(frozen=True)
class Lane:
    """One lane. `oldest`: how long the first message has waited for its turn, since it was taken or was due; None
    when this user of Redis may not see who stands first in the queue."""

    queued: int = 0
    backlogged: int = 0
    """Held back by flow control: paused, on hold with the account, or waiting for the pace."""
    oldest: timedelta | None = NO_TIME


@dataclass(frozen=True)
class Board:
    """One look. Money as decimals."""

    lanes: Mapping[str, Lane]
    states: Mapping[str, int]
    in_flight: int
    """Queued or being submitted."""
    due_soon: int
    due_lag: timedelta
    """How long the longest overdue record has been waiting for the scheduler."""
    pace: float
    """Segments a second over the last minute."""
    breaker: str
    """closed, open or ramp."""
    account_hold: str | None
    """Octopush's code that refuses the account, while it does."""
    account_hold_reason: str | None
    paused: tuple[str, ...]
    balance: Decimal | None
    currency: str | None
    spent: Decimal
    segments: int
    unacked: int
    """Jobs that workers have taken and not finished."""
    memory: int | None = None
    """Bytes that Redis uses; None when this user of Redis may not ask."""
    memory_limit: int | None = None
    """Bytes from which on it refuses to write; None: no limit, or not to be known."""
    workers: tuple[presence.Presence, ...] | None = None
    """Those that are alive; None when this user of Redis may not see them."""
    writes: bool | None = None
    """Whether Redis writes, its memory aside; None when this user of Redis may not ask."""
    refuses: str | None = None
    """Why it does not write."""
    inbox: int = 0
    """Callbacks of Octopush that are still to be processed."""
    outbox: int = 0
    """Events that are still to be sent to the web app."""
    webhooks: int = 0
    """Events that are still to be posted to the web app's address."""
    webhooks_dead: int = 0
    """Events that its address did not take in three days."""
    webhook_endpoint: str = "open"
    """How its address answers: open, resting (it fails, and is tried now and then), stopped (it said that it is gone)."""
    unreadable: int = 0
    """Calls that nobody could read, replies among them, kept for an operator."""
    unconfirmed: int = 0
    """Messages that were accepted as far as anybody can know."""
    codes: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """One-time codes since there are any: by outcome (started, verified, expired, refused), then by country."""
    codes_today: Mapping[str, int] = field(default_factory=dict)
    """Of this day in UTC: sent, verified, suspected, refused."""
    clocks: Mapping[str, timedelta] = field(default_factory=dict)
    """Seconds by which the wall clock of each worker is ahead of Redis'."""
    states_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def codes_saved(self) -> Decimal | None:
        """What the codes that the guard refused today would have cost, at the mean price of a segment today; None: no price is known."""
        refused = self.codes_today.get("refused", 0)
        return (self.spent / self.segments * refused).quantize(CENT) if self.segments and self.spent else None

    @property
    def memory_share(self) -> float:
        """How full Redis is, 0 to 1. It refuses to write when it is full; 0 when it has no limit."""
        return self.memory / self.memory_limit if self.memory and self.memory_limit else 0.0

    def readers(self, lane: str) -> int:
        """How many of the workers that are alive read this lane."""
        return sum(lane in worker.lanes for worker in self.workers or ())

    @property
    def clock_drift(self) -> timedelta:
        """By how much the worst wall clock of a worker is ahead of Redis'; nothing without a worker."""
        return max(self.clocks.values(), key=abs, default=NO_TIME)

    def as_json(self) -> dict[str, Any]:
        """The board as `stats --json` prints it: money as decimal strings, times in seconds."""
        return {
            "lanes": {
                name: {"queued": lane.queued, "backlogged": lane.backlogged, "oldest": _seconds(lane.oldest)}
                for name, lane in self.lanes.items()
            },
            "states": dict(self.states),
            "unconfirmed": self.unconfirmed,
            "inbox": self.inbox,
            "outbox": self.outbox,
            "webhooks": self.webhooks,
            "webhooks_dead": self.webhooks_dead,
            "webhook_endpoint": self.webhook_endpoint,
            "unreadable": self.unreadable,
            "in_flight": self.in_flight,
            "due_soon": self.due_soon,
            "due_lag": _seconds(self.due_lag),
            "pace": round(self.pace, 3),
            "breaker": self.breaker,
            "account_hold": self.account_hold,
            "account_hold_reason": self.account_hold_reason,
            "paused": list(self.paused),
            "balance": None if self.balance is None else str(self.balance),
            "currency": self.currency,
            "spent_today": str(self.spent),
            "segments_today": self.segments,
            "unacked": self.unacked,
            "workers": None if self.workers is None else [asdict(each) for each in self.workers],
            "memory": self.memory,
            "memory_limit": self.memory_limit,
            "writes": self.writes,
            "refuses": self.refuses,
            "codes": {outcome: dict(of) for outcome, of in self.codes.items()},
            "codes_today": dict(self.codes_today),
            "codes_saved_today": None if self.codes_saved is None else str(self.codes_saved),
            "clock_drift": round(self.clock_drift.total_seconds(), 3),
        }


def _seconds(span: timedelta | None) -> float | None:
    return None if span is None else round(span.total_seconds(), 3)


def look(client: redis.Redis, queues: Mapping[str, str]) -> Board:
    """Read the board. `queues`: the broker's list of each lane; "" when the jobs are on another server. StoreError: no Redis."""
    return guard(lambda: _read(client, queues))  # type: ignore[no-any-return]


class _Account(NamedTuple):
    """What is written of one account. The first one has no name: under it stands what holds for all of them."""

    flow: Mapping[str, str]
    breaker: Mapping[str, str]
    money: Mapping[str, str]


def _read(client: redis.Redis, queues: Mapping[str, str]) -> Board:
    with client.pipeline(transaction=False) as pipe:
        pipe.time()
        pipe.zrange(keys.ACCOUNTS, 0, -1, desc=True)
        (seconds, microseconds), known = pipe.execute(raise_on_error=False)
    now, accounts = seconds * 1000 + microseconds // 1000, ["", *(_sound(known) or [])]
    with client.pipeline(transaction=False) as pipe:
        for key in (keys.FLOW_CONTROL, keys.BREAKER, keys.ACCOUNT):
            for account in accounts:
                pipe.hgetall(keys.of_account(key, account))
        pipe.hgetall(keys.day(day_of(datetime.fromtimestamp(seconds, UTC))))
        pipe.hgetall(keys.CLOCKS)
        pipe.hgetall(f"{keys.CODES}total")
        pipe.hgetall(f"{keys.CODES}day:{seconds // 86400}")
        for state in INDEXED:
            pipe.zcard(keys.state(state))
        pipe.zcard(keys.UNCONFIRMED)
        for stream in STREAMS:
            pipe.xlen(stream)
        pipe.zcard(keys.WEBHOOKS_DUE)
        pipe.zcard(keys.WEBHOOKS_DEAD)
        pipe.hgetall(keys.WEBHOOKS_ENDPOINT)
        pipe.zcard(keys.DUE)
        pipe.zcount(keys.DUE, now, now + span_ms(SOON))
        pipe.zrange(keys.DUE, 0, 0, withscores=True)
        pipe.hlen("unacked")
        pipe.info()
        pipe.zrange(keys.WORKERS, now - span_ms(presence.ALIVE), "+inf", byscore=True)
        for lane in LANES:
            pipe.llen(queues.get(lane) or keys.NOWHERE)
            pipe.lindex(queues.get(lane) or keys.NOWHERE, -1)
            for marketing in (False, True):
                for account in accounts:
                    backlog = keys.of_account(keys.BACKLOG_PREFIX + backlog_of(lane, marketing=marketing), account)
                    pipe.zcard(backlog)
                    pipe.zrange(backlog, 0, 0, withscores=True)
        found = pipe.execute(raise_on_error=False)
    if never := next(filter(unfit, found), None):
        raise never
    of_accounts, rest = found[: 3 * len(accounts)], found[3 * len(accounts) :]
    size = 2 + 4 * len(accounts)
    lanes = {lane: rest[len(rest) - size * (len(LANES) - n) :][:size] for n, lane in enumerate(LANES)}
    heads = {lane: _id_in(part[1]) for lane, part in lanes.items()}
    with client.pipeline(transaction=False) as pipe:
        for message_id in heads.values():
            pipe.hmget(keys.record(message_id), "eligible_at", "created")
        first = [_sound(answer) or [] for answer in pipe.execute(raise_on_error=False)]
    since = {lane: next(filter(None, known), None) for lane, known in zip(LANES, first, strict=True)}
    each = [[_sound(one) or {} for one in of_accounts[n :: len(accounts)]] for n in range(len(accounts))]
    known_of = [_Account(*three) for three in each]
    common = rest[: len(rest) - size * len(LANES)]
    return _board(now, known_of, common, lanes, {lane: float(at) for lane, at in since.items() if at})


def _id_in(job: Any) -> str:
    """The message of a job as the broker keeps it; "" when it cannot be told."""
    try:
        body = json.loads(b64decode(json.loads(job)["body"]))
        return str(body[1].get("message_id") or body[1]["ids"][0])
    except (TypeError, ValueError, KeyError, IndexError, AttributeError):
        return ""


def _board(
    now: int, accounts: list[_Account], common: list[Any], lanes: Mapping[str, list[Any]], oldest: Mapping[str, float]
) -> Board:
    """Of several accounts it shows the hold of one, the breaker that is worst off, and the balance heard last."""
    day, clocks, codes, codes_today, *rest = (_sound(each) for each in common)
    states = {state.value: int(size or 0) for state, size in zip(INDEXED, rest, strict=False)}
    unconfirmed, inbox, outbox, unreadable, webhooks, dead, endpoint, *rest = rest[len(INDEXED) :]
    moving, soon, first, unacked, info, workers = rest
    refuses = refusal(info or {})
    behind = [states[state] for state in (State.SCHEDULED, State.WAITING)]
    held = next((each.flow for each in accounts if each.flow.get("account_hold")), {})
    breakers = {each.breaker.get("state", "closed") for each in accounts}
    money = max((each.money for each in accounts), key=lambda known: float(known.get("at") or 0))
    return Board(
        lanes={lane: _lane(now, part, oldest.get(lane)) for lane, part in lanes.items()},
        states=states,
        in_flight=max(0, moving - sum(behind)),
        due_soon=soon,
        due_lag=span(now - first[0][1]) if first else NO_TIME,
        pace=sum(_pace(each.flow, now) for each in accounts),
        breaker=next((state for state in WORST_FIRST if state in breakers), "closed"),
        account_hold=held.get("account_hold"),
        account_hold_reason=held.get("account_hold_reason"),
        paused=tuple(sorted(name.removeprefix(PAUSE) for name in accounts[0].flow if name.startswith(PAUSE))),
        balance=Decimal(money["balance"]) if money.get("balance") else None,
        currency=money.get("currency") or None,
        spent=Decimal((day or {}).get("spent", 0)) / MILLIONTHS,
        segments=int((day or {}).get("segments", 0)),
        unacked=int(unacked or 0),
        memory=(info or {}).get("used_memory"),
        memory_limit=(info or {}).get("maxmemory") or None,
        workers=None if workers is None else presence.read(workers),
        writes=None if info is None else refuses is None,
        refuses=refuses,
        unconfirmed=int(unconfirmed or 0),
        inbox=int(inbox or 0),
        outbox=int(outbox or 0),
        unreadable=int(unreadable or 0),
        webhooks=int(webhooks or 0),
        webhooks_dead=int(dead or 0),
        webhook_endpoint=endpoint_of(endpoint or {}).state,
        codes=_by_country(codes or {}),
        codes_today=_in_all(codes_today or {}),
        clocks=drifts_of(clocks or {}),
    )


def _by_country(counts: Mapping[str, str]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for name, count in counts.items():
        outcome, _, country = name.partition(":")
        found.setdefault(outcome, {})[country] = int(count)
    return found


def _in_all(counts: Mapping[str, str]) -> dict[str, int]:
    found = Counter[str]()
    for name, count in counts.items():
        found[name.partition(":")[0]] += int(count)
    return dict(found)


def _sound(answer: Any) -> Any:
    """A key of the wrong type must not hide the rest of the board."""
    return None if isinstance(answer, redis.ResponseError) else answer


def _lane(now: int, part: list[Any], oldest: float | None) -> Lane:
    hidden = isinstance(part[1], redis.ResponseError)
    queued, _, *backlogs = map(_sound, part)
    heads = [score for first in backlogs[1::2] for _, score in first or ()]
    since = min([*heads, *([oldest] if oldest else [])], default=None)
    return Lane(
        queued=int(queued or 0),
        backlogged=sum(int(size or 0) for size in backlogs[::2]),
        oldest=None if hidden and queued else span(now - since) if since else NO_TIME,
    )


def _pace(flow: Mapping[str, str], now: int) -> float:
    """What went in this minute, and the part of the last one that is still within sixty seconds."""
    minute, into = divmod(now, MINUTE)
    sent, before = float(flow.get("sent", 0)), float(flow.get("before", 0))
    ahead = minute - int(float(flow.get("minute", 0)))
    if ahead > 1:
        return 0.0
    if ahead == 1:
        sent, before = 0.0, sent
    return (sent + before * (1 - into / MINUTE)) / 60
