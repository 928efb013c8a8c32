"""Campaigns in Redis: what they are, how far they are, and what people do to them as a whole.

Progress is not counted here: the scripts change it together with each record, so a message that is handled twice
counts once.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from typing import Any

import redis

from octoworker.errors import UnknownMessageError
from octoworker.sms.record import FINAL, State
from octoworker.store import audit, keys
from octoworker.store.scripts import Scripts, guard
from octoworker.store.units import span_ms

SLICE = 500
DAY = timedelta(days=1)

OLD = 10
"""Campaigns that are looked at, whether they have gone, when another is begun."""

LONGEST_WAIT = timedelta(days=366)
"""A message may wait so long before its record, and with it its campaign, begins to end."""

NO_END = -1
"""What Redis says of the time to live of a key that has none."""

REGION = "region:"
"""Begins the name of a field that says for which region numbers of a campaign were read."""

PARTS = ("", ":counts", ":reasons", ":messages")


@dataclass(frozen=True)
class Opened:
    """A campaign that is to be taken. `finished`: it was taken whole within the last day; `conflict`: its key is another's.
    Then nothing was begun."""

    id: str
    finished: bool = False
    conflict: bool = False
    regions: tuple[str, ...] = ()
    """For which its numbers were read when it was opened before."""


@dataclass(frozen=True)
class Stop:
    """What a cancel of a campaign did, in messages: stopped here; to be cancelled by Octopush, which a worker asks; too late for."""

    stopped: int
    recalled: int
    late: int


@dataclass(frozen=True)
class Campaign:
    """One campaign as it stands. `counts`: people by state; `reasons`: those who failed, by the provider's code or by the
    reason; `people`: in all, once it is loaded."""

    id: str
    name: str
    people: int
    refused: int
    loaded: bool
    paused: bool
    cancelled: bool
    counts: Mapping[str, int]
    reasons: Mapping[str, int]
    paused_because: str = ""
    """When it paused itself."""

    @property
    def done(self) -> int:
        """People whose message has ended."""
        return sum(count for state, count in self.counts.items() if state in FINAL)

    @property
    def taken(self) -> int:
        """People whose message has been taken so far."""
        return sum(self.counts.values())

    @property
    def over(self) -> bool:
        """Every message has ended."""
        return self.loaded and self.done >= self.taken

    def as_json(self) -> dict[str, Any]:
        return {
            "campaign": self.id,
            "name": self.name,
            "people": self.people,
            "refused": self.refused,
            "loaded": self.loaded,
            "paused": self.paused,
            "paused_because": self.paused_because or None,
            "cancelled": self.cancelled,
            "over": self.over,
            "counts": {state: count for state, count in sorted(self.counts.items()) if count},
            "reasons": dict(sorted(self.reasons.items(), key=lambda pair: -pair[1])),
        }


class Campaigns:
    """All campaigns of one Redis."""

    def __init__(self, client: redis.Redis, scripts: Scripts, *, keep: timedelta) -> None:
        self._redis = client
        self._scripts = scripts
        self._keep = keep

    def open(
        self, campaign: str, name: str, *, place: str = "", content: str = "", force: bool = False, region: str = ""
    ) -> Opened:
        """Begin a campaign, or go on with the one that is known under `place`, a digest of its key or of its content.

        That one is remembered as long as it is unfinished, and for a day after it was taken whole. `force` begins anew, unless
        that very one is unfinished: whoever was stopped and says the same again goes on, also with `force`.
        `region`: for which its national numbers are read now.
        """

        def begin() -> Opened:
            own = campaign
            if place:
                pointer = keys.CAMPAIGN_FILE_PREFIX + place
                anew = force and not self._unfinished(self._redis.get(pointer), content)
                self._redis.set(pointer, campaign, ex=self._keep, nx=not anew)
                own = str(self._redis.get(pointer) or campaign)
            root = keys.CAMPAIGN_PREFIX + own
            facts: dict[str, str] = self._redis.hgetall(root)  # type: ignore[assignment]  # we ask for text
            if own != campaign and facts.get("content", content) != content:
                return Opened(own, conflict=True)
            if own != campaign and facts.get("loaded"):
                return Opened(own, finished=True)
            left = self._redis.ttl(root)
            with self._redis.pipeline(transaction=False) as pipe:
                pipe.hset(root, mapping={"name": name, "content": content, "place": place})
                if region:
                    pipe.hset(root, REGION + region, "1")
                pipe.hincrby(root + ":counts", "queued", 0)
                pipe.execute()
            self._list(own)
            self._expire(root, left)
            return Opened(own, regions=tuple(sorted(_regions(facts))))

        return guard(begin)  # type: ignore[no-any-return]

    def _unfinished(self, campaign: Any, content: str) -> bool:
        """Whether there is something to go on with: it has this content, and was neither taken whole nor cancelled."""
        found: Any = self._redis.hmget(keys.CAMPAIGN_PREFIX + str(campaign), "content", "loaded", "cancelled")
        known, loaded, cancelled = found
        return known is not None and known == content and not loaded and not cancelled

    def _list(self, campaign: str) -> None:
        """From now on it stands among all of them, and some that have gone no more."""
        now = float(self._redis.time()[0])
        kept = round(self._keep.total_seconds())
        old: Any = self._redis.zrange(keys.CAMPAIGN_LIST, "-inf", now - kept, byscore=True, offset=0, num=OLD)
        gone = [each for each in old if not self._redis.exists(keys.CAMPAIGN_PREFIX + each)]
        with self._redis.pipeline(transaction=False) as pipe:
            pipe.zadd(keys.CAMPAIGN_LIST, {campaign: now}, nx=True)
            if gone:
                pipe.zrem(keys.CAMPAIGN_LIST, *gone)
            pipe.expire(keys.CAMPAIGN_LIST, kept + round(LONGEST_WAIT.total_seconds()))
            pipe.execute()

    def begun(self) -> Iterator[tuple[datetime, Campaign]]:
        """All that are kept, with when each was begun, the latest first."""
        for start in count(0, SLICE):
            ask = partial(self._redis.zrange, keys.CAMPAIGN_LIST, start, start + SLICE - 1, desc=True, withscores=True)
            found = guard(ask)
            for campaign, at in found:
                with suppress(UnknownMessageError):
                    yield datetime.fromtimestamp(at, UTC), self.get(campaign)
            if len(found) < SLICE:
                return

    def loaded(self, campaign: str, *, people: int, refused: int) -> None:
        """All its messages have been taken. Asked for again within a day, it is refused; after that it is a new one."""

        def write() -> None:
            root = keys.CAMPAIGN_PREFIX + campaign
            left = self._redis.ttl(root)
            self._redis.hset(root, mapping={"loaded": 1, "people": people, "refused": refused})
            self._expire(root, left)
            if place := self._redis.hget(root, "place"):
                self._redis.expire(keys.CAMPAIGN_FILE_PREFIX + str(place), DAY)

        guard(write)

    def get(self, campaign: str) -> Campaign:
        """How far it is. UnknownMessageError when there is none."""

        def read() -> list[dict[str, str]]:
            root = keys.CAMPAIGN_PREFIX + campaign
            with self._redis.pipeline(transaction=False) as pipe:
                for part in PARTS[:3]:
                    pipe.hgetall(root + part)
                found: list[dict[str, str]] = pipe.execute()
            return found

        facts, counts, reasons = guard(read)
        if not facts:
            raise UnknownMessageError("No campaign has this id: it never was, or is older than records are kept.")
        return Campaign(
            id=campaign,
            name=facts.get("name", ""),
            people=int(facts.get("people", 0)),
            refused=int(facts.get("refused", 0)),
            loaded=bool(facts.get("loaded")),
            paused=bool(facts.get("paused")),
            paused_because=facts.get("paused_because", ""),
            cancelled=bool(facts.get("cancelled")),
            counts={state: int(count) for state, count in counts.items()},
            reasons={reason: int(count) for reason, count in reasons.items()},
        )

    def sent(self, people: Sequence[tuple[str, str]], *, but: str) -> list[bool]:
        """Whether each of these (mark, number) was taken with that text by another campaign within the last day, by Redis'
        clock, and has it or will. Two round trips. `but`: the campaign that asks."""

        def read() -> list[bool]:
            seconds, _ = self._redis.time()
            day = seconds // round(DAY.total_seconds())
            with self._redis.pipeline(transaction=False) as pipe:
                for mark, _ in people:
                    for each in (day, day - 1):
                        pipe.hget(f"{keys.CAMPAIGN_SENT_PREFIX}{each}:{mark[:3]}", mark)
                found = pipe.execute()
            ids = [
                _of_another(found[2 * n : 2 * n + 2], but, seconds * 1000 - span_ms(DAY)) for n in range(len(people))
            ]
            with self._redis.pipeline(transaction=False) as pipe:
                for message_id in filter(None, ids):
                    pipe.hmget(keys.record(message_id), "state", "in_doubt_since", "outcomes")
                records = iter(pipe.execute())
            return [
                bool(message_id) and _has_it(number, *next(records))
                for (_, number), message_id in zip(people, ids, strict=True)
            ]

        return guard(read)  # type: ignore[no-any-return]

    def pause(self, campaign: str) -> None:
        """Hold back what has not gone: from the next claim on, on every worker, and until somebody resumes it."""
        self.get(campaign)

        def write() -> None:
            root = keys.CAMPAIGN_PREFIX + campaign
            left, now = self._redis.ttl(root), self._redis.time()
            with self._redis.pipeline(transaction=True) as pipe:
                audit.add(pipe, now, "campaign pause", campaign)
                pipe.hset(root, mapping={"paused": "1", **({"left": left} if left > 0 else {})})
                for part in PARTS:
                    pipe.persist(root + part)
                pipe.execute()

        guard(write)

    def resume(self, campaign: str) -> None:
        """Let it go on: the pause ends at once, then what it held back joins the backlog of its lane, slice by slice.

        Paused again meanwhile, it stays paused, with what has not moved yet.
        """
        self.get(campaign)
        moved = self.resume_slice(campaign, first=True)
        while moved >= SLICE:
            moved = self.resume_slice(campaign, first=False)

    def resume_slice(self, campaign: str, *, first: bool) -> int:
        """One step of `resume`: the first ends the pause. Returns how many messages were moved: fewer than SLICE, no more."""
        by = json.dumps(audit.by("campaign resume")) if first else ""
        arguments = [campaign, SLICE, "1" if first else "", span_ms(self._keep), by]
        moved: int = self._scripts.run("resume_campaign", [], arguments)
        return moved

    def cancel(self, campaign: str) -> Stop:
        """Stop what has not gone; of what Octopush holds for later, a worker asks Octopush."""
        self.get(campaign)

        def write() -> None:
            now = self._redis.time()
            with self._redis.pipeline(transaction=True) as pipe:
                pipe.hset(keys.CAMPAIGN_PREFIX + campaign, "cancelled", "1")
                audit.add(pipe, now, "campaign cancel", campaign)
                pipe.execute()

        guard(write)
        return self._stop(campaign)

    def _stop(self, campaign: str) -> Stop:
        request = json.dumps({"keep": span_ms(self._keep), "change_nonce": os.urandom(8).hex()})
        outcomes: Counter[str] = Counter()
        for ids in self._slices(campaign):
            calls = [([keys.record(each)], [each, request]) for each in ids]
            for answer in self._scripts.run_many("cancel", calls):
                if isinstance(answer, Exception):
                    raise answer
                outcomes[answer[0]] += 1
        if self.get(campaign).over:
            self._keep_from_now(campaign)
        stopped, recalled = outcomes["done"], outcomes["requested"]
        return Stop(stopped, recalled, outcomes.total() - stopped - recalled)

    def stopped(self, campaign: str) -> bool:
        """For who is still loading it: whether it was cancelled. Who did so may not have seen what was taken since; that
        is stopped here."""
        cancelled = bool(guard(lambda: self._redis.hexists(keys.CAMPAIGN_PREFIX + campaign, "cancelled")))
        if cancelled:
            self._stop(campaign)
        return cancelled

    def _keep_from_now(self, campaign: str) -> None:
        """It is paused no longer: it ends again, no sooner than it would have."""
        root = keys.CAMPAIGN_PREFIX + campaign
        guard(lambda: self._expire(root, 0, at_least=int(self._redis.hget(root, "left") or 0)))

    def _expire(self, root: str, left: int, *, at_least: int = 0) -> None:
        """Let it end, unless it is paused (left: -1), or its messages have put its end off further than this."""
        keep = max(round(self._keep.total_seconds()), at_least)
        if left == NO_END or left > keep:
            return
        with self._redis.pipeline(transaction=False) as pipe:
            for part in PARTS:
                pipe.expire(root + part, keep)
            pipe.execute()

    def ids(self, campaign: str) -> Iterator[tuple[str, int]]:
        """Its messages with their rows, in that order."""
        start = 0
        while True:
            place = keys.CAMPAIGN_PREFIX + campaign + ":messages"
            found = guard(partial(self._redis.zrange, place, start, start + SLICE - 1, withscores=True))
            yield from ((message_id, int(row)) for message_id, row in found)
            if len(found) < SLICE:
                return
            start += SLICE

    def _slices(self, campaign: str) -> Iterator[list[str]]:
        some: list[str] = []
        for message_id, _ in self.ids(campaign):
            some.append(message_id)
            if len(some) == SLICE:
                yield some
                some = []
        if some:
            yield some


def _regions(facts: Mapping[str, str]) -> Iterator[str]:
    return (name.removeprefix(REGION) for name in facts if name.startswith(REGION))


def _of_another(entries: Sequence[str | None], but: str, since: int) -> str:
    """The message that these entries of `sent` name, unless it is older, or of the campaign that asks; "" for none."""
    for entry in filter(None, entries):
        campaign, message_id, at = entry.split(":")
        if campaign != but and int(at) >= since:
            return message_id
    return ""


def _has_it(number: str, state: str | None, in_doubt_since: str | None, outcomes: str | None) -> bool:
    """Whether somebody has a message, may have it, or will. One that has been forgotten may have been sent."""
    if state in _UNSENT or (state == State.DEAD and not in_doubt_since):
        return False
    own = json.loads(outcomes).get(number, {}) if outcomes else {}
    return own.get("state") not in _UNSENT


_UNSENT = frozenset({State.REJECTED, State.EXPIRED, State.CANCELLED})
