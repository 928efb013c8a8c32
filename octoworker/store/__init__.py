"""The records in Redis: the truth about every message. Owner of `redis` and of the Lua scripts beside this file.

Each change is one script, so that nothing can come between looking and acting. Every failure to reach or to
write Redis is a StoreError: who gets one must not send.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from functools import partial
from itertools import count, islice
from typing import Any, Literal

import redis
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

from octoworker import correlation, environment
from octoworker.errors import SettingsError, StoreError
from octoworker.sms import instants
from octoworker.sms.record import FINAL, Record, State
from octoworker.sms.shapes import PartRecord
from octoworker.store import audit, budget, keys, primary, server, stats
from octoworker.store.audit import Audit
from octoworker.store.campaigns import Campaign, Campaigns, Opened
from octoworker.store.clock import PLAN_SLACK, RedisClock
from octoworker.store.clocks import Clocks
from octoworker.store.codes import Codes
from octoworker.store.confirm import Confirm, UnconfirmedError
from octoworker.store.due import DueSet, Slice, Timings
from octoworker.store.epoch import DURABLE_WITHIN, Epoch, RolledBackError
from octoworker.store.erasure import Forgetting
from octoworker.store.finding import Finder
from octoworker.store.flow_control import FlowControl
from octoworker.store.inbox import Inbox
from octoworker.store.latest import latest
from octoworker.store.limits import Limits, millionths
from octoworker.store.opt_outs import OptOuts
from octoworker.store.outbox import EventLog, Outbox
from octoworker.store.presence import Workers
from octoworker.store.recalls import Recall, Recalls, Word, payload_at
from octoworker.store.refusals import refused
from octoworker.store.replies import claimed, received, record_of, settled, with_state
from octoworker.store.scripts import Scripts, guard
from octoworker.store.server import Lineage
from octoworker.store.stats import FILLING, FULL, Board, Lane
from octoworker.store.tombstones import Tombstones
from octoworker.store.units import NO_TIME, instant, instant_ms, span_ms
from octoworker.store.values import (
    Busy,
    Claim,
    ClaimRequest,
    Conflict,
    Done,
    KeyUse,
    Lease,
    NewMessage,
    Outcome,
    Outdated,
    QueuedJobs,
    Receipt,
    Received,
    Reply,
    ReplyOutcome,
    Settled,
    StoredRequest,
    Superseded,
    Wait,
    Wakeup,
)
from octoworker.store.webhooks import Webhooks
from octoworker.telemetry import events

__all__ = [
    "FILLING",
    "FULL",
    "NO_JOB",
    "SLACK",
    "SOCKET_TIMEOUT",
    "Board",
    "Busy",
    "Campaign",
    "Campaigns",
    "Claim",
    "ClaimRequest",
    "Confirm",
    "Conflict",
    "Created",
    "Done",
    "FlowControl",
    "KeyUse",
    "Lane",
    "Lease",
    "NewMessage",
    "Opened",
    "Outcome",
    "Outdated",
    "QueuedJobs",
    "Recall",
    "Receipt",
    "Received",
    "Reply",
    "ReplyOutcome",
    "Settled",
    "Slice",
    "Store",
    "StoredRequest",
    "Superseded",
    "Wait",
    "Wakeup",
    "Word",
    "connect",
    "connect_to_jobs",
]

SLACK = timedelta(milliseconds=20)
"""A job may be claimed this much before it is due: a worker knows Redis' clock only as well as the network is quick."""

READ_AT_ONCE = 100
"""Records read in one round trip."""

PRUNED_AT_ONCE = 1000
"""Members of an index dropped in one step of Redis: some 0.5 ms. All of a million at once would hold everybody up for a second."""

SLICES_AT_ONCE = 10
"""Such steps in one call, after which the scheduler looks at its other work."""

MOVING_MS = 600_000
"""ms ahead of which what is queued or being submitted is looked at again; what is looked at later waits for its time."""

SLICE = 500
"""Records whose state is asked for in one round trip."""

Created = Literal["created", "same", "conflict", "cancelled", "expired", "rejected", "dead"]
"""`same`: it is there already, with this content; `conflict`: with other content. A state: as `same`, and it is over."""

Replaced = Literal["created", "same", "replaced", "gone"]
"""`same`: it is there already, just so; `gone`: it was handed over, or may have been."""

HANDED_BACK_FOR = timedelta(seconds=2)
"""Until a message is tried again that replicas did not confirm: as often as that is no load, and soon enough."""

BEHIND = "a replica may not know yet that its first key was refused"

NO_LIMITS = Limits()
NO_JOB = QueuedJobs(keys.NOWHERE)

EARLY_FOR = timedelta(hours=72)
"""A receipt waits so long for its ticket: operators give up after 48 hours."""

MOST_REPLIES = 20
"""Of one message. More than that is a conversation, of which the latest are kept."""

SOCKET_TIMEOUT = 5.0
"""Seconds for one answer of Redis, as a socket takes them. A script here takes microseconds; longer means the server or
the link is gone."""


def connect(
    url: str,
    *,
    timeout: float = SOCKET_TIMEOUT,
    connections: int = 64,
    retries: int = 2,
    lossless: bool = False,
) -> redis.Redis:
    """A client that never waits for ever. It opens its first connection at its first use. `lossless`: bytes that are no
    UTF-8 are read without an error, and are the same bytes when they are written.

    SettingsError when redis-py knows no such address.
    """
    options: dict[str, Any] = {
        "decode_responses": True,
        "encoding_errors": "surrogateescape" if lossless else "strict",
        "socket_timeout": timeout,
        "socket_connect_timeout": min(timeout, 3.0),
        "socket_keepalive": True,
        "health_check_interval": 25,
        "max_connections": connections,
        "retry": Retry(ExponentialBackoff(cap=0.2, base=0.02), retries),
        "client_name": "octoworker",
    }
    try:
        if environment.names_sentinels(url):
            client = primary.connect(environment.sentinels(url), **options)
        else:
            client = redis.Redis.from_url(url, connection_class=budget.connection_class(url), **options)
        # As the pool will: an option that no connection takes would be a TypeError at the first use.
        client.connection_pool.connection_class(**client.connection_pool.connection_kwargs)
    except (ValueError, TypeError, AttributeError, redis.RedisError):
        names = " or ".join(environment.RECORDS)
        raise SettingsError([f"{names}: an option after its ? is unknown, or its value is wrong."]) from None
    return client


def connect_to_jobs(url: str, *, timeout: float) -> redis.Redis | None:
    """For somebody who looks at jobs, whatever bytes they are; None: the broker is no single Redis."""
    single = url.startswith(("redis:", "rediss:", "redis+socket:", "unix:")) and ";" not in url
    single = single or environment.names_sentinels(url)
    return connect(url, timeout=timeout, retries=0, lossless=True) if single else None


class Store:
    """The records, as one worker or one web app uses them. Safe to share between threads, not over a fork."""

    def __init__(  # noqa: PLR0913 - by name, and each is a promise of its own
        self,
        client: redis.Redis,
        *,
        keep_for: timedelta,
        requeue_after: timedelta,
        lease: timedelta = NO_TIME,
        key_window: timedelta = NO_TIME,
        max_crashes: int = 0,
        limits: Limits = NO_LIMITS,
        by_function: bool = False,
        confirm: Confirm | None = None,
        scripts: Scripts | None = None,
    ) -> None:
        """`confirm`: how many replicas must have what is written; None: nobody asks them. `scripts`: in the place of its own."""
        self._redis = client
        self._scripts = scripts or Scripts(client, by_function=by_function, confirm=confirm)
        self.clock = RedisClock(client)
        self.clocks = Clocks(client, self._scripts)
        self.epoch = Epoch(client, self._scripts, keep=keep_for)
        self.codes = Codes(self._scripts)
        self.flow_control = FlowControl(client, limits.account)
        self.campaigns = Campaigns(client, self._scripts, keep=keep_for)
        self.workers = Workers(client, self._scripts)
        self.finder = Finder(client)
        self.audit = Audit(client)
        self.people = Forgetting(client, self._scripts, keep=keep_for)
        self.recalls = Recalls(
            client,
            self._scripts,
            limits.account,
            self.clock,
            keep=keep_for,
            lease=lease,
            a_month=limits.recalls_a_month,
        )
        self.opt_outs = OptOuts(client, self._scripts, keep=keep_for)
        self.outbox = Outbox(client, lease=lease)
        self.event_log = EventLog(client, self._scripts)
        self.inbox = Inbox(client, self._scripts, lease=lease)
        self.webhooks = Webhooks(client, self._scripts)
        self.tombstones = Tombstones(self._scripts)
        self._limits = limits
        self._keep = span_ms(keep_for)
        self._requeue = span_ms(requeue_after)
        self._lease = span_ms(lease)
        self._key_window = span_ms(key_window)
        self._max_crashes = max_crashes
        absent_after = 2 * lease + requeue_after
        self._absent_after = span_ms(absent_after)
        self.due = DueSet(
            self._scripts,
            Timings(requeue_after, keep_for, lease, max_crashes, key_window, absent_after),
            limits,
        )

    def lineage(self) -> Lineage | None:
        """Which stream of writes this Redis has; None where that is not told. StoreError: it is out of reach."""
        return server.lineage(self._redis)

    @property
    def primary_moves(self) -> int:
        """How often Sentinels have named another primary since this store was opened; 0 without Sentinels."""
        return getattr(self._redis.connection_pool, "moves", 0)

    def create(
        self,
        message_id: str,
        fingerprint: str,
        lane: str,
        payload: str,
        job: QueuedJobs = NO_JOB,
        *,
        wording: str = "",
        secret: bool = False,
    ) -> Created:
        """Write the record of a message, and publish its job with it when there is one. `wording`: as in NewMessage.

        `secret`: its text goes once it was accepted.
        """
        wanted = ClaimRequest(message_id, fingerprint, lane, payload, correlation=correlation.current())
        facts = {**self._facts(wanted), "wording": wording, "secret": secret}
        arguments = [message_id, json.dumps(facts), payload, *(job.jobs or [""]), job.queue]
        answer: Created = self._scripts.run("create", [keys.record(message_id)], arguments)
        return answer

    def replace(self, new: NewMessage, lane: str, incarnation: str, job: QueuedJobs = NO_JOB) -> tuple[Replaced, State]:
        """Write a message in place of the one that has its id, if nothing of that has gone, and publish its job with it.

        `incarnation`: a word drawn for this call. Also the state before: QUEUED where there was no message.
        """
        wanted = ClaimRequest(
            new.message_id,
            new.fingerprint,
            lane,
            new.payload,
            correlation=correlation.current(),
            incarnation=incarnation,
        )
        facts = {**self._facts(wanted), "wording": new.wording}
        arguments = [new.message_id, json.dumps(facts), new.payload, *(job.jobs or [""]), job.queue]
        outcome, before = self._scripts.run("replace", [keys.record(new.message_id)], arguments)
        return outcome, State(before)

    def create_many(
        self, lane: str, messages: Sequence[NewMessage], *, campaign: str | None = None, job: QueuedJobs = NO_JOB
    ) -> list[Created]:
        """Write the records of many messages, and publish their bulk jobs with them: one round trip for all of them."""
        facts: dict[str, Any] = {
            "lane": lane,
            "requeue_after": self._requeue,
            "campaign": campaign,
            "correlation": correlation.current(),
        }
        # Each part costs its caller as much as the reading of a number: what is empty in all of them is left out.
        worded = bool(campaign) or any(new.wording for new in messages)
        parts: list[Any] = []
        for new in messages:
            parts += new[: 3 + worded]  # id, fingerprint, payload, wording
            if campaign:
                parts += (new.people, new.row, " ".join(new.marks))
        facts["worded"] = worded
        arguments = [json.dumps(facts), job.queue, len(job.jobs), *job.jobs, *parts]
        letters = self._scripts.run("create_many", [], arguments)
        return [CREATED[letter] for letter in letters]

    def taken(self, ids: Sequence[str]) -> list[StoredRequest | None]:
        """What was asked for, of each of these messages; None where there is no record. One round trip."""

        looks = [("HMGET", keys.record(each), "payload", "fingerprint", "incarnation") for each in ids]
        return [
            None if payload is None else StoredRequest(payload, mark or "", word or "")
            for payload, mark, word in self._scripts.look(looks)
        ]

    def claim(self, job: ClaimRequest) -> Claim:
        """Ask for the right to submit. One round trip decides everything; asking twice by accident is harmless.

        What replicas did not confirm in time is no lease: it is handed back, and nothing may be sent.
        """
        try:
            answer = self._scripts.run("claim", *self._claim(job))
        except UnconfirmedError as error:
            self._hand_back([(job, claimed(job, answer)) for answer in error.answers], str(error))
            raise
        try:
            return self._on_second_key(job, self._in_time(claimed(job, answer)))
        except RolledBackError:
            self.go_back()
            raise

    def claim_many(self, jobs: Sequence[ClaimRequest]) -> list[Claim | StoreError]:
        """`claim` for each, in one round trip. StoreError in the place of one that failed."""
        try:
            answers = self._scripts.run_many("claim", [self._claim(job) for job in jobs])
        except UnconfirmedError as error:
            pairs = zip(jobs, error.answers, strict=True)
            self._hand_back(
                [(job, claimed(job, each)) for job, each in pairs if not isinstance(each, Exception)],
                str(error),
            )
            raise
        found = [self._read(job, answer) for job, answer in zip(jobs, answers, strict=True)]
        if any(isinstance(each, RolledBackError) for each in found):
            self.go_back()
        return self._on_second_keys(jobs, found)

    def _read(self, job: ClaimRequest, answer: Any) -> Claim | StoreError:
        try:
            return answer if isinstance(answer, StoreError) else self._in_time(claimed(job, answer))
        except RolledBackError as error:
            return error

    def _on_second_key(self, job: ClaimRequest, claim: Claim) -> Claim:
        (found,) = self._on_second_keys([job], [claim])
        if isinstance(found, StoreError):
            raise found
        return found

    def _on_second_keys(
        self, jobs: Sequence[ClaimRequest], claims: list[Claim | StoreError]
    ) -> list[Claim | StoreError]:
        """The same; a claim of a second key waits while a replica may not know yet that the first one was refused.

        Promoted, such a replica would ask with the first key again, which the refusal may have spent or not: the provider
        could take both.
        """
        newest = max((each.epoch for each in claims if isinstance(each, Lease)), default=0)
        second = [n for n, each in enumerate(claims) if isinstance(each, Lease) and each.on_a_new_key]
        if not second:
            self.epoch.note(newest) if self._scripts.confirms else self.epoch.learn(newest)
            return claims
        if self._on_every_replica():
            self.epoch.note(newest)
            return claims
        held = [claims[n] for n in second]
        back = self._hand_back([(jobs[n], claim) for n, claim in zip(second, held, strict=True)], BEHIND)
        for n, claim in zip(second, back, strict=True):
            claims[n] = claim
        return claims

    def _on_every_replica(self) -> bool:
        with contextlib.suppress(StoreError):
            return self._scripts.on_every_replica(DURABLE_WITHIN)
        return False

    def _hand_back(
        self, some: Sequence[tuple[ClaimRequest, Claim | StoreError]], reason: str
    ) -> list[Claim | StoreError]:
        """Give up what was claimed, before a byte of it left: it waits a little. Where that cannot be written the lease tells."""
        held = [(job, claim) for job, claim in some if isinstance(claim, Lease)]
        if not held:
            return []
        calls = [self._settle(job.message_id, lease.token, _handed_back(lease, job, reason)) for job, lease in held]
        try:
            answers = self._scripts.run_many("settle", calls, confirmed=False)
        except StoreError as error:
            return [error for _ in held]
        return [_as_held(job, each) for (job, _), each in zip(held, answers, strict=True)]

    def settle(self, message_id: str, token: int, outcome: Outcome) -> Settled:
        """Write the outcome of a submit, and what it says about the account and about Octopush."""
        return settled(message_id, self._scripts.run("settle", *self._settle(message_id, token, outcome)))

    def settle_many(self, outcomes: Sequence[tuple[str, int, Outcome]]) -> list[Settled | StoreError]:
        """`settle` for each (message_id, token, outcome), in one round trip. StoreError in the place of one that failed.

        The records do not come back: of so many nobody reads them.
        """
        answers = self._scripts.run_many("settle", [self._settle(*each, quiet=True) for each in outcomes])
        return [
            answer if isinstance(answer, StoreError) else settled(each[0], answer)
            for each, answer in zip(outcomes, answers, strict=True)
        ]

    def _in_time(self, claim: Claim) -> Claim:
        """What this process takes for Redis' time was wrong: the next plan asks."""
        if isinstance(claim, Outdated):
            self.clock.forget()
        return claim

    def go_back(self, *, force: bool = False) -> int:
        """Redis went back to an older state: leave to an operator what may have moved since then. Returns how many.

        `force`: an operator says so. Else nothing is done where nothing is known of it.
        """
        to_review = 0
        for some, noticed in self.epoch.roll_back(force=force):
            if noticed:
                events.emit("redis.rolled_back")
            to_review += some
        if to_review:
            events.emit("redis.needs_review", count=to_review)
        return to_review

    def _claim(self, job: ClaimRequest) -> Call:
        facts = {
            **self._facts(job),
            "claim_nonce": os.urandom(8).hex(),
            "epoch": self.epoch.seen or None,
            "lease": self._lease,
            "key_window": self._key_window,
            "slack": span_ms(SLACK),
            "max_crashes": self._max_crashes,
            "absent_after": self._absent_after,
            "segments": job.segments,
            "ours": job.ours or None,
            "published_at": job.published_at,
            "hold_until": instant_ms(job.hold_until),
            "closed_until": instant_ms(job.closed_until),
            "refuse_before": instant_ms(job.refuse_before),
            "expires_at": instant_ms(job.expires_at),
            "deliver_at": instant_ms(job.deliver_at),
            "planned_at": instant_ms(job.planned_at),
            "plan_slack": span_ms(PLAN_SLACK) if job.planned_at else None,
            "past_reason": job.past_reason if job.refuse_before else None,
            "marketing": job.marketing or None,
            "day": job.day if job.cap_request else None,
            "cap_request": job.cap_request,
            "opt_outs": job.opt_outs or None,
            "readers": job.readers or None,
            "parts": list(job.parts) or None,
            "unread": job.unread or None,
            "refused": job.refused or None,
            "refusal": job.refusal or None,
            "found_by": list(job.found_by) or None,
            "remarks": json.dumps(list(job.remarks)) if job.remarks else None,
        }
        known = {name: fact for name, fact in facts.items() if fact is not None}
        return [keys.record(job.message_id)], [job.message_id, json.dumps(known), job.payload, self._limits.as_text]

    def _settle(self, message_id: str, token: int, outcome: Outcome, *, quiet: bool = False) -> Call:
        facts = {
            "state": outcome.state.value,
            "reason": _line(outcome.reason),
            "keep": self._keep,
            "key_generation": outcome.generation,
            "key": outcome.key,
            "counts": outcome.counts,
            "delay": span_ms(outcome.delay),
            "fields": dict(outcome.fields) or {"changed": "0"},
            "quiet": quiet or None,
            "health": outcome.health,
            "account_hold": outcome.account_hold,
            "backlog": outcome.backlog,
            "deliver_at": instant_ms(outcome.deliver_at),
            "recall_until": instant_ms(outcome.recall_until),
            "opt_outs": outcome.opt_outs,
            "day": outcome.day,
            "mended_by_credit": outcome.mended_by_credit or None,
            "unsent": outcome.unsent,
            "spent": millionths(outcome.spent),
            "prices": {country: millionths(price) for country, price in outcome.prices.items()} or {"": 0},
        }
        known = {name: fact for name, fact in facts.items() if fact is not None}
        return [keys.record(message_id)], [message_id, token, json.dumps(known), self._limits.as_text]

    def reject(self, job: ClaimRequest, reason: str, error_code: str | None) -> Done | Superseded | None:
        """Keep a message that cannot be sent, with the reason. None: the id belongs to other content."""
        facts = {
            **self._facts(job),
            "reason": _line(reason),
            "error_code": error_code or "",
            "ours": job.ours,
            "found_by": list(job.found_by),
        }
        places = [keys.record(job.message_id)]
        outcome, *rest = self._scripts.run("reject", places, [job.message_id, json.dumps(facts), job.payload])
        if outcome == "superseded":
            return Superseded()
        if outcome == "conflict":
            return None
        return Done(record_of(job.message_id, rest[0]), stopped=outcome == "rejected")

    def push(self, lists: Mapping[str, Sequence[str]]) -> None:
        """Put jobs into the broker's lists on this Redis, in one round trip."""
        with self._redis.pipeline(transaction=False) as pipe:
            for queue, jobs in lists.items():
                pipe.lpush(queue, *jobs)
            guard(pipe.execute)

    def cancel(self, message_id: str) -> Record:
        """Stop a message that has not gone; of one that Octopush holds for later, a worker asks Octopush (`Record.recall`).

        RefusedError when it is too late, UnknownMessageError when there is none.
        """
        return self._change("cancel", message_id)

    def reschedule(
        self, message_id: str, due: datetime, payload: str, *, max_ahead: timedelta, incarnation: str = ""
    ) -> Record:
        """Move a message that is held here to another instant; of one that Octopush holds, a worker asks Octopush to cancel it
        first. `incarnation`: of the content that `payload` is made from. RefusedError says why not."""
        facts: dict[str, Any] = {
            "due": instant_ms(due),
            "grace": span_ms(instants.PAST_GRACE),
            "max_ahead": span_ms(max_ahead),
        }
        return self._change("reschedule", message_id, payload=payload, incarnation=incarnation, **facts)

    def decide(self, message_id: str, *, sent: bool = False, cancelled: bool = False) -> Record:
        """An operator's word on a message that waits for one: it was sent, Octopush cancelled it, or else it is given up.

        What Octopush cancelled because it was to be moved goes out at its new time. RefusedError when the message does not
        wait for such a word.
        """
        moved: dict[str, Any] = {}
        if cancelled and (record := self.get(message_id)) and record.recall and record.recall.send_at:
            moved = {"payload": payload_at(record, record.recall.send_at)}
        to = State.ACCEPTED if sent else State.CANCELLED if cancelled else State.DEAD
        word = "sent" if sent else "cancelled" if cancelled else "dead"
        return self._change("decide", message_id, f"decide {word}", to=to, **moved)

    def replay(self, message_id: str, *, force: bool) -> Record:
        """Put an ended message back in its queue under a new key. RefusedError when it may ring twice and not forced."""
        return self._change("replay", message_id, "replay, by force" if force else "", force=force)

    def receipts(self, receipts: Sequence[Receipt]) -> list[Received | StoreError]:
        """Write later words on delivery, in one round trip. StoreError in the place of one that failed.

        They may come in any order, any number of times, and before their ticket.
        """
        calls: list[Call] = [([], [self._receipt(each)]) for each in receipts]
        answers = self._scripts.run_many("receipt", calls)
        return [answer if isinstance(answer, StoreError) else received(answer) for answer in answers]

    def reply(self, reply: Reply) -> tuple[ReplyOutcome, str]:
        """Keep what somebody answered, and say with which message: its id."""
        facts = {**asdict(reply), "most": MOST_REPLIES, "keep": self._keep}
        outcome, message_id = self._scripts.run("reply", [], [json.dumps(facts)])
        return outcome, message_id

    def _receipt(self, receipt: Receipt) -> str:
        facts = {
            **asdict(receipt),
            "reason": _line(receipt.reason),
            "keep": self._keep,
            "early_for": span_ms(EARLY_FOR),
            "pause_at": self._limits.campaign_pause_at,
        }
        return json.dumps(facts)

    def get(self, message_id: str) -> Record | None:
        """The record, or None."""
        return self._record(message_id, guard(lambda: self._redis.hgetall(keys.record(message_id))))

    def _record(self, message_id: str, fields: Mapping[str, str]) -> Record | None:
        if not fields.get("state"):
            return None
        found = Record.from_hash(message_id, fields)
        return replace(found, parts=self._parts(found)) if found.parts else found

    def _records(self, ids: Iterable[str]) -> Iterator[Record]:
        """Those of these records that are there, some in a round trip: few enough that nobody waits behind them."""

        def read(some: Sequence[str]) -> list[dict[str, str]]:
            with self._redis.pipeline(transaction=False) as pipe:
                for each in some:
                    pipe.hgetall(keys.record(each))
                return pipe.execute()

        wanted = iter(ids)
        while some := list(islice(wanted, READ_AT_ONCE)):
            for each, fields in zip(some, guard(partial(read, some)), strict=True):
                if record := self._record(each, fields):
                    yield record

    def _parts(self, whole: Record) -> dict[str, PartRecord]:
        """The parts of a message to several countries, as they stand now. One that is gone: as it ended."""
        ids = [part["message_id"] for part in whole.parts.values()]

        def read() -> list[list[str | None]]:
            with self._redis.pipeline(transaction=False) as pipe:
                for each in ids:
                    pipe.hmget(keys.record(each), "state", "reason", "due", "cost")
                return pipe.execute()

        return {
            country: with_state(part, state, *more) if state else part
            for (country, part), (state, *more) in zip(whole.parts.items(), guard(read), strict=True)
        }

    def list(self, state: State | None, limit: int) -> Iterator[Record]:
        """Records in a state: what is coming soonest first, what is over latest first. None: every state."""
        yield from (each for each in self._records(self._ids(state, limit)) if state in (None, each.state))

    def unconfirmed(self, limit: int) -> Iterator[Record]:
        """Messages that were accepted as far as anybody can know, the longest in doubt first."""
        ids = guard(lambda: self._redis.zrange(keys.UNCONFIRMED, 0, limit - 1))
        yield from (each for each in self._records(ids) if each.confirmed is False)

    def recalled(self, limit: int) -> Iterator[Record]:
        """Messages that Octopush is asked, or is to be asked, to cancel, and those of which an operator must say what it did."""
        for message_id in self.recalls.open(limit):
            if (record := self.get(message_id)) and record.recall and record.recall.open:
                yield record

    def rolled_back(self, limit: int) -> Iterator[Record]:
        """Messages that were left to an operator because Redis went back to an older state, the first of them first."""
        ids = guard(lambda: self._redis.zrange(keys.ROLLED_BACK, 0, limit - 1))
        yield from (each for each in self._records(ids) if each.state is State.UNKNOWN)

    def latest(self, limit: int) -> Sequence[Record]:
        """The messages that moved last, latest first."""
        return latest(self._redis, limit)

    def board(self, queues: Mapping[str, str]) -> Board:
        """Figures at a glance. `queues`: the broker's list of each lane, "" when the jobs are on another server."""
        return stats.look(self._redis, queues)

    def count(self) -> dict[str, int]:
        """How many messages stand in each state that is indexed, and `moving` for all that are not final."""
        states = [state for state in State if state not in (State.QUEUED, State.SUBMITTING)]
        with self._redis.pipeline(transaction=False) as pipe:
            for state in states:
                pipe.zcard(keys.state(state))
            pipe.zcard(keys.DUE)
            sizes = guard(pipe.execute)
        return dict(zip([*(state.value for state in states), "moving"], sizes, strict=True))

    def prune(self) -> bool:
        """Drop from the indexes some of what is older than the records are kept: so much that nobody waits noticeably behind it.
        True: there is more."""
        now = int(guard(self._redis.time)[0]) * 1000
        indexes = (*(keys.state(state) for state in FINAL), keys.UNCONFIRMED, keys.ROLLED_BACK, keys.ACCOUNTS)
        more = [guard(partial(self._prune, index, now - self._keep)) for index in indexes]
        guard(lambda: self.event_log.prune(instant(now)))
        return any(more)

    def _prune(self, index: str, horizon: int) -> bool:
        """Slices of one index, each a step of its own for Redis. True: there is more."""
        for _ in range(SLICES_AT_ONCE):
            last: Any = self._redis.zrange(
                index, "-inf", horizon, byscore=True, offset=PRUNED_AT_ONCE - 1, num=1, withscores=True
            )
            self._redis.zremrangebyscore(index, "-inf", last[0][1] if last else horizon)
            if not last:
                return False
        return True

    def ping(self) -> None:
        """StoreError when Redis is out of reach."""
        guard(self._redis.ping)

    def close(self) -> None:
        self._scripts.close()
        self._redis.close()

    def _change(self, change: str, message_id: str, act: str = "", **facts: Any) -> Record:
        request = {"keep": self._keep, "requeue_after": self._requeue, "change_nonce": os.urandom(8).hex(), **facts}
        request["by"] = audit.by(act or change)
        outcome, found, before = self._scripts.run(change, [keys.record(message_id)], [message_id, json.dumps(request)])
        record = record_of(message_id, found) if outcome != "absent" else None
        if record is None or outcome not in ("done", "requested"):
            raise refused(change, outcome, before, record)
        known = {"lane": record.lane, "correlation": record.correlation, "was": before}
        name = "recall_requested" if outcome == "requested" else record.state
        events.emit(f"sms.{name}", message_id=message_id, **known)
        return record

    def _ids(self, state: State | None, limit: int) -> Iterable[str]:
        if state in (State.QUEUED, State.SUBMITTING):
            yield from islice(self._moving(state), limit)
            return
        if state is None:
            yield from guard(lambda: self._redis.zrange(keys.DUE, 0, limit - 1))
        listed = [state] if state else sorted(FINAL | {State.UNKNOWN})
        for each in listed:
            soonest = each in (State.SCHEDULED, State.WAITING)
            yield from guard(partial(self._redis.zrange, keys.state(each), 0, limit - 1, desc=not soonest))

    def _moving(self, state: State) -> Iterator[str]:
        """Ids in a state that has no index, found among all that is looked at soon. A slice a round trip: thousands may be
        held back in front of the first."""
        soon = int(guard(self._redis.time)[0]) * 1000 + MOVING_MS
        for start in count(0, SLICE):
            ids = guard(partial(self._redis.zrange, keys.DUE, "-inf", soon, byscore=True, offset=start, num=SLICE))
            states = guard(partial(self._states, ids)) if ids else []
            yield from (message_id for message_id, there in zip(ids, states, strict=True) if there == state)
            if len(ids) < SLICE:
                return

    def _states(self, ids: Sequence[str]) -> Sequence[str | None]:
        with self._redis.pipeline(transaction=False) as pipe:
            for message_id in ids:
                pipe.hget(keys.record(message_id), "state")
            return pipe.execute()

    def _facts(self, job: ClaimRequest) -> dict[str, Any]:
        return {
            "fingerprint": job.fingerprint,
            "lane": job.lane,
            "job_id": job.job_id or job.message_id,
            "keep": self._keep,
            "requeue_after": self._requeue,
            **({"correlation": job.correlation} if job.correlation else {}),
            **({"incarnation": job.incarnation} if job.incarnation else {}),
        }


def _handed_back(lease: Lease, job: ClaimRequest, reason: str) -> Outcome:
    """Not one byte of it left: the key is as it was, and no attempt is counted."""
    state = State.UNKNOWN if lease.key_used_before else State.WAITING
    return Outcome(
        state, f"not sent: {reason}", lease.generation, key="unused", counts=False, delay=HANDED_BACK_FOR, day=job.day
    )


def _as_held(job: ClaimRequest, answer: Any) -> Claim | StoreError:
    if isinstance(answer, StoreError):
        return answer
    record = settled(job.message_id, answer).record
    return Busy() if record is None else Wait(record, held=True)


Call = tuple[list[str], list[Any]]
"""The keys and the arguments of one script."""

CREATED: Mapping[str, Created] = {
    "n": "created",
    "s": "same",
    "c": "conflict",
    "x": "cancelled",
    "e": "expired",
    "r": "rejected",
    "d": "dead",
}


def _line(reason: str) -> str:
    """The history keeps one line per move."""
    return " ".join(reason.split())
