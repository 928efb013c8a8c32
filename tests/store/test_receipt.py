"""receipt.lua: a later word on delivery, matched by its ticket and number and by nothing else."""

from __future__ import annotations

import json

import pytest
from store_kit import (
    PAYLOAD,
    A,
    B,
    give_ticket,
    id_of,
    owner_of,
    place_of_ticket,
    record_of,
    request,
    seconds,
    settle,
    submitted,
    told,
)

from octoworker.sms.record import State
from octoworker.store.erasure import Person

BOTH = json.dumps({"recipients": [A, B], "text": "hello"})
EACH_ACCEPTED = json.dumps({A: {"state": "accepted"}, B: {"state": "accepted"}})
A_ACCEPTED = json.dumps({A: {"state": "accepted"}})


def accepted(store, n=1, *, ticket="api1", outcomes=A_ACCEPTED, payload=PAYLOAD, generation=0):
    """A message that Octopush has taken, under this ticket."""
    fields = {"ticket": ticket, "outcomes": outcomes}
    return submitted(store, request(n, payload=payload), generation=generation, fields=fields)


def test_a_receipt_moves_the_message_and_tells_the_operators_word_and_time(store):
    accepted(store)
    found = told(store, A, at="2026-11-26 09:00:04")
    assert (found.outcome, found.record.state) == ("moved", State.DELIVERED)
    assert found.record.recipients[A] == {"state": "delivered", "word": "DELIVERED", "word_at": "2026-11-26 09:00:04"}


def test_an_undelivered_message_says_why(store):
    accepted(store)
    found = told(store, A, "undelivered", word="EXPIRED", reason="EXPIRED: not reached in time")
    assert (found.record.state, found.record.reason) == (State.UNDELIVERED, "EXPIRED: not reached in time")


@pytest.mark.parametrize("says", ["nothing", "underway"])
def test_a_word_on_the_way_is_noted_and_moves_nothing(store, says):
    accepted(store)
    found = told(store, A, says, word="ACK")
    assert (found.outcome, found.record.state) == ("noted", State.ACCEPTED)
    assert found.record.recipients[A] == {"state": "accepted", "word": "ACK", "word_at": ""}


def test_the_same_word_again_and_a_lesser_one_change_nothing(store):
    accepted(store)
    told(store, A)
    assert [told(store, A, says).outcome for says in ("delivered", "undelivered", "underway")] == ["same"] * 3
    assert store.get(id_of(1)).state is State.DELIVERED


def test_undelivered_becomes_delivered_when_the_handset_has_it_after_all(store):
    accepted(store)
    told(store, A, "undelivered")
    assert told(store, A).record.state is State.DELIVERED


# --- matching


def test_a_receipt_of_a_ticket_that_nobody_has_waits_and_moves_nothing(store, client):
    accepted(store)
    assert told(store, A, ticket="api2").outcome == "early"
    assert store.get(id_of(1)).state is State.ACCEPTED
    assert 0 < client.ttl("ow:early:api2") <= 72 * 3600


def test_a_receipt_without_a_ticket_or_for_another_number_matches_nothing(store, client):
    accepted(store)
    assert [told(store, A, ticket="").outcome, told(store, B).outcome] == ["unmatched", "unmatched"]
    assert store.get(id_of(1)).state is State.ACCEPTED
    assert B not in str(client.hgetall(record_of(1)))


def test_a_ticket_that_two_messages_have_matches_neither(store):
    accepted(store, 1)
    accepted(store, 2)
    assert told(store, A).outcome == "unmatched"


def test_a_receipt_of_a_call_before_a_replay_says_nothing_of_the_one_after_it(store):
    accepted(store)
    store.replay(id_of(1), force=True)
    accepted(store, ticket="api2", generation=1)
    assert told(store, A, ticket="api1").outcome == "unmatched"
    assert told(store, A, ticket="api2").record.state is State.DELIVERED


def test_a_receipt_of_a_recipient_who_was_forgotten_writes_no_number_back(store, client):
    accepted(store)
    store.people.forget(Person(lambda number: number == A, A[-6:], lambda _: []))
    assert told(store, A).outcome == "unmatched"
    assert A[3:] not in str(client.hgetall(record_of(1)))


def test_forgetting_takes_the_operators_word_out_too(store, client):
    accepted(store)
    told(store, A, "undelivered")
    store.people.forget(Person(lambda number: number == A, A[-6:], lambda _: []))
    assert A[3:] not in str(client.hgetall(record_of(1)))


# --- before the ticket, and beside another call


def test_settling_puts_a_receipt_that_came_before_its_ticket_back_into_the_inbox(store, client):
    told(store, A, kept=json.dumps({"id": "e1", "content": "{}"}))
    accepted(store)
    assert [fields for _, fields in client.xrange("ow:inbox")] == [{"id": "e1", "kind": "receipt", "content": "{}"}]
    assert not client.exists("ow:early:api1")


def test_a_receipt_finds_its_message_where_many_tickets_stand_beside_its_own(store, client):
    place, _ = place_of_ticket("api1")
    client.zadd(place, {f"{n:013x}0:{id_of(n)}": 4e9 for n in range(100)})
    accepted(store)
    assert client.zcard(place) == 100
    assert told(store, A).record.state is State.DELIVERED


def test_a_late_answer_makes_its_ticket_known_too(store, client):
    lease = store.claim(request(1, payload=PAYLOAD))
    client.hset(record_of(1), "lease_until", 1)
    store.claim(request(1, payload=PAYLOAD))
    settle(store, lease, request(1), fields={"ticket": "api1"})
    assert owner_of(client, "api1") == f"{id_of(1)}:0"


def test_a_receipt_that_comes_while_the_rest_is_submitted_counts_once_it_is_accepted(store):
    each = request(1, payload=BOTH)
    outcomes = {"outcomes": json.dumps({A: {"state": "accepted"}, B: {"state": "waiting"}}), "pending": json.dumps([B])}
    submitted(store, each, state=State.WAITING, key="next", delay=seconds(0), fields={**outcomes, "ticket": "api1"})
    lease = store.claim(each)
    assert told(store, A).record.state is State.SUBMITTING
    both = {A: {"state": "accepted"}, B: {"state": "accepted"}}
    settle(store, lease, each, generation=1, fields={"ticket": "api2", "outcomes": json.dumps(both)})
    record = store.get(id_of(1))
    assert (record.state, record.recipients[A]["state"]) == (State.ACCEPTED, "delivered")
    assert told(store, B, ticket="api2").record.state is State.DELIVERED


def test_a_receipt_during_the_last_submit_of_all_moves_the_message_when_it_is_settled(store, client):
    each = request(1, payload=PAYLOAD)
    lease = store.claim(each)
    give_ticket(client, "api1", id_of(1))
    assert told(store, A).record.state is State.SUBMITTING
    assert settle(store, lease, each, fields={"outcomes": A_ACCEPTED}).record.state is State.DELIVERED


# --- several recipients


def test_each_recipient_has_its_own_word_and_the_message_ends_with_the_last(store):
    accepted(store, outcomes=EACH_ACCEPTED, payload=BOTH)
    assert told(store, A).record.state is State.ACCEPTED
    record = told(store, B, "undelivered", word="EXPIRED").record
    assert (record.state, record.reason) == (State.UNDELIVERED, "1 of 2 recipients did not get it")
    assert [each["state"] for each in record.recipients.values()] == ["delivered", "undelivered"]


def test_who_was_refused_is_not_waited_for(store):
    accepted(store, outcomes=json.dumps({A: {"state": "accepted"}, B: {"state": "rejected"}}), payload=BOTH)
    assert told(store, A).record.state is State.DELIVERED


# --- in doubt


def in_doubt(store, client, each):
    """Nobody knows whether it was sent; a worker that had lost its lease brought a ticket."""
    submitted(store, each, state=State.UNKNOWN)
    give_ticket(client, "api1", each.message_id)


def test_one_receipt_of_several_does_not_deliver_the_message(store, client):
    in_doubt(store, client, request(1, payload=BOTH))
    assert told(store, A).record.state is State.ACCEPTED
    assert told(store, B, "undelivered").record.state is State.UNDELIVERED


def test_no_information_does_not_prove_that_a_call_in_doubt_was_taken(store, client):
    in_doubt(store, client, request(1, payload=PAYLOAD))
    assert told(store, A, "nothing", word="UNDEFINED").record.state is State.UNKNOWN
    assert told(store, A, "underway", word="ACK").record.state is State.ACCEPTED


def test_a_receipt_of_who_has_it_already_does_not_end_the_asking_for_the_others(store, client):
    each = request(1, payload=BOTH)
    outcomes = {"outcomes": json.dumps({A: {"state": "accepted"}, B: {"state": "waiting"}}), "pending": json.dumps([B])}
    submitted(store, each, state=State.WAITING, key="next", delay=seconds(0), fields={**outcomes, "ticket": "api1"})
    submitted(store, each, state=State.UNKNOWN, generation=1, delay=seconds(0))
    found = told(store, A).record
    assert (found.state, found.recipients[A]["state"]) == (State.UNKNOWN, "delivered")
    assert store.claim(each).pending == (B,)


# --- messages without a ticket


def without_ticket(store, n=1, payload=PAYLOAD):
    """A message that may have been sent, whose answer was lost."""
    submitted(store, request(n, payload=payload), state=State.UNKNOWN)


def test_a_receipt_to_the_number_of_a_message_without_a_ticket_is_a_hint_and_moves_nothing(store):
    without_ticket(store)
    assert told(store, A, ticket="api9", at="2026-11-26 09:00:04").outcome == "early"
    record = store.get(id_of(1))
    assert (record.state, record.recipients) == (State.UNKNOWN, {})
    assert (record.hint.word, record.hint.word_at, record.hint.ticket) == ("DELIVERED", "2026-11-26 09:00:04", "api9")


def test_a_message_that_was_accepted_unconfirmed_gets_the_hint_too(store):
    submitted(store, request(1, payload=PAYLOAD), fields={"confirmed": "0", "outcomes": A_ACCEPTED})
    told(store, A, ticket="api9")
    assert store.get(id_of(1)).hint.word == "DELIVERED"


def test_a_receipt_to_another_number_hints_at_nothing(store):
    without_ticket(store)
    told(store, B, ticket="api9")
    assert store.get(id_of(1)).hint is None


def test_no_hint_after_two_days(store, still):
    without_ticket(store)
    still.shift(49 * 3600)
    told(store, A, ticket="api9")
    assert store.get(id_of(1)).hint is None


def test_a_message_that_has_its_ticket_needs_no_hint(store):
    lease = store.claim(request(1, payload=PAYLOAD))
    settle(store, lease, request(1), state=State.UNKNOWN)
    told(store, A, ticket="api9")
    settle(store, lease, request(1), fields={"ticket": "api1", "outcomes": A_ACCEPTED})
    assert (store.get(id_of(1)).state, store.get(id_of(1)).hint) == (State.ACCEPTED, None)
