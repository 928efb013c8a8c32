"""One game: dice play producers, workers, schedulers, Octopush and people, against the real doors, sender and scripts.

fakeredis, because its clock can be set. Two rules: no handset rings more often than was asked for, unless a person
insists, and when all is well again every message comes to an end or is left to a person.
"""

from __future__ import annotations

import json
import random
from base64 import b64decode
from datetime import timedelta
from itertools import pairwise

import fakeredis
import time_machine
from store_kit import look, seconds

from dice.book import Book
from dice.doors import Doors
from dice.octopush import CODES, ENDS, CrashError, Octopush
from octoworker.client import publish
from octoworker.errors import KeyConflictError, RefusedError, StoreError
from octoworker.gateway import dialects
from octoworker.sending import read, retry
from octoworker.sending.attempt import Sender
from octoworker.sending.batch import Bulk, TakenJob
from octoworker.sending.rules import Budgets, Rules
from octoworker.sms import jobs, lanes, message, schedule
from octoworker.sms.hours import parse as parse_hours
from octoworker.sms.record import MOVES, Record, State
from octoworker.store import Store, keys
from octoworker.store.limits import Caps, Limits
from octoworker.worker import together

NOON = 1_795_431_600.0
"""A Monday in November 2026, 12:00 in Paris."""
DAY = timedelta(days=1)
DIALECTS = tuple(dialects.DIALECTS.values())
QUEUES = {lane: lanes.queue_of(lane) for lane in lanes.LANES}
WELL = "taken"
CUT = 100
"""Lines of a history; a longer one has lost its middle."""


class Game:
    """Everything at once, from one seed."""

    def __init__(self, seed):
        self.dice = random.Random(seed)
        random.seed(seed)  # whatever else is left to chance
        self.time = time_machine.travel(NOON, tick=False)
        self.clock = self.time.start()
        self.server = fakeredis.FakeServer()
        self.client = fakeredis.FakeRedis(server=self.server, decode_responses=True)
        self.book = Book()
        self.doors = Doors(self.server, self.dice, self.book, self.now, {"OCTOWORKER_SENDER": "Octo"})
        self.old_jobs: list[dict] = []
        self.usual_end = WELL
        self.decided: set[str] = set()
        """Messages of which a person has said what became of them."""
        self.seen: dict[str, tuple] = {}
        """What each record was when it was last looked at."""
        self.workers = [self._workers(dialect) for dialect in self._accounts()]
        self.store = self.workers[0].store

    def _accounts(self):
        """One account, or two of the two generations of the API, each of which knows its own keys alone."""
        self.burnt = self.dice.random() < 0.3
        self.queues = {} if self.dice.random() < 0.3 else QUEUES
        self.limits = {
            "rate": self.dice.choice([0.0, 1.0, 100.0]),
            "breaker_calls": self.dice.choice([0, 4]),
            "caps": self.dice.choice(
                [Caps(), Caps(), Caps(hour=4, same_text=seconds(60)), Caps(countries={"FR": 8}, refuse=True)]
            ),
        }
        self.hold = self.dice.random() < 0.5
        return DIALECTS if self.dice.random() < 0.5 else self.dice.sample(DIALECTS, 1)

    def _workers(self, dialect):
        octopush = Octopush(self.book.rang, dialect, self._end, burnt=self.burnt)
        store = Store(
            self.client,
            keep_for=timedelta(days=30),
            requeue_after=seconds(60),
            lease=seconds(45),
            key_window=DAY,
            max_crashes=5,
            limits=Limits(**self.limits, account=dialect.account_of("me@example.com")),
        )
        return Workers(store, octopush, self._rules(dialect))

    def _rules(self, dialect):
        return Rules(
            payload=message.Policy(rules=dialect.rules, sender="Octo"),
            time=schedule.Rules(
                hold=self.hold,
                refuse_past=True,
                max_ahead=timedelta(days=366),
                hours=parse_hours("FR=08:00-20:00"),
            ),
            retry=retry.Policy(seconds(2), seconds(300), DAY, 50, seconds(300), DAY),
            budgets=Budgets(45, 13, 16),
            caps=self.limits["caps"],
        )

    def close(self):
        self.doors.client.close()
        self.client.close()
        self.time.stop()

    def now(self):
        return schedule.datetime.now().timestamp()

    def play(self, moves):
        weights = {
            self.somebody_asks: 4,
            self.doors.again: 1,
            self.doors.a_key_of_another: 0.3,
            self.a_while_passes_in_which_workers_work: 10,
            self.a_job_is_delivered_again: 2,
            self.all_jobs_of_messages_with_a_record_are_lost: 1,
            self.the_clock_is_set_back: 1,
            self.a_person_pauses: 1,
            self.a_person_resumes: 2,
            self.a_person_changes_one: 3,
            self.a_person_changes_a_campaign: 0.5,
        }
        for _ in range(moves):
            self.dice.choices(list(weights), list(weights.values()))[0]()
            self.all_is_as_promised()

    def somebody_asks(self):
        if doors := self.doors.open():
            self.dice.choice(doors)()

    def a_while_passes_in_which_workers_work(self):
        """Some jobs, oldest first. Mostly all is well, or the same goes wrong for a while."""
        self.clock.shift(self.dice.choice([0, 0.6, 5, 5, 61, 61, 700, 5000, 90_000]))
        # Now and then the workers of one account are away.
        self.schedule(self.workers if self.dice.random() < 0.8 else [self.dice.choice(self.workers)])
        self.usual_end = self.dice.choice((WELL, *ENDS, *CODES))
        for _ in range(self.dice.randint(1, 8)):
            if not (some := self.next_jobs()):
                return
            self.old_jobs += some
            self.work(*some)
            self.book.nobody_rings_twice()

    def a_job_is_delivered_again(self):
        if self.old_jobs:
            self.work(self.dice.choice(self.old_jobs))

    def all_jobs_of_messages_with_a_record_are_lost(self):
        """A job of a stranger's is all there is of its message: its queue has it until a worker has claimed it."""
        for queue in QUEUES.values():
            kept = [raw for raw in self.client.lrange(queue, 0, -1) if "stranger" in raw]
            self.client.delete(queue)
            if kept:
                self.client.rpush(queue, *kept)

    def the_clock_is_set_back(self):
        self.clock.shift(-self.dice.choice([5, 30, 3600]))

    def a_person_pauses(self):
        self.store.flow_control.pause(self.dice.choice(["all", "normal", "marketing"]))

    def a_person_resumes(self):
        self.store.flow_control.resume("all")

    def a_person_changes_a_campaign(self):
        if self.doors.campaigns:
            campaigns, own = self.store.campaigns, self.dice.choice(self.doors.campaigns)
            self.dice.choice([campaigns.pause, campaigns.resume, campaigns.resume, campaigns.cancel])(own)

    def a_person_changes_one(self):
        found = [each for each in self.doors.ids if each in self.seen]
        if not found:
            return
        message_id = self.dice.choice(found)
        change = self.dice.choice(["cancel", "replay", "replay", "force", "reject", "move", "decide", "decide"])
        record = self.seen[message_id][1]
        mine = [each for each in self.book.promises if each.text == record.arguments["text"]]
        rang = any(self.book.rang[each.number, each.text] for each in mine)
        try:
            match change:
                case "cancel":
                    self.store.cancel(message_id)
                    assert not (rang and self._alone(record)) or record.parts, record.history
                case "replay":
                    self.store.replay(message_id, force=False)
                case "force":
                    self.store.replay(message_id, force=True)
                    self.decided.add(message_id)
                    self.book.asked({each.number for each in mine}, record.arguments["text"])
                case "move":
                    self.doors.client.reschedule(message_id, self.now() + 500)
                case "decide":
                    self.store.decide(message_id, sent=rang)
                    self.decided.add(message_id)
                case "reject":
                    job = read.request_of(jobs.job_kwargs(message_id, record.arguments), message_id)
                    # As a worker with other settings would.
                    self.store.reject(job, "sender: set OCTOWORKER_SENDER.", None)
        except RefusedError:
            return

    def schedule(self, some, size=5):
        """One tick of each of these schedulers. What they publish stands in a queue."""
        for each in some:
            full = True
            while full:
                found = look(each.store, ahead=0.5, queues=self.queues, size=size)
                if found.wakeups:
                    each.store.push(publish.packed(found.wakeups))
                full = found.full

    def next_jobs(self):
        """The first job of a queue; now and then, of those that may go together, several."""
        for queue in self.dice.sample(list(QUEUES.values()), len(QUEUES)):
            if raw := self.client.rpop(queue):
                most = self.dice.choice([1, 1, 3, 100])
                return [json.loads(raw), *self._along_with(raw, queue, most)]
        return []

    def _along_with(self, raw, queue, most):
        while most > 1 and jobs.TOGETHER in raw and jobs.TOGETHER in (self.client.lindex(queue, -1) or ""):
            yield json.loads(self.client.rpop(queue))
            most -= 1

    def work(self, *some):
        """A worker of one of the accounts gets it. What one that dies had, another gets, or nobody if it has a record."""
        try:
            self.dice.choice(self.workers).handle(*some)
        except (CrashError, StoreError):
            for job in some:
                if "stranger" in job or self.dice.random() < 0.5:
                    self.client.rpush(QUEUES["normal"], json.dumps(job))

    def _end(self):
        return self.usual_end if self.usual_end == WELL or self.dice.random() < 0.7 else self.dice.choice(ENDS)

    def all_is_as_promised(self):
        self.book.nobody_rings_twice()
        self._look_at_records()
        for key in self.client.keys(keys.BACKLOG_PREFIX + "*"):
            if self.client.type(key) == "zset":
                for message_id in self.client.zrange(key, 0, -1):
                    backlog = self.client.hget(keys.record(message_id), "backlog")
                    assert backlog == key.removeprefix(keys.BACKLOG_PREFIX)

    def _look_at_records(self):
        """Those that have changed: each has made legal moves, stands somewhere, and does not end as what it is not."""
        with self.client.pipeline(transaction=False) as pipe:
            for message_id in self.doors.ids:
                pipe.hgetall(keys.record(message_id))
                pipe.zscore(keys.DUE, message_id)
            found = pipe.execute()
        for message_id, fields, looked_at in zip(self.doors.ids, found[::2], found[1::2], strict=True):
            if fields.get("state") and self.seen.get(message_id, ("",))[0] != (fields, looked_at):
                record = Record.from_hash(message_id, fields)
                self.seen[message_id] = ((fields, looked_at), record)
                self._stands_somewhere(record, fields, looked_at)
                self._ends_as_it_is(record)

    def _stands_somewhere(self, record, fields, looked_at):
        states = [move.state for move in record.history]
        for before, after in pairwise(states if len(states) < CUT else states[1:]):
            assert after in MOVES[before], record.history
        backlog, in_review = fields.get("backlog"), fields.get("needs_review")
        assert looked_at is not None or in_review or record.final or record.parts, record.history
        assert not (backlog and (in_review or record.final)), record.history
        assert not backlog or record.state in (State.WAITING, State.UNKNOWN), record.history

    def _ends_as_it_is(self, record):
        if record.message_id in self.decided or not self._alone(record):
            return
        rang = any(count for (_, text), count in self.book.rang.items() if text == record.arguments["text"])
        if record.state in (State.EXPIRED, State.CANCELLED, State.REJECTED):
            assert not rang, f"{record.state}, but it rang: {record.history}"
        if record.state is State.DEAD:
            assert not rang or record.maybe_sent, record.history
        if record.state is State.ACCEPTED:
            assert rang or (self.burnt and record.confirmed is False), f"nothing rang: {record.history}"

    def _alone(self, record):
        """Whether it alone says what it says."""
        text = record.arguments["text"]
        messages = {each.message_id or each.campaign for each in self.book.promises if each.text == text}
        return not text.startswith("The same") and len(messages) == 1

    def all_ends_when_all_is_well(self):
        self.usual_end = WELL
        for _ in range(400):
            self.store.flow_control.resume("all")
            for own in self.doors.campaigns:
                self.store.campaigns.resume(own)
            self.schedule(self.workers, size=100)
            while some := self.next_jobs():
                self.work(*some)
            self.all_is_as_promised()
            left = [each for each in self.doors.ids if not self._has_ended(each)]
            if not left:
                break
            self.clock.shift(1800)
        else:
            raise AssertionError([self.client.hgetall(keys.record(each)) for each in left])
        self.every_promise_was_kept()

    def _has_ended(self, message_id):
        (fields, _), record = self.seen.get(message_id, (({}, None), None))
        return record is not None and (record.final or self._in_review(fields, record))

    def _in_review(self, fields, record):
        """Whether it waits for an operator, or one of its parts does."""
        of_parts = (self.client.hget(keys.record(part["message_id"]), "needs_review") for part in record.parts.values())
        return bool(fields.get("needs_review")) or any(of_parts)

    def every_promise_was_kept(self):
        by_campaign = {
            (own, number, record.arguments["text"]): record
            for own in self.doors.campaigns
            for message_id, _ in self.store.campaigns.ids(own)
            for record in [self.seen[message_id][1]]
            for number in _listed(record)
        }
        for promise in self.book.promises:
            if promise.campaign:
                record = by_campaign.get((promise.campaign, promise.number, promise.text))
            else:
                record = self.seen[promise.message_id][1]
            assert record is not None, f"lost: {promise}"
            self.book.agrees(
                promise,
                record.as_json(),
                reviewed=self._in_review(self.seen[record.message_id][0][0], record),
                maybe_sent=record.maybe_sent,
                decided=record.message_id in self.decided,
                burnt=self.burnt,
            )


class Workers:
    """The workers of one account."""

    def __init__(self, store, octopush, rules):
        self.store = store
        self.sender = Sender(store, octopush, octopush.dialect.key, rules)
        self.bulk = Bulk(store, self.sender, concurrency=1)

    def handle(self, job, *others):
        if others:
            read = [together.read(json.dumps(each).encode()) for each in (job, *others)]
            self.bulk.handle_together([TakenJob(each["arguments"], each["id"], each["headers"]) for each in read])
            return
        _, kwargs, _ = json.loads(b64decode(job["body"]))
        if job["headers"]["task"] == jobs.BULK_TASK:
            self.bulk.handle(kwargs["ids"], kwargs.get("published_at"))
            return
        try:
            self.sender.handle(kwargs, job["headers"]["id"])
        except KeyConflictError:
            return


def _listed(record):
    recipients = record.arguments["recipients"]
    return [recipients] if isinstance(recipients, str) else recipients
