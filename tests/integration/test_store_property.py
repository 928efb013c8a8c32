"""Any order of claims, outcomes, lost leases, receipts, looks of the scheduler and people leads to a legal history.

A state machine that plays workers and a scheduler against the real scripts in a real server. Time passes by moving the
record's own instants back, so that nothing waits.
"""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
import redis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from store_kit import look, seconds, told

from octoworker.errors import RefusedError
from octoworker.sms.record import FINAL, MOVES, State
from octoworker.store import ClaimRequest, Lease, Outcome, Store, keys
from octoworker.store.erasure import Person

ID, NUMBER = "a" * 32, "+33612345678"
RECORD = keys.record(ID)
PAYLOAD = json.dumps({"recipients": NUMBER, "text": "Bonjour"})
JOB = ClaimRequest(ID, "print", "normal", PAYLOAD, segments=1)
PERSON = Person(lambda written: written == NUMBER, NUMBER[-6:], lambda _: [])
LEASE, KEY_WINDOW = 30.0, 500.0
MEANWHILE = 5.0
"""Seconds that pass by themselves during one run, at the most that is thought of: so near its end a lease may be over."""

OUTCOMES = (
    Outcome(State.ACCEPTED, "", 0, fields={"ticket": "api1", "outcomes": json.dumps({NUMBER: {"state": "accepted"}})}),
    Outcome(State.REJECTED, "no", 0, key="next"),
    Outcome(State.DEAD, "given up", 0, key="next"),
    Outcome(State.WAITING, "later", 0, key="next", delay=seconds(5)),
    Outcome(State.WAITING, "later", 0, key="unused", delay=seconds(5)),
    Outcome(State.WAITING, "no credit", 0, key="next", delay=seconds(60), counts=False),
    Outcome(State.UNKNOWN, "may have been sent", 0, delay=seconds(5)),
    Outcome(State.UNKNOWN, "may have been sent", 0, key="doubtful", delay=seconds(5)),
    Outcome(State.UNKNOWN, "a person decides", 0),
)


class Life(RuleBasedStateMachine):
    server_url = ""

    def __init__(self):
        super().__init__()
        self.client = redis.Redis.from_url(self.server_url, decode_responses=True)
        self.client.flushall()
        timings = {"keep_for": 1000, "requeue_after": 60, "lease": LEASE, "key_window": KEY_WINDOW}
        spans = {name: seconds(span) for name, span in timings.items()}
        self.store = Store(self.client, **spans, max_crashes=4)
        self.store.create(ID, "print", "normal", PAYLOAD)
        self.claims: list[Lease] = []
        self.holder: Lease | None = None
        self.held_for = 0.0
        self.maybe_sent_under: int | None = None
        self.settled_as_sent = False

    def teardown(self):
        self.client.close()

    def after_a_person(self):
        """What a person insisted on is theirs to answer for: the promises start anew."""
        self.maybe_sent_under, self.settled_as_sent, self.holder = None, False, None

    @rule()
    def a_worker_claims(self):
        claim = self.store.claim(JOB)
        if not isinstance(claim, Lease):
            return
        assert self.holder is None, "two workers hold the lease"
        assert not self.settled_as_sent, "a message that was accepted goes again"
        if self.maybe_sent_under is not None:
            assert claim.generation == self.maybe_sent_under, "another key although the first may have been taken"
            assert claim.key_used_before
        self.claims.append(claim)
        self.holder, self.held_for, self.maybe_sent_under = claim, 0.0, claim.generation

    @rule(data=st.data(), outcome=st.sampled_from(OUTCOMES))
    def a_worker_settles(self, data, outcome):
        """Any worker that ever had a claim, also one that lost it long ago."""
        if not self.claims:
            return
        claim = data.draw(st.sampled_from(self.claims))
        if outcome.key in ("next", "unused") and claim.key_used_before:
            return  # the retry room never says so of a key that was used before
        ticket = {"ticket": f"api{claim.generation}"} if outcome.state is State.ACCEPTED else {}
        written = Outcome(
            **{**outcome.__dict__, "generation": claim.generation, "fields": {**outcome.fields, **ticket}}
        )
        before = self.store.get(ID).state
        record = self.store.settle(ID, claim.token, written).record
        assert record is not None or self.holder is not claim, "the holder of the lease was fenced"
        if record is not None and before is State.SUBMITTING:
            self.holder = None
            self.maybe_sent_under = None if outcome.key in ("next", "unused") else self.maybe_sent_under
        if record is not None and record.state is State.ACCEPTED:
            self.settled_as_sent = True

    @rule(seconds=st.sampled_from([1.0, 6.0, LEASE + 1, 61.0, KEY_WINDOW]))
    def time_passes(self, seconds):
        moved = round(seconds * 1000)
        names = ("due", "lease_until", "in_doubt_since", "first_attempt_at", "created", "published_at")
        for name, value in zip(names, self.client.hmget(RECORD, names), strict=True):
            if value:
                self.client.hset(RECORD, name, int(float(value)) - moved)
        if (score := self.client.zscore(keys.DUE, ID)) is not None:
            self.client.zadd(keys.DUE, {ID: score - moved})
        self.held_for += seconds
        if self.held_for > LEASE - MEANWHILE:
            self.holder = None

    @rule()
    def the_scheduler_looks(self):
        look(self.store, ahead=0.5)

    @rule(says=st.sampled_from(["nothing", "underway", "undelivered", "delivered"]), generation=st.integers(0, 2))
    def a_receipt_comes(self, says, generation):
        """For a ticket that may be known, of this life of the message or of one before a replay."""
        record = told(self.store, NUMBER, says, ticket=f"api{generation}").record
        if record and record.state in (State.ACCEPTED, State.DELIVERED, State.UNDELIVERED):
            self.settled_as_sent, self.holder = True, None

    @rule()
    def a_person_cancels(self):
        try:
            self.store.cancel(ID)
        except RefusedError:
            return
        assert self.maybe_sent_under is None, "cancelled although it may have been sent"

    @rule(force=st.booleans())
    def a_person_replays(self, force):
        sent = self.settled_as_sent or self.maybe_sent_under is not None
        try:
            self.store.replay(ID, force=force)
        except RefusedError:
            return
        assert force or not sent, "replayed without force although it may have been sent"
        self.after_a_person()

    @rule(sent=st.booleans())
    def a_person_decides(self, sent):
        try:
            self.store.decide(ID, sent=sent)
        except RefusedError:
            return
        assert self.holder is None, "decided while a worker has it"
        self.settled_as_sent = self.settled_as_sent or sent

    @rule()
    def the_recipient_is_forgotten(self):
        self.store.people.forget(PERSON)

    @invariant()
    def who_is_forgotten_stays_so(self):
        if self.store.get(ID).forgotten_at is not None:
            assert NUMBER[3:] not in json.dumps(self.client.hgetall(RECORD))

    @invariant()
    def it_goes_when_it_is_over_and_not_before(self):
        assert (self.client.pttl(RECORD) > 0) is (self.store.get(ID).state in FINAL)

    @invariant()
    def the_history_is_legal(self):
        history = [move.state for move in self.store.get(ID).history]
        for before, after in pairwise(history):
            assert after in MOVES[before], f"{before} → {after}"

    @invariant()
    def it_is_not_lost(self):
        record = self.store.get(ID)
        in_review = self.client.hexists(RECORD, "needs_review")
        waits = self.client.zscore(keys.DUE, ID) is not None
        assert waits or in_review or record.state in FINAL
        assert not (in_review and record.state is not State.UNKNOWN)

    @invariant()
    def it_stands_in_one_index_at_most(self):
        state = self.store.get(ID).state
        listed = [s for s in State if self.client.zscore(keys.state(s), ID) is not None]
        assert listed == ([] if state in (State.QUEUED, State.SUBMITTING) else [state])


@pytest.mark.timeout(300)
def test_any_order_of_events_leads_to_a_legal_history(redis_server):
    machine = type("Run", (Life,), {"server_url": redis_server.url})
    checks = [HealthCheck.too_slow, HealthCheck.filter_too_much]
    limits = settings(max_examples=80, stateful_step_count=40, deadline=None, suppress_health_check=checks)
    run_state_machine_as_test(machine, settings=limits)
