"""The records, in fakeredis with real Lua: fast, one rule each. The same scripts meet a real server in tests/integration."""

from __future__ import annotations

import json

import fakeredis
import pytest

from octoworker.errors import RefusedError, StoreError, UnknownMessageError
from octoworker.sms.record import State
from octoworker.store import Busy, ClaimRequest, Conflict, Done, Lease, Outcome, Store, Wait
from octoworker.store.erasure import Person

ID = "a" * 32
PAYLOAD = '{"recipients": "+33612345678", "text": "secret words"}'
JOB = ClaimRequest(ID, "print", "normal", PAYLOAD, segments=1)


@pytest.fixture
def server(still):
    return fakeredis.FakeServer()


@pytest.fixture
def client(server):
    return fakeredis.FakeRedis(server=server, decode_responses=True)


@pytest.fixture
def store(client):
    return open_store(client)


def open_store(client, **changes):
    timings = {"keep_for": 1000, "requeue_after": 60, "lease": 30, "key_window": 1000, "max_crashes": 3, **changes}
    return Store(client, **timings)


def outcome(state, *, generation=0, **more):
    return Outcome(state, "why", generation, **more)


def states(record):
    return [move.state for move in record.history]


def rewind(client, seconds):
    """As if the record's lease, due time and so on lay that much further back."""
    for name in ("due", "lease_until", "maybe_at", "created", "since", "queued_at"):
        if value := client.hget(f"ow:message:{ID}", name):
            client.hset(f"ow:message:{ID}", name, int(float(value)) - int(seconds * 1000))
    for key in ("ow:due",):
        for member, score in client.zrange(key, 0, -1, withscores=True):
            client.zadd(key, {member: score - seconds * 1000})


def test_creating_twice_with_the_same_content_is_the_same_message(store):
    assert store.create(ID, "print", "normal", PAYLOAD) == "created"
    assert store.create(ID, "print", "normal", PAYLOAD) == "same"


def test_creating_under_a_key_of_other_content_is_a_conflict(store):
    store.create(ID, "print", "normal", PAYLOAD)
    assert store.create(ID, "other", "normal", "{}") == "conflict"


def test_a_job_without_a_record_creates_it(store):
    assert isinstance(store.claim(JOB), Lease)
    assert store.get(ID).state is State.SUBMITTING


def test_a_record_is_submitting_before_the_claim_returns(store):
    store.claim(JOB)
    assert states(store.get(ID)) == [State.QUEUED, State.SUBMITTING]


def test_a_second_claim_finds_the_message_busy(store):
    store.claim(JOB)
    assert isinstance(store.claim(JOB), Busy)


def test_a_claim_with_other_content_is_a_conflict(store):
    store.claim(JOB)
    assert isinstance(store.claim(ClaimRequest(ID, "other", "normal", "{}")), Conflict)


def test_a_settled_message_is_done_for_every_later_job(store):
    lease = store.claim(JOB)
    store.settle(ID, lease.token, outcome(State.ACCEPTED, fields={"ticket": "api1"}))
    claim = store.claim(JOB)
    assert isinstance(claim, Done)
    assert claim.record.ticket == "api1"


def test_a_message_whose_lease_ran_out_goes_again_with_the_same_key(store, client):
    first = store.claim(JOB)
    rewind(client, 31)
    second = store.claim(JOB)
    assert (second.generation, second.key_used_before) == (first.generation, True)
    assert states(store.get(ID))[-2:] == [State.UNKNOWN, State.SUBMITTING]


def test_a_worker_that_lost_its_lease_cannot_overwrite_the_next_one(store, client):
    first = store.claim(JOB)
    rewind(client, 31)
    store.claim(JOB)
    assert store.settle(ID, first.token, outcome(State.WAITING, delay=1.0)).record is None
    assert store.get(ID).state is State.SUBMITTING


def test_the_ticket_of_a_worker_that_lost_its_lease_is_kept(store, client):
    first = store.claim(JOB)
    rewind(client, 31)
    second = store.claim(JOB)
    store.settle(ID, first.token, outcome(State.ACCEPTED, fields={"ticket": "api7"}))
    assert store.settle(ID, second.token, outcome(State.ACCEPTED)).record.ticket == "api7"


def test_a_late_acceptance_settles_a_message_that_was_unknown(store, client):
    lease = store.claim(JOB)
    rewind(client, 31)
    store.take_due(slice_size=10, look_ahead=0, queues={})
    assert store.get(ID).state is State.UNKNOWN
    assert (
        store.settle(ID, lease.token, outcome(State.ACCEPTED, fields={"ticket": "api7"})).record.state is State.ACCEPTED
    )


def test_a_late_acceptance_does_not_bring_a_forgotten_number_back(store, client):
    store = open_store(client, max_crashes=1)
    lease = store.claim(JOB)
    rewind(client, 31)
    store.take_due(slice_size=10, look_ahead=0, queues={})
    assert store.get(ID).state is State.DEAD
    store.people.forget(Person(lambda number: number == "+33612345678", "345678", lambda _: []))
    reached = json.dumps({"+33612345678": {"state": "accepted"}})
    late = store.settle(ID, lease.token, outcome(State.ACCEPTED, fields={"ticket": "api7", "outcomes": reached}))
    assert (late.record.state, late.record.ticket) == (State.ACCEPTED, "api7")
    assert "612345678" not in str(client.hgetall(f"ow:message:{ID}"))


@pytest.mark.parametrize(("sent", "ends"), [(True, "accepted"), (False, "dead")])
def test_what_a_person_decides_holds_for_every_recipient_in_doubt(store, sent, ends):
    lease = store.claim(JOB)
    fates = {"+33612345678": {"state": "delivered"}, "+33612345679": {"state": "waiting"}}
    store.settle(ID, lease.token, outcome(State.UNKNOWN, fields={"outcomes": json.dumps(fates)}))
    decided = store.decide(ID, sent=sent)
    assert decided.state == ends
    assert {number: fate["state"] for number, fate in decided.recipients.items()} == {
        "+33612345678": "delivered",
        "+33612345679": ends,
    }


def test_settling_twice_is_settling_once(store):
    lease = store.claim(JOB)
    store.settle(ID, lease.token, outcome(State.WAITING, key="next", delay=5.0))
    again = store.settle(ID, lease.token, outcome(State.WAITING, key="next", delay=5.0)).record
    assert again.state is State.WAITING
    assert states(again).count(State.WAITING) == 1


def test_a_refused_call_takes_the_next_key(store, client):
    lease = store.claim(JOB)
    store.settle(ID, lease.token, outcome(State.WAITING, key="next", delay=5.0))
    rewind(client, 6)
    again = store.claim(JOB)
    assert (again.generation, again.key_used_before) == (1, False)


def test_a_call_that_never_left_keeps_its_key_unused(store, client):
    lease = store.claim(JOB)
    store.settle(ID, lease.token, outcome(State.WAITING, key="unused", delay=5.0))
    rewind(client, 6)
    again = store.claim(JOB)
    assert (again.generation, again.key_used_before) == (0, False)


def test_a_refusal_after_a_maybe_leaves_the_key_doubtful(store, client):
    lease = store.claim(JOB)
    store.settle(ID, lease.token, outcome(State.UNKNOWN, key="doubtful", delay=5.0))
    rewind(client, 6)
    assert store.claim(JOB).key_doubtful


def test_an_uncounted_outcome_burns_no_attempt(store):
    lease = store.claim(JOB)
    assert (
        store.settle(ID, lease.token, outcome(State.WAITING, counts=False, key="next", delay=5.0)).record.attempts == 0
    )


def test_a_waiting_message_is_not_claimed_before_it_is_due(store):
    lease = store.claim(JOB)
    store.settle(ID, lease.token, outcome(State.WAITING, key="next", delay=50.0))
    assert isinstance(store.claim(JOB), Wait)


def test_a_due_message_is_taken_by_one_clock_only(store, client):
    lease = store.claim(JOB)
    store.settle(ID, lease.token, outcome(State.WAITING, key="next", delay=5.0))
    rewind(client, 6)
    rings, _ = store.take_due(slice_size=10, look_ahead=0, queues={})
    assert [(ring.message_id, ring.found) for ring in rings] == [(ID, "due")]
    assert store.take_due(slice_size=10, look_ahead=0, queues={})[0] == []


def test_the_clock_brings_the_arguments_with_it(store, client):
    store.create(ID, "print", "normal", PAYLOAD)
    rewind(client, 61)
    rings, _ = store.take_due(slice_size=10, look_ahead=0, queues={})
    assert rings[0].arguments["text"] == "secret words"


def test_a_job_that_vanished_is_found(store, client):
    store.create(ID, "print", "normal", PAYLOAD)
    assert store.take_due(slice_size=10, look_ahead=0, queues={})[0] == []
    rewind(client, 61)
    rings, _ = store.take_due(slice_size=10, look_ahead=0, queues={"normal": "sms"})
    assert [ring.found for ring in rings] == ["job"]


def test_a_job_that_still_stands_in_its_queue_is_left_there(store, client):
    store.create(ID, "print", "normal", PAYLOAD)
    client.lpush("sms", "its job")
    rewind(client, 61)
    assert store.take_due(slice_size=10, look_ahead=0, queues={"normal": "sms"})[0] == []


def test_a_job_that_younger_jobs_have_overtaken_is_gone_although_the_queue_is_full(store, client):
    store.create(ID, "print", "normal", PAYLOAD)
    client.lpush("sms", "some other job")
    rewind(client, 61)
    store.claim(ClaimRequest("b" * 32, "other", "normal", "{}"))
    assert [ring.found for ring in store.take_due(slice_size=10, look_ahead=0, queues={"normal": "sms"})[0]] == ["job"]


def test_a_late_first_job_does_not_make_the_jobs_behind_it_look_lost(store, client):
    """A is rung again while its first job still stands in a long line; then that first job is claimed."""
    store.create(ID, "print", "normal", PAYLOAD)
    rewind(client, 61)
    store.take_due(slice_size=10, look_ahead=0, queues={})
    store.create("b" * 32, "other", "normal", "{}")
    client.zadd("ow:due", {"b" * 32: 0})
    client.lpush("sms", "b's job")
    store.claim(JOB)
    assert store.take_due(slice_size=10, look_ahead=0, queues={"normal": "sms"})[0] == []


def test_a_job_that_kills_every_worker_before_its_claim_is_stopped(store, client):
    store.create(ID, "print", "normal", PAYLOAD)
    for _ in range(3):
        rewind(client, 3600)
        store.take_due(slice_size=10, look_ahead=0, queues={"normal": "sms"})
    assert store.get(ID).state is State.DEAD


def test_a_message_that_kills_every_worker_in_the_call_is_stopped_and_says_so(store, client):
    for _ in range(3):
        store.claim(JOB)
        rewind(client, 31)
    assert isinstance(store.claim(JOB), Done)
    record = store.get(ID)
    assert record.state is State.DEAD
    assert record.maybe_sent


def test_an_unknown_message_is_parked_when_octopush_may_have_forgotten_its_key(store, client):
    lease = store.claim(JOB)
    store.settle(ID, lease.token, outcome(State.UNKNOWN, delay=5.0))
    rewind(client, 1001)
    claim = store.claim(JOB)
    assert isinstance(claim, Done)
    assert claim.record.state is State.UNKNOWN
    assert store.take_due(slice_size=10, look_ahead=1e6, queues={})[0] == []


def test_a_message_past_its_expiry_is_not_sent(store, client):
    store.create(ID, "print", "normal", PAYLOAD)
    claim = store.claim(ClaimRequest(ID, "print", "normal", PAYLOAD, expires_at=1.0))
    assert claim.record.state is State.EXPIRED


def test_a_message_of_unknown_outcome_past_its_expiry_is_left_to_a_person(store, client):
    lease = store.claim(JOB)
    store.settle(ID, lease.token, outcome(State.UNKNOWN, delay=5.0))
    rewind(client, 6)
    claim = store.claim(ClaimRequest(ID, "print", "normal", PAYLOAD, expires_at=1.0))
    assert claim.record.state is State.UNKNOWN
    assert claim.record.due_at is None


def test_a_message_first_seen_after_its_time_is_refused(store):
    claim = store.claim(ClaimRequest(ID, "print", "normal", PAYLOAD, refuse_before=1.0, past_reason="too late"))
    assert (claim.record.state, claim.record.reason) == (State.REJECTED, "too late")


def test_a_held_message_waits_until_it_is_due_and_then_goes(store, client):
    held = ClaimRequest(ID, "print", "normal", PAYLOAD, hold_until=4e9)
    assert store.claim(held).record.state is State.SCHEDULED
    rewind(client, 4e9)
    assert [ring.found for ring in store.take_due(slice_size=10, look_ahead=0, queues={})[0]] == ["due"]
    assert isinstance(store.claim(held), Lease)


def test_advertising_out_of_hours_is_held_until_they_open(store):
    claim = store.claim(ClaimRequest(ID, "print", "normal", PAYLOAD, closed_until=4e9))
    assert (claim.record.state, claim.record.due_at.timestamp()) == (State.SCHEDULED, 4e9)


def test_a_message_that_may_have_been_sent_does_not_wait_for_hours(store, client):
    lease = store.claim(JOB)
    store.settle(ID, lease.token, outcome(State.UNKNOWN, delay=5.0))
    rewind(client, 6)
    assert isinstance(store.claim(ClaimRequest(ID, "print", "normal", PAYLOAD, closed_until=4e9)), Lease)


def test_a_job_that_came_too_early_waits_again_and_is_rung_in_time(store, client):
    store.claim(ClaimRequest(ID, "print", "normal", PAYLOAD, hold_until=4e9))
    rewind(client, 4e9 - int(client.time()[0]) - 30)
    store.take_due(slice_size=10, look_ahead=60, queues={})
    assert isinstance(store.claim(JOB), Wait)
    client.lpush("sms", "some other job")
    rewind(client, 31)
    assert [ring.found for ring in store.take_due(slice_size=10, look_ahead=0, queues={"normal": "sms"})[0]] == ["due"]


def test_a_held_message_can_be_moved(store):
    store.claim(ClaimRequest(ID, "print", "normal", PAYLOAD, hold_until=4e9))
    record = store.reschedule(ID, 3.9e9, '{"send_at": 3.9e9}', max_ahead=1e10)
    assert (record.state, record.due_at.timestamp()) == (State.SCHEDULED, 3.9e9)


def test_an_old_job_of_a_moved_message_does_not_move_it_back(store, client):
    old = ClaimRequest(ID, "print", "normal", PAYLOAD, hold_until=4e9)
    store.claim(old)
    soon = int(client.time()[0]) + 60
    store.reschedule(ID, soon, "{}", max_ahead=1e10)
    assert store.claim(old).record.due_at.timestamp() == soon
    rewind(client, 61)
    assert isinstance(store.claim(old), Lease)


@pytest.mark.parametrize(("due", "why"), [(1.0, "passed"), (9e9, "too far ahead")])
def test_a_message_is_moved_to_a_possible_time_only(store, due, why):
    store.claim(ClaimRequest(ID, "print", "normal", PAYLOAD, hold_until=4e9))
    with pytest.raises(RefusedError, match=why):
        store.reschedule(ID, due, "{}", max_ahead=7e9)


def test_what_was_handed_over_cannot_be_moved(store):
    lease = store.claim(JOB)
    store.settle(ID, lease.token, outcome(State.ACCEPTED))
    with pytest.raises(RefusedError, match="handed over"):
        store.reschedule(ID, 4e9, "{}", max_ahead=1e10)


def test_an_invalid_message_is_kept_with_its_reason(store):
    record = store.reject(JOB, "text: write something.", "107").record
    assert (record.state, record.reason, record.error_code) == (State.REJECTED, "text: write something.", "107")


def test_a_message_that_got_further_cannot_be_rejected_by_a_late_job(store):
    store.claim(JOB)
    assert store.reject(JOB, "nonsense", None).record.state is State.SUBMITTING


def test_a_message_that_has_not_gone_can_be_cancelled(store):
    store.create(ID, "print", "normal", PAYLOAD)
    assert store.cancel(ID).state is State.CANCELLED
    assert isinstance(store.claim(JOB), Done)


@pytest.mark.parametrize("state", [State.ACCEPTED, State.REJECTED, State.UNKNOWN])
def test_a_message_that_is_over_or_doubtful_cannot_be_cancelled(store, state):
    lease = store.claim(JOB)
    store.settle(ID, lease.token, outcome(state))
    with pytest.raises(RefusedError, match=state):
        store.cancel(ID)


def test_there_is_nothing_to_cancel_under_an_unknown_id(store):
    with pytest.raises(UnknownMessageError):
        store.cancel("f" * 32)


@pytest.mark.parametrize("state", [State.ACCEPTED, State.UNKNOWN])
def test_replaying_what_may_have_been_sent_needs_force(store, state):
    lease = store.claim(JOB)
    store.settle(ID, lease.token, outcome(state))
    with pytest.raises(RefusedError, match="ring twice"):
        store.replay(ID, force=False)
    assert store.replay(ID, force=True).state is State.QUEUED


def test_replaying_a_stopped_message_that_may_have_been_sent_needs_force(store, client):
    for _ in range(3):
        store.claim(JOB)
        rewind(client, 31)
    store.claim(JOB)
    with pytest.raises(RefusedError, match="ring twice"):
        store.replay(ID, force=False)


def test_a_replayed_message_takes_a_new_key_and_starts_its_age_again(store):
    lease = store.claim(JOB)
    store.settle(ID, lease.token, outcome(State.REJECTED, key="next"))
    store.replay(ID, force=False)
    again = store.claim(JOB)
    assert again.generation > lease.generation
    assert (again.key_used_before, again.attempts) == (False, 1)


def test_a_message_on_its_way_cannot_be_replayed(store):
    store.create(ID, "print", "normal", PAYLOAD)
    with pytest.raises(RefusedError, match="still on its way"):
        store.replay(ID, force=True)


def test_only_ended_messages_have_a_time_to_live(store, client):
    lease = store.claim(JOB)
    assert client.ttl(f"ow:message:{ID}") == -1
    store.settle(ID, lease.token, outcome(State.ACCEPTED))
    assert 0 < client.ttl(f"ow:message:{ID}") <= 1000


def test_a_message_is_listed_under_the_state_it_is_in_and_no_other(store):
    lease = store.claim(JOB)
    assert [r.message_id for r in store.list(State.SUBMITTING, 10)] == [ID]
    store.settle(ID, lease.token, outcome(State.WAITING, key="next", delay=50.0))
    assert [r.message_id for r in store.list(State.WAITING, 10)] == [ID]
    assert list(store.list(State.SUBMITTING, 10)) == []


def test_a_long_history_keeps_its_beginning_and_its_end(store, client):
    for _ in range(80):
        lease = store.claim(JOB)
        store.settle(ID, lease.token, outcome(State.WAITING, key="next", delay=0.0, generation=0))
    moves = states(store.get(ID))
    assert len(moves) <= 101
    assert moves[0] is State.QUEUED
    assert moves[-2:] == [State.SUBMITTING, State.WAITING]


def test_a_redis_that_is_away_is_a_store_error_that_quotes_nothing(store, server):
    server.connected = False
    with pytest.raises(StoreError) as caught:
        store.claim(JOB)
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_partly_sent_message_claims_the_recipients_that_are_left(store, client):
    lease = store.claim(JOB)
    fields = {"pending": '["+33612345679"]', "outcomes": '{"+33612345678": {"state": "accepted"}}', "cost": "0.05"}
    store.settle(ID, lease.token, outcome(State.WAITING, key="next", delay=5.0, fields=fields))
    rewind(client, 6)
    again = store.claim(JOB)
    assert again.pending == ("+33612345679",)
    assert again.earlier["+33612345678"]["state"] == "accepted"
    assert again.earlier_cost == "0.05"
