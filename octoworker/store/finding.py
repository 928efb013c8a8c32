"""Find messages by what a person knows of them: a number, their own reference, a campaign, a state, a reason, a time.

A worker's first claim of a message writes down what a number and a reference find it by (`lua/lib/found.lua`); what no worker has
claimed yet stands in the due set. All else is found through the indexes of states and the messages of a campaign. A search walks
the smallest of them that holds all that is meant, a slice at a time: each command takes Redis well under a millisecond, and
nothing is kept but the slice.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import islice
from operator import itemgetter
from typing import Any

import redis

from octoworker.sms.record import Record, State
from octoworker.store import keys
from octoworker.store.scripts import guard
from octoworker.store.units import instant_ms

SLICE = 200
"""Records looked at in one round trip."""

LENGTHS = range(3, 7)
"""Letters of a hash that may name its set, as in lua/lib/found.lua."""

SOON_MS = 3_600_000
"""ms within which what no worker has claimed yet is looked at again: a job that nobody claims doubles the patience with it, up to
half an hour at the usual minute (lua/lib/wakeups.lua)."""

MOVING = (State.QUEUED, State.SUBMITTING)
"""States without an index: the due set has them."""

ANYBODY: Callable[[str], bool] = lambda _: True  # noqa: E731 - a value


@dataclass(frozen=True)
class Criteria:
    """What is known. All of it must hold; of nothing at all: every message. `found_by`: hashes of a number or a reference
    (sms.terms), under each key. Times are those at which a message was taken."""

    found_by: Sequence[str] = field(default=(), repr=False)
    is_them: Callable[[str], bool] | None = field(default=None, repr=False)
    """Whether a recipient, as it was written, is the number that is looked for."""
    reference: str = field(default="", repr=False)
    campaign: str = ""
    states: frozenset[State] = frozenset()
    """Empty: in any."""
    reason: str = ""
    """A part of it, in small or large letters; or the provider's code."""
    since: datetime | None = None
    until: datetime | None = None

    def fits(self, record: Record) -> bool:
        """Whether a record is one of them."""
        return all(
            (
                not self.states or record.state in self.states,
                self.campaign in ("", record.campaign),
                self.reference in ("", record.reference),
                self._is_to(record),
                self._has_reason(record),
                self._was_taken_then(record),
            )
        )

    def _is_to(self, record: Record) -> bool:
        return self.is_them is None or any(map(self.is_them, people(record)))

    def _has_reason(self, record: Record) -> bool:
        return self.reason == record.error_code or self.reason.casefold() in record.reason.casefold()

    def _was_taken_then(self, record: Record) -> bool:
        at = record.created_at
        return (self.since is None or (at is not None and at >= self.since)) and (
            self.until is None or (at is not None and at < self.until)
        )


def people(record: Record) -> list[str]:
    """Whom a message was to go to, as they were written, and those whom it went to."""
    asked = record.arguments.get("recipients")
    listed = asked if isinstance(asked, list) else [asked]
    return [*(each for each in listed if isinstance(each, str)), *record.recipients]


_FIELDS = ("state", "payload", "outcomes", "campaign", "reason", "error_code", "created")
"""Enough to say whether a record fits; one that does is read whole."""


class Finder:
    """Searches in one Redis."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client

    def find(self, wanted: Criteria) -> Iterator[Record]:
        """Those that fit: of each state the latest first, of a campaign in the order of its rows."""
        for some in self.slices(wanted):
            yield from some

    def slices(self, wanted: Criteria) -> Iterator[list[Record]]:
        """The same, by the slices that are looked at. One that holds nothing is an empty list: who has little time stops there."""
        seen: dict[str, None] = {}
        for ids, of in self._sources(wanted):
            fresh = [each for each in dict.fromkeys(ids) if each not in seen]
            found = [record for record in self._read(fresh, wanted) if not of or record.state in of]
            # A message may stand in two places while it moves. What lies thousands back has moved long since.
            seen.update(dict.fromkeys(record.message_id for record in found))
            while len(seen) > _REMEMBERED:
                del seen[next(iter(seen))]
            yield found

    def ids(self, term: str) -> Iterator[list[str]]:
        """The messages that are found by a hash, the latest first."""
        places = [self._at(term, length) for length in LENGTHS]
        found = (message_id for _, message_id in heapq.merge(*places, key=itemgetter(0), reverse=True))
        while ids := list(islice(found, SLICE)):
            yield ids

    def _at(self, term: str, length: int) -> Iterator[tuple[float, str]]:
        """Those in the set that is named by so many of its letters, each with when it was noted."""
        rest = term[length:]
        for members in self._scored(_place_of(term, length)):
            for member, at in members:
                if member.startswith(rest):
                    yield at, member.removeprefix(rest)

    def lose(self, term: str, ids: Sequence[str]) -> None:
        """They are found by it no more."""
        if ids:
            for length in LENGTHS:
                members = [term[length:] + each for each in ids]
                guard(partial(self._redis.zrem, _place_of(term, length), *members))

    def _sources(self, wanted: Criteria) -> Iterator[tuple[list[str], frozenset[State]]]:
        """Slices of ids, and the states of those among them that are meant; empty: whatever their state."""
        if wanted.found_by:
            for term in wanted.found_by:
                yield from ((ids, _ANY) for ids in self.ids(term))
            # What a worker has claimed has a hash.
            if not wanted.states or State.QUEUED in wanted.states:
                yield from ((ids, _UNCLAIMED) for ids in self._moving())
            return
        listed = f"{keys.CAMPAIGN_PREFIX}{wanted.campaign}:messages"
        if wanted.campaign and self._is_smaller(listed, wanted.states):
            yield from ((ids, _ANY) for ids in self.walk(listed, latest_first=False))
            return
        yield from self._by_state(wanted)

    def _by_state(self, wanted: Criteria) -> Iterator[tuple[list[str], frozenset[State]]]:
        """A message has moved last when it was taken, or later: in the index of its state it stands behind that instant."""
        states = wanted.states or frozenset(State)
        if moving := states & {*MOVING}:
            yield from ((ids, moving) for ids in self._moving())
        low = "-inf" if wanted.since is None else str(instant_ms(wanted.since))
        for state in State:
            if state in states and state not in MOVING:
                yield from ((ids, frozenset({state})) for ids in self.walk(keys.state(state), low))

    def _is_smaller(self, listed: str, states: frozenset[State]) -> bool:
        """Whether a campaign has fewer messages than these states. Without an index for one of them it is walked itself."""
        if not states or states & {*MOVING}:
            return True

        def count() -> list[int]:
            with self._redis.pipeline(transaction=False) as pipe:
                for key in (listed, *map(keys.state, states)):
                    pipe.zcard(key)
                return pipe.execute()

        own, *others = guard(count)
        return bool(own <= sum(others))

    def _moving(self) -> Iterator[list[str]]:
        now = int(guard(self._redis.time)[0]) * 1000
        return self.walk(keys.DUE, "-inf", str(now + SOON_MS), latest_first=False)

    def walk(
        self, key: str, low: str = "-inf", high: str = "+inf", *, latest_first: bool = True
    ) -> Iterator[list[str]]:
        """The members of a set in the order of their scores, slice by slice."""
        for members in self._scored(key, low, high, latest_first=latest_first):
            yield [member for member, _ in members]

    def _scored(
        self, key: str, low: str = "-inf", high: str = "+inf", *, latest_first: bool = True
    ) -> Iterator[list[tuple[str, float]]]:
        """The same with their scores. Each slice begins at the score of the last member: what has gone since moves none."""
        start, end = (high, low) if latest_first else (low, high)
        at_edge: set[str] = set()
        while True:
            size = SLICE + len(at_edge)
            found = self._part(key, start, end, size, latest_first=latest_first)
            if members := [each for each in found if each[0] not in at_edge]:
                yield members
            if len(found) < size:
                return
            edge = found[-1][1]
            at_edge = {member for member, score in found if score == edge}
            start = repr(edge)

    def _part(self, key: str, start: str, end: str, size: int, *, latest_first: bool) -> list[tuple[str, float]]:
        found: Any = guard(
            lambda: self._redis.zrange(
                key, start, end, byscore=True, desc=latest_first, offset=0, num=size, withscores=True
            )
        )
        return found  # type: ignore[no-any-return]

    def _read(self, ids: Sequence[str], wanted: Criteria) -> list[Record]:
        rough = self._each(ids, lambda pipe, key: pipe.hmget(key, *_FIELDS))
        fitting = [
            message_id
            for message_id, values in zip(ids, rough, strict=True)
            if (fields := _given(values)).get("state") and wanted.fits(_record(message_id, fields))
        ]
        whole = self._each(fitting, lambda pipe, key: pipe.hgetall(key))
        records = [
            _record(message_id, fields)
            for message_id, fields in zip(fitting, whole, strict=True)
            if isinstance(fields, dict) and fields.get("state")
        ]
        return [each for each in records if wanted.fits(each)]

    def _each(self, ids: Sequence[str], ask: Callable[[Any, str], Any]) -> list[Any]:
        """What a command says of each record. Of what is no record an error, which is left for `octoworker aside`."""
        if not ids:
            return []

        def read() -> list[Any]:
            with self._redis.pipeline(transaction=False) as pipe:
                for message_id in ids:
                    ask(pipe, keys.record(message_id))
                answers: list[Any] = pipe.execute(raise_on_error=False)
            for each in answers:
                if isinstance(each, redis.RedisError) and "WRONGTYPE" not in str(each):
                    raise each
            return answers

        return guard(read)  # type: ignore[no-any-return]


_ANY: frozenset[State] = frozenset()
_UNCLAIMED = frozenset({State.QUEUED})
_REMEMBERED = 5000


def _place_of(term: str, length: int) -> str:
    return keys.FOUND_PREFIX + term[:length]


def _given(values: Any) -> dict[str, str]:
    if not isinstance(values, list):
        return {}
    return {name: value for name, value in zip(_FIELDS, values, strict=True) if value is not None}


def _record(message_id: str, fields: dict[str, str]) -> Record:
    return Record.from_hash(message_id, fields)
