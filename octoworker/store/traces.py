"""What is left of a person outside the records: in jobs that were set aside, in calls of Octopush that nobody could read or that
came too early, in events that nobody took or that are kept to be sent again; and in calls and events that are still to be processed.

Whoever is forgotten goes out of the former. The latter are counted and left: such a call may be a STOP that must hold, and it is
over in a moment once a worker is there.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

import redis

from octoworker.sms.recipient import digits
from octoworker.store import keys
from octoworker.store.erasure import Person
from octoworker.store.scripts import guard

SLICE = 500
"""Entries looked at in one round trip."""

_WRITTEN = re.compile(r"\+?[0-9](?:[\s.()/\-\u2010-\u2013]{0,3}[0-9]){5,19}")
"""What may be a number, in whatever stands around it."""

_BASE64 = re.compile(r"[A-Za-z0-9+/]{16,}={0,2}")
"""How Celery writes the body of a job."""


def names(text: str, person: Person) -> bool:
    """Whether it names them: as it stands, without JSON's escapes, or in a job's body. Digits beside theirs, as of a date, hide
    them not."""
    found = (each[0] for form in _forms(text) for each in _WRITTEN.finditer(form))
    return any(
        person.tail in (all_digits := digits(each)) and (person.national in all_digits or person.is_them(each))
        for each in found
    )


def _forms(text: str) -> Iterator[str]:
    yield from _read(text)
    for each in _BASE64.findall(text):
        try:
            yield from _read(base64.b64decode(each).decode("utf-8"))
        except ValueError:
            continue


def _read(text: str) -> Iterator[str]:
    yield text
    if "\\" in text:
        # Escapes are spelled out wherever they stand; what is in a text inside a text is so twice.
        once = _unescaped(text)
        yield once
        yield _unescaped(once)


_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda found: chr(int(found[1], 16)) if found[1] else found[2], text)


class Traces:
    """Of people, in one Redis. `client` must keep bytes that are no UTF-8."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client

    def forget(self, person: Person) -> int:
        """Out of what nobody could read or took, of the log of events, and of receipts that came before their ticket. How many there
        were."""
        gone = self._forget_events(person)
        for stream in (keys.UNREADABLE, keys.EVENTS):
            for entries in self._slices(stream):
                theirs = [entry for entry, fields in entries if names(fields.get("content", ""), person)]
                if theirs:
                    gone += int(guard(partial(self._redis.xdel, stream, *theirs)))
        for place in self._early():
            for each in guard(partial(self._redis.lrange, place, 0, -1)):
                if names(each, person):
                    gone += int(guard(partial(self._redis.lrem, place, 0, _bytes(each))))
        return gone

    def waiting(self, person: Person) -> int:
        """Calls about them that no worker has processed yet, and events that are still to be sent."""
        streamed = sum(
            names(fields.get("content", ""), person)
            for stream in (keys.INBOX, keys.OUTBOX)
            for entries in self._slices(stream)
            for _, fields in entries
        )
        return streamed + sum(not dead for _, dead in self._events(person))

    def forget_jobs(self, person: Person) -> tuple[int, int]:
        """Out of the jobs that were set aside, on the Redis of the jobs. How many there were, and how many could not be read."""
        found: list[Any] = guard(lambda: self._redis.lrange(keys.JOBS_SET_ASIDE, 0, -1))
        jobs = {entry: str(json.loads(entry)["job"]) for entry in found}
        theirs = [entry for entry, job in jobs.items() if names(job, person)]
        for each in theirs:
            guard(partial(self._redis.lrem, keys.JOBS_SET_ASIDE, 0, _bytes(each)))
        return len(theirs), sum(_is_packed(job) for entry, job in jobs.items() if entry not in theirs)

    def queued(self, lists: Iterable[str]) -> int:
        """Jobs in these lists and in the hands of workers. RedisError: whoever asks may not, or Redis is away."""
        pipe = self._redis.pipeline(transaction=False)
        for each in lists:
            pipe.llen(each)
        pipe.hlen("unacked")
        return sum(pipe.execute())

    def _forget_events(self, person: Person) -> int:
        """Those that nobody took."""
        theirs = [id_ for id_, dead in self._events(person) if dead]
        if theirs:
            pipe = self._redis.pipeline(transaction=True)
            pipe.zrem(keys.WEBHOOKS_DEAD, *theirs)
            pipe.hdel(keys.WEBHOOKS_TRIES, *theirs)
            pipe.hdel(keys.WEBHOOKS, *theirs)
            guard(pipe.execute)
        return len(theirs)

    def _events(self, person: Person) -> Iterator[tuple[str, bool]]:
        """The ids of posted events about them, and whether nobody took it."""
        cursor = 0
        while True:
            cursor, found = guard(partial(self._redis.hscan, keys.WEBHOOKS, cursor, count=SLICE))
            for id_, content in found.items():
                if names(content, person):
                    yield id_, guard(partial(self._redis.zscore, keys.WEBHOOKS_DEAD, id_)) is not None
            if not cursor:
                return

    def _slices(self, stream: str) -> Iterator[list[tuple[str, dict[str, str]]]]:
        start = "-"
        while True:
            entries: list[Any] = guard(partial(self._redis.xrange, stream, start, "+", count=SLICE))
            if not entries:
                return
            yield entries
            start = f"({entries[-1][0]}"

    def _early(self) -> Iterator[str]:
        cursor = 0
        while True:
            cursor, found = guard(partial(self._redis.scan, cursor, match=f"{keys.EARLY_PREFIX}*", count=SLICE))
            yield from found
            if not cursor:
                return


def _is_packed(job: str) -> bool:
    """Whether its body is compressed, or no text at all."""
    try:
        base64.b64decode(json.loads(job)["body"]).decode("utf-8")
    except (LookupError, TypeError, RecursionError, json.JSONDecodeError):
        return False  # it is no job, and was looked at as it stands
    except ValueError:
        return True
    return False


def _bytes(text: str) -> Any:
    """As they stand in Redis."""
    return text.encode("utf-8", "surrogateescape")
