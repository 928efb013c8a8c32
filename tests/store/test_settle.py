"""settle.lua: what an outcome does to a record, and whose outcome counts."""

from __future__ import annotations

import json

import pytest
from store_kit import (
    ID,
    PAYLOAD,
    REQUEST,
    A,
    at,
    give_ticket,
    id_of,
    look,
    look_now,
    open_store,
    outcome,
    record_of,
    request,
    rewind,
    seconds,
    seconds_of,
    states,
    submitted,
    told,
)

from octoworker.sms.record import State
from octoworker.store.erasure import Person


def dies(client, store):
    client.hset(record_of(1), "lease_until", 1)
    look_now(client, id_of(1))
    look(store)


def is_left_to_an_operator(client, store):
    client.hset(record_of(1), mapping={"in_doubt_since": 1, "lease_until": 1})
    store.claim(request(1))


def is_decided(client, store):
    is_left_to_an_operator(client, store)
    store.decide(id_of(1), sent=True)


def is_delivered(client, store):
    is_left_to_an_operator(client, store)
    give_ticket(client, "api1", id_of(1))
    told(store, A)


OTHER_ENDS = {
    "its worker died": (1, dies),
    "an operator decides": (3, is_decided),
    "a receipt comes": (3, is_delivered),
}


def test_a_worker_that_lost_its_lease_cannot_overwrite_the_next_one(store, client):
    first = store.claim(REQUEST)
    rewind(client, 31)
    store.claim(REQUEST)
    assert store.settle(ID, first.token, outcome(State.WAITING, delay=seconds(1))).record is None
    assert store.get(ID).state is State.SUBMITTING


def test_the_ticket_of_a_worker_that_lost_its_lease_is_kept(store, client):
    first = store.claim(REQUEST)
    rewind(client, 31)
    second = store.claim(REQUEST)
    store.settle(ID, first.token, outcome(State.ACCEPTED, fields={"ticket": "api7"}))
    assert store.settle(ID, second.token, outcome(State.ACCEPTED)).record.ticket == "api7"


def test_a_late_acceptance_settles_a_message_that_was_unknown(store, client):
    lease = store.claim(REQUEST)
    rewind(client, 31)
    look(store)
    assert store.get(ID).state is State.UNKNOWN
    late = store.settle(ID, lease.token, outcome(State.ACCEPTED, fields={"ticket": "api7"}))
    assert late.record.state is State.ACCEPTED


def test_a_late_acceptance_does_not_bring_a_forgotten_number_back(store, client):
    store = open_store(client, max_crashes=1)
    lease = store.claim(REQUEST)
    rewind(client, 31)
    look(store)
    assert store.get(ID).state is State.DEAD
    store.people.forget(Person(lambda number: number == "+33612345678", "345678", lambda _: []))
    reached = json.dumps({"+33612345678": {"state": "accepted"}})
    late = store.settle(ID, lease.token, outcome(State.ACCEPTED, fields={"ticket": "api7", "outcomes": reached}))
    assert (late.record.state, late.record.ticket) == (State.ACCEPTED, "api7")
    assert "612345678" not in str(client.hgetall(f"ow:message:{ID}"))


def test_settling_twice_is_settling_once(store):
    lease = store.claim(REQUEST)
    store.settle(ID, lease.token, outcome(State.WAITING, key="next", delay=seconds(5)))
    again = store.settle(ID, lease.token, outcome(State.WAITING, key="next", delay=seconds(5))).record
    assert again.state is State.WAITING
    assert states(again).count(State.WAITING) == 1


def test_a_refused_call_takes_the_next_key(store, client):
    lease = store.claim(REQUEST)
    store.settle(ID, lease.token, outcome(State.WAITING, key="next", delay=seconds(5)))
    rewind(client, 6)
    again = store.claim(REQUEST)
    assert (again.generation, again.key_used_before) == (1, False)


def test_a_call_that_never_left_keeps_its_key_unused(store, client):
    lease = store.claim(REQUEST)
    store.settle(ID, lease.token, outcome(State.WAITING, key="unused", delay=seconds(5)))
    rewind(client, 6)
    again = store.claim(REQUEST)
    assert (again.generation, again.key_used_before) == (0, False)


def test_a_refusal_after_a_maybe_leaves_the_key_doubtful(store, client):
    lease = store.claim(REQUEST)
    store.settle(ID, lease.token, outcome(State.UNKNOWN, key="doubtful", delay=seconds(5)))
    rewind(client, 6)
    assert store.claim(REQUEST).key_doubtful


def test_an_uncounted_outcome_burns_no_attempt(store):
    lease = store.claim(REQUEST)
    settled = store.settle(ID, lease.token, outcome(State.WAITING, counts=False, key="next", delay=seconds(5)))
    assert settled.record.attempts == 0


def test_only_ended_messages_have_a_time_to_live(store, client):
    lease = store.claim(REQUEST)
    assert client.ttl(f"ow:message:{ID}") == -1
    store.settle(ID, lease.token, outcome(State.ACCEPTED))
    assert 0 < client.ttl(f"ow:message:{ID}") <= 1000


def test_a_message_is_listed_under_the_state_it_is_in_and_no_other(store):
    lease = store.claim(REQUEST)
    assert [r.message_id for r in store.list(State.SUBMITTING, 10)] == [ID]
    store.settle(ID, lease.token, outcome(State.WAITING, key="next", delay=seconds(50)))
    assert [r.message_id for r in store.list(State.WAITING, 10)] == [ID]
    assert list(store.list(State.SUBMITTING, 10)) == []


def test_a_long_history_keeps_its_beginning_and_its_end(store, client):
    for _ in range(80):
        lease = store.claim(REQUEST)
        store.settle(ID, lease.token, outcome(State.WAITING, key="next", delay=seconds(0), generation=0))
    moves = states(store.get(ID))
    assert len(moves) <= 101
    assert moves[0] is State.QUEUED
    assert moves[-2:] == [State.SUBMITTING, State.WAITING]


def test_a_history_says_when_each_move_was_though_it_has_lost_its_middle(store):
    seen = []
    for _ in range(80):
        lease = store.claim(REQUEST)
        store.settle(ID, lease.token, outcome(State.WAITING, key="next", delay=seconds(0), generation=0))
        seen.append(store.get(ID).due_at)
    assert [move.at for move in store.get(ID).history if move.state is State.WAITING][-40:] == seen[-40:]


def test_what_octopush_holds_is_kept_beyond_its_sending_date(store, client):
    date = seconds_of(client) + 90 * 86400
    submitted(store, request(1), deliver_at=at(date))
    assert client.ttl(record_of(1)) > 90 * 86400


@pytest.mark.parametrize("end", OTHER_ENDS)
def test_what_octopush_may_hold_is_kept_beyond_its_sending_date_however_it_ends(client, end):
    crashes, happens = OTHER_ENDS[end]
    store = open_store(client, max_crashes=crashes)
    store.claim(request(1, payload=PAYLOAD, deliver_at=at(seconds_of(client) + 90 * 86400)))
    happens(client, store)
    assert store.get(id_of(1)).final
    assert client.ttl(record_of(1)) > 90 * 86400
