"""A person asks to be forgotten: their number goes out of every record that has ended, and with it what was written to them.

1. Walk through the records that may name them, a few hundred at a time, and read what each was asked to send: those that the
   index of numbers finds by theirs, and those that no worker may have put there, for they wait, were never claimed, or were
   refused. Who is known by no hash is looked for in all records.
2. Where the number is a recipient: take it out, in one step that changes nothing if the record has moved since. So it is
   where the number stands in an argument that nobody knows, for which the message was refused.
3. Forget what the caps remember of that number.

State, history, ticket and cost stay, so that the bill can still be explained, and so does the idempotency key's mark:
the same message asked for again must not ring again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

import redis

from octoworker.sms import jobs
from octoworker.sms.recipient import digits
from octoworker.sms.record import State
from octoworker.store import keys
from octoworker.store.finding import Finder
from octoworker.store.scripts import Scripts, guard
from octoworker.store.units import span_ms

SLICE = 500
"""Records looked at in one round trip."""

KEPT = ("sms_type", "sender", "transactional", "with_replies", "lane", "send_at", "hold", "expires_at")
"""What a message to nobody keeps: how and when, but not to whom, not what, and not the producer's own words."""


@dataclass
class Forgotten:
    """What was done. `left`: ids of messages to that number that have not ended, which keep it; `alone`: those of them
    that go to nobody else; `unreadable`: ids of records that are none, in which nobody can look."""

    looked_at: int = 0
    records: int = 0
    left: list[str] = field(default_factory=list)
    alone: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Person:
    """Who is to be forgotten. `is_them` tells a number as a producer may have written it; `tail`, its last digits, is in
    all of them; `national`, those without the code of its country. `traces`: keys of the caps, given a text of theirs or none.
    `found_by`: by what a search finds them (sms.terms), given a reference of theirs or none; `unread`: by what it finds messages
    that may name them in an odd way."""

    is_them: Callable[[str], bool]
    tail: str
    traces: Callable[[str | None], list[str]]
    national: str = ""
    found_by: Callable[[str | None], list[str]] = lambda _: []
    unread: Sequence[str] = ()


UNINDEXED = (State.UNKNOWN, State.REJECTED, State.EXPIRED, State.CANCELLED, State.DEAD)
"""States in which a message may be that no worker has claimed, or in which nobody could read its number. What is on its way
stands in the due set; all others were claimed."""


class Forgetting:
    """Forgets people in one Redis."""

    def __init__(self, client: redis.Redis, scripts: Scripts, *, keep: timedelta) -> None:
        self._redis = client
        self._scripts = scripts
        self._keep = span_ms(keep)
        self._finder = Finder(client)

    def forget(self, person: Person, ids: Collection[str] | None = None, *, everywhere: bool = False) -> Forgotten:
        """Take them out of every ended record, or of these. Doing it again does no harm, and is how an interrupted run
        goes on. `everywhere`: look at all records, also at those that stand in the index under a key that is not set any more."""
        done, theirs = Forgotten(), set[str]()
        traces = set(person.traces(None))
        for names in self._slices(person, ids, everywhere=everywhere):
            for name, found in zip(names, self._read(names), strict=True):
                done.looked_at += name not in theirs
                if isinstance(found, redis.ResponseError):
                    if (message_id := name.removeprefix(keys.RECORD_PREFIX)) not in done.unreadable:
                        done.unreadable.append(message_id)
                    continue
                payload, outcomes = found
                if person.tail in digits(_shown(payload)):
                    theirs.add(name)
                    self._one(name, payload, outcomes, person, done, traces)
        self._lose(person)
        for start in range(0, len(listed := sorted(traces)), SLICE):
            guard(partial(self._redis.delete, *listed[start : start + SLICE]))
        return done

    def _one(
        self, name: str, payload: str, outcomes: str | None, person: Person, done: Forgotten, traces: set[str]
    ) -> None:
        message_id = name.removeprefix(keys.RECORD_PREFIX)
        while True:
            arguments = _object(payload)
            numbers = _numbers(arguments)
            others = [number for number in numbers if not _is(person, number)]
            known = {name: value for name, value in arguments.items() if not _stray(person, name, value)}
            if len(others) == len(numbers) and len(known) == len(arguments):
                return
            text = arguments.get("text")
            left = _without(known, others)
            reference = None if "reference" in left else arguments.get("reference")
            found_by = person.found_by(reference if isinstance(reference, str) else None)
            wanted = [json.dumps(left), _outcomes(outcomes, person), self._keep, json.dumps(found_by)]
            match self._scripts.run("forget", [name], [payload, outcomes or "", *wanted]):
                case "done":
                    done.records += 1
                    _end(done, message_id)
                    traces.update(person.traces(text if isinstance(text, str) else None))
                    return
                case "moving":
                    _end(done, message_id)
                    done.left.append(message_id)
                    done.alone.extend([] if others else [message_id])
                    return
                case "absent":
                    return
            payload, outcomes = self._read([name])[0]
            if not payload:
                return

    def _lose(self, person: Person) -> None:
        """What a search would find by them and is theirs no more: the record has gone, or goes to somebody else by now."""
        for term in person.found_by(None):
            for ids in self._finder.ids(term):
                found = self._read([keys.record(each) for each in ids])
                theirs = [isinstance(each, list) and _names(person, each[0]) for each in found]
                self._finder.lose(term, [each for each, kept in zip(ids, theirs, strict=True) if not kept])

    def _slices(self, person: Person, ids: Collection[str] | None, *, everywhere: bool) -> Iterator[list[str]]:
        if ids is not None:
            yield [keys.record(each) for each in ids]
        elif everywhere or not person.found_by(None):
            yield from self._all()
        else:
            # The index comes last: what is claimed meanwhile goes on into it, and what ends unclaimed into its state. So it is
            # within each: what moves meanwhile moves ahead.
            for key in (keys.DUE, *map(keys.state, UNINDEXED), keys.BROKEN_RECORDS):
                yield from self._named(self._finder.walk(key, latest_first=False))
            for term in (*person.unread, *person.found_by(None)):
                yield from self._named(self._finder.ids(term))

    def _named(self, slices: Iterable[list[str]]) -> Iterator[list[str]]:
        return ([keys.record(each) for each in ids] for ids in slices)

    def _all(self) -> Iterator[list[str]]:
        cursor = 0
        while True:
            cursor, names = guard(partial(self._redis.scan, cursor, match=f"{keys.RECORD_PREFIX}*", count=SLICE))
            if names:
                yield names
            if not cursor:
                return

    def _read(self, names: list[str]) -> list[Any]:
        def read() -> list[Any]:
            with self._redis.pipeline(transaction=False) as pipe:
                for name in names:
                    pipe.hmget(name, "payload", "outcomes")
                found = list(pipe.execute(raise_on_error=False))
            for each in found:
                # A key of another type is a record that nobody can read. Any other error is Redis'.
                if isinstance(each, redis.RedisError) and "WRONGTYPE" not in str(each):
                    raise each
            return found

        return guard(read)  # type: ignore[no-any-return]


def _end(done: Forgotten, message_id: str) -> None:
    """It was on its way when it was looked at first, and is looked at again."""
    for listed in (done.left, done.alone):
        if message_id in listed:
            listed.remove(message_id)


def _names(person: Person, payload: str | None) -> bool:
    """Whether a message was asked for that goes to them."""
    return person.tail in digits(_shown(payload)) and any(_is(person, each) for each in _numbers(_object(payload)))


def _shown(payload: str | None) -> str:
    """A payload without JSON's escapes: their digits are nobody's."""
    return json.dumps(_object(payload), ensure_ascii=False) if payload and "\\u" in payload else payload or ""


def _is(person: Person, number: Any) -> bool:
    return person.is_them(number if isinstance(number, str) else json.dumps(number, ensure_ascii=False))


def _stray(person: Person, name: str, value: Any) -> bool:
    """Whether it is an argument that nobody knows, and names them. It was refused, and kept as it came."""
    return name not in jobs.ARGUMENTS and (person.tail in digits(name) or _is(person, value))


def _object(text: str | None) -> dict[str, Any]:
    try:
        value = json.loads(text or "{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _numbers(arguments: Mapping[str, Any]) -> list[Any]:
    recipients = arguments.get("recipients")
    return list(recipients) if isinstance(recipients, list) else [recipients] if recipients else []


def _without(arguments: Mapping[str, Any], others: list[Any]) -> dict[str, Any]:
    """The message as it is to the others; without any, what it was and nothing of its content."""
    if others:
        return {**arguments, "recipients": others}
    return {name: arguments[name] for name in KEPT if name in arguments}


def _outcomes(text: str | None, person: Person) -> str:
    return json.dumps({number: result for number, result in _object(text).items() if not person.is_them(number)})
