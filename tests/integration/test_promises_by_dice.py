"""Everything at once: several messages, flow control, caps, crashes, lost answers, people, and clocks that jump.

Dice play workers, the scheduler, Octopush and people against the real sender and the real scripts. Octopush remembers keys
as it says it does. Two rules: no handset rings twice unless a person insists, and when all is well again
every message comes to an end or is left to a person. fakeredis, because its clock can be set.
"""

from __future__ import annotations

import itertools
import json
import random
from collections import Counter
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise

import fakeredis
import pytest
import time_machine
from store_kit import at, look, seconds, told

from octoworker.errors import (
    BusyError,
    DuplicateKeyError,
    Kind,
    MaybeSentError,
    RefusedByProviderError,
    RefusedError,
    StoreError,
    UnreachableError,
)
from octoworker.gateway import Answer, RecipientResult, dialects
from octoworker.sending import read, retry
from octoworker.sending.attempt import Sender
from octoworker.sending.rules import Budgets, Rules
from octoworker.sms import identity, jobs, message, schedule
from octoworker.sms.hours import parse as parse_hours
from octoworker.sms.record import MOVES, State
from octoworker.store import ClaimRequest, Store, keys
from octoworker.store import Outcome as Settlement
from octoworker.store.erasure import Person
from octoworker.store.inbox import Arrival
from octoworker.store.limits import Caps, Limits

NUMBERS = tuple(f"+336123456{n:02d}" for n in range(3))
NOON = 1_795_431_600.0
"""A Monday in November 2026, 12:00 in Paris."""
LANES = ("urgent", "normal", "bulk")
FATES = ("taken", "partly", "lost after", "lost before", "unreachable", "busy", "crash after", "crash before")
CODES = ("101", "104", "127", "150", "500", "126", "999")
QUEUES = {lane: f"q:{lane}" for lane in LANES}


LEGACY = dialects.DIALECTS["legacy"]
DIALECTS = tuple(dialects.DIALECTS.values())


def refusal(code, dialect):
    """What the gateway makes of this code."""
    known = dialect.lookup(code)
    return RefusedByProviderError(
        "no", kind=known.kind, code=code, stops_account=known.stops_account, mended_by_credit=known.mended_by_credit
    )


DAY = timedelta(days=1)


class CrashError(BaseException):
    """The worker is gone."""


class Octopush:
    """Remembers keys, rings handsets, and does what it is told to do next."""

    def __init__(self, rung, dialect):
        self.keys: set[str] = set()
        self.rung = rung
        self.dialect = dialect
        self.fate = "taken"

    def submit(self, order):  # noqa: C901 - one line for each way a call can end
        fate = self.fate
        if fate == "unreachable":
            raise UnreachableError("no connection")
        if fate == "busy":
            raise BusyError("HTTP 429", retry_after=2.0)
        if fate == "crash before":
            raise CrashError
        if fate == "lost before":
            raise MaybeSentError("no answer")
        if fate == "500":
            raise MaybeSentError("500", code="500")
        if order.key in self.keys:
            raise DuplicateKeyError("had it", code="120")
        if fate in CODES:
            raise refusal(fate, self.dialect)
        self.keys.add(order.key)
        taken = order.recipients[:1] if fate == "partly" else order.recipients
        for number in taken:
            self.rung[order.key[:32], number] += 1
        if fate == "crash after":
            raise CrashError
        if fate == "lost after":
            raise MaybeSentError("no answer")
        fates = [
            RecipientResult(number, "accepted", "FR", Decimal("0.05"), 1)
            if number in taken
            else RecipientResult(number, "rejected", code="153", kind=Kind.TRANSIENT, reason="congested")
            for number in order.recipients
        ]
        return Answer("api1", Decimal("0.05"), Decimal(9), "EUR", order.send_at, len(taken), tuple(fates))


class Everything:
    def __init__(self, seed):
        self.dice = random.Random(seed)
        self.time = time_machine.travel(NOON, tick=False)
        self.now = self.time.start()
        self.client = fakeredis.FakeRedis(decode_responses=True)
        self.rung: Counter[tuple[str, str]] = Counter()
        # One account, or two of the two generations of the API, each of which knows its own keys alone.
        self.dialects = DIALECTS if self.dice.random() < 0.5 else self.dice.sample(DIALECTS, 1)
        self.jobs: list[dict] = []
        self.old_jobs: list[dict] = []
        self.forced: set[str] = set()
        self.ids: list[str] = []
        self.count = itertools.count()

        self.open(
            rate=self.dice.choice([0.0, 1.0, 100.0]),
            calls=self.dice.choice([0, 4]),
            caps=self.dice.choice(
                [Caps(), Caps(), Caps(hour=2, same_text=seconds(60)), Caps(countries={"FR": 4}, refuse=True)]
            ),
            elsewhere=self.dice.random() < 0.3,
            hold=self.dice.random() < 0.5,
        )

    def open(self, *, rate, calls, caps, elsewhere, hold):
        self.queues = {} if elsewhere else QUEUES
        self.octopushes = [Octopush(self.rung, dialect) for dialect in self.dialects]
        self.stores, self.senders = [], []
        for octopush in self.octopushes:
            account = octopush.dialect.account_of("me@example.com")
            limits = Limits(
                rate=rate,
                breaker_calls=calls,
                caps=caps,
                account=account,
            )
            store = Store(
                self.client,
                keep_for=timedelta(days=30),
                requeue_after=seconds(60),
                lease=seconds(45),
                key_window=DAY,
                max_crashes=5,
                limits=limits,
            )
            self.stores.append(store)
            self.senders.append(
                Sender(store, octopush, octopush.dialect.key, self.rules(octopush.dialect, caps, hold=hold))
            )
        self.store = self.stores[0]

    def rules(self, dialect, caps, *, hold):
        return Rules(
            payload=message.Policy(rules=dialect.rules, sender="Octo"),
            time=schedule.Rules(
                hold=hold,
                refuse_past=True,
                max_ahead=timedelta(days=366),
                windows=parse_hours("FR=08:00-20:00", alsace_moselle=False),
            ),
            retry=retry.Policy(seconds(2), seconds(300), DAY, 50, seconds(300), DAY),
            budgets=Budgets(45, 13, 16),
            caps=caps,
        )

    def close(self):
        self.time.stop()
        self.client.close()

    def live(self, steps):
        weights = {
            self.a_campaign_is_enqueued: 1,
            self.somebody_enqueues: 3,
            self.a_while_passes_in_which_workers_work: 10,
            self.a_job_is_delivered_again: 2,
            self.all_jobs_are_lost: 1,
            self.the_clock_is_set_back: 1,
            self.a_person_pauses: 1,
            self.a_person_resumes: 2,
            self.a_person_changes_one: 2,
        }
        for _ in range(steps):
            self.dice.choices(list(weights), list(weights.values()))[0]()
            self.no_handset_rings_twice()
            self.the_end_is_true()
            self.nothing_stands_nowhere()

    def ring(self):
        """One tick of a clock of each account. What it publishes stands in a queue, or is lost on the way."""
        for store in self.stores:
            self.look(store)

    def look(self, store):
        while True:
            found = look(store, ahead=0.5, queues=self.queues, size=5)
            for each in found.wakeups:
                kwargs = jobs.job_kwargs(each.message_id, each.arguments, published_at=each.published_at)
                self.publish(each.lane, kwargs)
            if not found.full:
                return

    def publish(self, lane, kwargs):
        self.jobs.append(kwargs)
        self.client.lpush(QUEUES[lane], kwargs["message_id"])

    def work(self, kwargs, fate):
        """A worker of one of the accounts gets it."""
        place = self.dice.randrange(len(self.senders))
        self.octopushes[place].fate = fate
        try:
            self.senders[place].handle(kwargs, kwargs["message_id"])
        except CrashError:
            return

    def a_campaign_is_enqueued(self):
        for _ in range(3):
            self.enqueue("normal", 2, f"Bonjour {len(self.ids)}", transactional=True)

    def somebody_enqueues(self):
        pick = self.dice.choice
        text = pick(["Bonjour STOP au XXXXX", "Autre texte STOP au XXXXX"])
        send_in, expires_in = pick([None, None, 120, 200_000]), pick([None, None, 90, 400_000])
        if not (send_in and expires_in and expires_in <= send_in):
            self.enqueue(pick(LANES), pick([1, 2, 3]), text, pick([True, False]), send_in, expires_in)

    def enqueue(self, lane, size, text, transactional, send_in=None, expires_in=None):
        if len(self.ids) >= 12:
            return
        now = schedule.datetime.now().timestamp()
        wanted = {
            "recipients": list(NUMBERS[:size]),
            "text": text,
            "transactional": transactional,
            "lane": lane,
            **({"send_at": now + send_in} if send_in else {}),
            **({"expires_at": now + expires_in} if expires_in else {}),
        }
        message_id = f"{next(self.count):032x}"
        self.store.create(message_id, identity.fingerprint(wanted), lane, json.dumps(wanted))
        self.ids.append(message_id)
        self.publish(lane, jobs.job_kwargs(message_id, wanted))

    def a_while_passes_in_which_workers_work(self):
        """Some jobs, oldest first. Mostly all is well, or the same goes wrong for a while."""
        self.now.shift(self.dice.choice([0, 0.6, 5, 5, 61, 61, 700, 5000, 90_000]))
        # Now and then the workers of one account are away.
        self.ring() if self.dice.random() < 0.8 else self.look(self.dice.choice(self.stores))
        usual = self.dice.choice(("taken", *FATES, *CODES))
        for _ in range(self.dice.randint(1, 8)):
            fate = usual if self.dice.random() < 0.7 else self.dice.choice(FATES)
            if not self.jobs:
                return
            kwargs = self.jobs.pop(0)
            self.client.rpop(QUEUES[self.store.get(kwargs["message_id"]).lane])
            self.old_jobs.append(kwargs)
            self.work(kwargs, fate)
            self.no_handset_rings_twice()
            self.the_end_is_true()

    def a_job_is_delivered_again(self):
        if self.old_jobs:
            self.work(self.dice.choice(self.old_jobs), self.dice.choice(FATES))

    def all_jobs_are_lost(self):
        self.jobs.clear()
        for queue in QUEUES.values():
            self.client.delete(queue)

    def the_clock_is_set_back(self):
        self.now.shift(-self.dice.choice([5, 30, 3600]))

    def a_person_pauses(self):
        self.store.flow_control.pause(self.dice.choice(["all", "normal", "marketing"]))

    def a_person_resumes(self):
        self.store.flow_control.resume("all")

    def a_person_changes_one(self):
        if not self.ids:
            return
        message_id = self.dice.choice(self.ids)
        change = self.dice.choice(["cancel", "replay", "replay", "force", "reject", "move", "decide", "decide"])
        record = self.store.get(message_id)
        if record is None:
            return
        now = schedule.datetime.now().timestamp()
        try:
            match change:
                case "cancel":
                    self.store.cancel(message_id)
                    assert not any(rung for (each, _), rung in self.rung.items() if each == message_id)
                case "replay":
                    self.store.replay(message_id, force=False)
                case "force":
                    self.store.replay(message_id, force=True)
                    self.forced.add(message_id)
                case "move":
                    payload = json.dumps({**record.arguments, "send_at": now + 500})
                    self.store.reschedule(message_id, at(now + 500), payload, max_ahead=timedelta(days=10_000))
                case "decide":
                    rang = any(rung for (each, _), rung in self.rung.items() if each == message_id)
                    self.store.decide(message_id, sent=rang)
                case "reject":
                    job = read.request_of(jobs.job_kwargs(message_id, record.arguments), message_id)
                    # As a worker with other settings would.
                    self.store.reject(job, "sender: set OCTOWORKER_SENDER.", None)
        except RefusedError:
            return

    def no_handset_rings_twice(self):
        twice = [key for key, rung in self.rung.items() if rung > 1 and key[0] not in self.forced]
        assert twice == []

    def the_end_is_true(self):
        for message_id in self.ids:
            record = self.store.get(message_id)
            if record is None or message_id in self.forced:
                continue
            rang = any(rung for (each, _), rung in self.rung.items() if each == message_id)
            if record.state in (State.EXPIRED, State.CANCELLED, State.REJECTED):
                assert not rang, f"{record.state}, but it rang: {record.history}"
            if record.state is State.DEAD:
                assert not rang or record.maybe_sent
            if record.state is State.ACCEPTED:
                assert rang, f"accepted, but nothing rang: {record.history}"

    def nothing_stands_nowhere(self):
        for message_id in self.ids:
            record = self.store.get(message_id)
            if record is None:
                continue
            for before, after in pairwise(move.state for move in record.history):
                assert after in MOVES[before], f"{before} → {after}"
            backlog, in_review = self.client.hmget(keys.record(message_id), "backlog", "needs_review")
            waits = self.client.zscore(keys.DUE, message_id) is not None
            assert waits or in_review or record.final, record.history
            assert not (backlog and (in_review or record.final)), record.history
            assert not backlog or record.state in (State.WAITING, State.UNKNOWN), record.history
        backlogs = [key for key in self.client.keys(keys.BACKLOG_PREFIX + "*") if self.client.type(key) == "zset"]
        for key in backlogs:
            for message_id in self.client.zrange(key, 0, -1):
                assert self.client.hget(keys.record(message_id), "backlog") == key.removeprefix(keys.BACKLOG_PREFIX)

    def all_ends_when_all_is_well(self):
        self.store.flow_control.resume("all")
        for _ in range(400):
            self.store.flow_control.resume("all")
            self.ring()
            todo, self.jobs = self.jobs, []
            for kwargs in todo:
                self.client.rpop(QUEUES[self.store.get(kwargs["message_id"]).lane])
                self.work(kwargs, "taken")
            self.no_handset_rings_twice()
            self.the_end_is_true()
            left = [m for m in self.ids if (r := self.store.get(m)) and not r.final]
            left = [m for m in left if not self.client.hexists(keys.record(m), "needs_review")]
            if not left:
                return
            self.now.shift(1800)
        raise AssertionError([self.client.hgetall(keys.record(m)) for m in left])


@pytest.mark.timeout(300)
@pytest.mark.parametrize("first", range(0, 60, 10))
def test_whatever_happens_no_handset_rings_twice_and_every_message_ends(first):
    for seed in range(first, first + 10):
        everything = Everything(seed)
        try:
            everything.live(60)
            everything.all_ends_when_all_is_well()
        except AssertionError as error:
            error.add_note(f"seed {seed}")
            raise
        finally:
            everything.close()


def raised(found):
    """One of many that failed comes back as its error."""
    if isinstance(found, StoreError):
        raise found


def everything_in(client):
    return {key: client.dump(key) for key in client.keys("*")}


@pytest.mark.parametrize(
    "act",
    [
        lambda store: store.create("9" * 32, "print", "normal", "{}"),
        lambda store: store.claim(ClaimRequest("9" * 32, "print", "normal", "{}")),
        lambda store: store.claim(ClaimRequest("1" * 32, "print", "normal", "{}")),
        lambda store: store.settle("2" * 32, 1, Settlement(State.ACCEPTED, "", 0, fields={"ticket": "api1"})),
        lambda store: store.settle(
            "2" * 32, 1, Settlement(State.WAITING, "", 0, key="next", backlog="normal:transactional")
        ),
        lambda store: store.reject(ClaimRequest("3" * 32, "print", "normal", "{}"), "no", None),
        lambda store: store.cancel("3" * 32),
        lambda store: raised(told(store, NUMBERS[0], ticket="api4")),
        lambda store: raised(told(store, NUMBERS[0], ticket="nobody's")),
        lambda store: store.inbox.put([Arrival("{}", "e1", "receipt")]),
        lambda store: store.replay("4" * 32, force=True),
        lambda store: store.decide("5" * 32, sent=True),
        lambda store: store.people.forget(Person(lambda _: True, "345600", lambda _: [])),
        lambda store: store.due.rescue(9, {"normal": "nothing"}),
        lambda store: store.due.stage(9, seconds(9)),
        lambda store: store.due.release(9, seconds(9)),
    ],
)
def test_a_full_redis_refuses_a_change_whole(redis_client, act):
    """Backlogged (3), queued (1), submitting (2), accepted (4), left to an operator (5) and due (6): nothing is left half done."""
    store = Store(
        redis_client,
        keep_for=seconds(1000),
        requeue_after=seconds(1),
        lease=seconds(30),
        key_window=seconds(1000),
        max_crashes=3,
    )
    for digit in "123456":
        store.create(digit * 32, "print", "normal", json.dumps({"recipients": NUMBERS[0]}))
    for digit in "245":
        store.claim(ClaimRequest(digit * 32, "print", "normal", "{}"))
    store.settle("4" * 32, 1, Settlement(State.ACCEPTED, "", 0, fields={"ticket": "api4"}))
    store.settle("5" * 32, 1, Settlement(State.UNKNOWN, "", 0))
    store.flow_control.pause("all")
    store.claim(ClaimRequest("3" * 32, "print", "normal", "{}"))
    store.flow_control.resume("all")
    store.claim(ClaimRequest("6" * 32, "print", "normal", "{}", hold_until=at(redis_client.time()[0] + 5)))
    redis_client.zadd(keys.DUE, {"1" * 32: 0})
    before = everything_in(redis_client)
    redis_client.config_set("maxmemory", "1")
    try:
        with pytest.raises(StoreError):
            act(store)
    finally:
        redis_client.config_set("maxmemory", "0")
    assert everything_in(redis_client) == before
