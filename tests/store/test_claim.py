"""claim.lua: who may submit, who must wait, and when it is over."""

from __future__ import annotations

from dataclasses import replace

import pytest
from store_kit import (
    ID,
    PAYLOAD,
    REQUEST,
    A,
    age,
    at,
    found,
    id_of,
    look,
    look_now,
    outcome,
    record_of,
    request,
    rewind,
    seconds,
    seconds_of,
    states,
    submitted,
)

from octoworker.errors import RefusedError, StoreError
from octoworker.sms.record import State
from octoworker.store import Busy, Conflict, Done, Lease, Outdated, Wait
from octoworker.store.clock import PLAN_SLACK


def test_a_job_without_a_record_creates_it(store):
    assert isinstance(store.claim(REQUEST), Lease)
    assert store.get(ID).state is State.SUBMITTING


def test_a_job_of_ours_whose_record_is_gone_is_recorded_as_dead_and_not_sent(store):
    claim = store.claim(replace(REQUEST, ours=True))
    assert isinstance(claim, Done)
    assert claim.stopped
    record = store.get(ID)
    assert (record.state, record.maybe_sent, record.arguments["recipients"]) == (State.DEAD, True, A)
    with pytest.raises(RefusedError, match="ring twice"):
        store.replay(ID, force=False)
    store.replay(ID, force=True)
    assert isinstance(store.claim(replace(REQUEST, ours=True)), Lease)


def test_a_record_is_submitting_before_the_claim_returns(store):
    store.claim(REQUEST)
    assert states(store.get(ID)) == [State.QUEUED, State.SUBMITTING]


def test_a_second_claim_finds_the_message_busy(store):
    store.claim(REQUEST)
    assert isinstance(store.claim(REQUEST), Busy)


def test_a_claim_with_other_content_is_a_conflict(store):
    store.claim(REQUEST)
    assert isinstance(store.claim(replace(REQUEST, fingerprint="other")), Conflict)


def test_a_settled_message_is_done_for_every_later_job(store):
    lease = store.claim(REQUEST)
    store.settle(ID, lease.token, outcome(State.ACCEPTED, fields={"ticket": "api1"}))
    claim = store.claim(REQUEST)
    assert isinstance(claim, Done)
    assert claim.record.ticket == "api1"


def test_a_message_whose_lease_ran_out_goes_again_with_the_same_key(store, client):
    first = store.claim(REQUEST)
    rewind(client, 31)
    second = store.claim(REQUEST)
    assert (second.generation, second.key_used_before) == (first.generation, True)
    assert states(store.get(ID))[-2:] == [State.UNKNOWN, State.SUBMITTING]


def test_a_waiting_message_is_not_claimed_before_it_is_due(store):
    lease = store.claim(REQUEST)
    store.settle(ID, lease.token, outcome(State.WAITING, key="next", delay=seconds(50)))
    assert isinstance(store.claim(REQUEST), Wait)


def test_a_message_that_kills_every_worker_in_the_call_is_stopped_and_says_so(store, client):
    for _ in range(3):
        store.claim(REQUEST)
        rewind(client, 31)
    assert isinstance(store.claim(REQUEST), Done)
    record = store.get(ID)
    assert record.state is State.DEAD
    assert record.maybe_sent


def test_an_unknown_message_is_left_to_an_operator_when_octopush_may_have_forgotten_its_key(store, client):
    lease = store.claim(REQUEST)
    store.settle(ID, lease.token, outcome(State.UNKNOWN, delay=seconds(5)))
    rewind(client, 1001)
    claim = store.claim(REQUEST)
    assert isinstance(claim, Done)
    assert claim.record.state is State.UNKNOWN
    assert look(store, ahead=1e6).wakeups == []


def test_a_message_past_its_expiry_is_not_sent(store, client):
    store.create(ID, "print", "normal", PAYLOAD)
    claim = store.claim(replace(REQUEST, expires_at=at(1.0)))
    assert claim.record.state is State.EXPIRED


def test_a_message_of_unknown_outcome_past_its_expiry_is_left_to_an_operator(store, client):
    lease = store.claim(REQUEST)
    store.settle(ID, lease.token, outcome(State.UNKNOWN, delay=seconds(5)))
    rewind(client, 6)
    claim = store.claim(replace(REQUEST, expires_at=at(1.0)))
    assert claim.record.state is State.UNKNOWN
    assert claim.record.due_at is None


def test_a_message_first_seen_after_its_time_is_refused(store):
    claim = store.claim(replace(REQUEST, refuse_before=at(1.0), past_reason="too late"))
    assert (claim.record.state, claim.record.reason) == (State.REJECTED, "too late")


def test_marketing_out_of_hours_is_held_until_they_open(store):
    claim = store.claim(replace(REQUEST, closed_until=at(4e9)))
    assert (claim.record.state, claim.record.due_at.timestamp()) == (State.SCHEDULED, 4e9)


def test_a_message_that_may_have_been_sent_does_not_wait_for_hours(store, client):
    lease = store.claim(REQUEST)
    store.settle(ID, lease.token, outcome(State.UNKNOWN, delay=seconds(5)))
    rewind(client, 6)
    assert isinstance(store.claim(replace(REQUEST, closed_until=at(4e9))), Lease)


def test_a_job_that_came_too_early_waits_again_and_is_published_in_time(store, client):
    store.claim(replace(REQUEST, hold_until=at(4e9)))
    rewind(client, 4e9 - int(client.time()[0]) - 30)
    look(store, ahead=60)
    assert isinstance(store.claim(REQUEST), Wait)
    client.lpush("sms", "some other job")
    rewind(client, 31)
    assert found(store, queues={"normal": "sms"}) == ["due"]


def test_a_redis_that_is_away_is_a_store_error_that_quotes_nothing(store, server):
    server.connected = False
    with pytest.raises(StoreError) as caught:
        store.claim(REQUEST)
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_partly_sent_message_claims_the_recipients_that_are_left(store, client):
    lease = store.claim(REQUEST)
    fields = {"pending": '["+33612345679"]', "outcomes": '{"+33612345678": {"state": "accepted"}}', "cost": "0.05"}
    store.settle(ID, lease.token, outcome(State.WAITING, key="next", delay=seconds(5), fields=fields))
    rewind(client, 6)
    again = store.claim(REQUEST)
    assert again.pending == ("+33612345679",)
    assert again.earlier["+33612345678"]["state"] == "accepted"
    assert again.earlier_cost == "0.05"


def test_time_in_which_it_could_not_go_does_not_count_as_age_of_trying(store, client):
    store.flow_control.pause("all")
    store.claim(request(1))
    age(client, 3 * 86400, n=1)
    store.flow_control.resume("all")
    look(store)
    assert store.claim(request(1)).age < seconds(60)


def test_age_counts_from_the_first_try(store, client):
    submitted(store, request(1), state=State.WAITING, key="unused", delay=seconds(0))
    age(client, 500, n=1)
    assert store.claim(request(1)).age >= seconds(500)


def test_a_second_job_does_not_hold_what_is_backlogged(store, client):
    store.flow_control.pause("all")
    store.claim(request(1, expires_at=at(seconds_of(client) + 50)))
    later = seconds_of(client) + 100
    store.claim(request(1, closed_until=at(later), hold_until=at(later)))
    assert store.get(id_of(1)).state is State.WAITING
    client.hset(record_of(1), "expires_at", 1)
    look_now(client, id_of(1))
    look(store)
    assert store.get(id_of(1)).state is State.EXPIRED


def test_marks_of_a_clock_that_jumped_back_do_not_make_every_job_look_lost(store, client):
    client.hset("ow:consumed-until", "normal", (seconds_of(client) + 3600) * 1000)
    store.create(id_of(1), "print", "normal", "{}")
    store.claim(request(1))
    assert float(client.hget("ow:consumed-until", "normal")) / 1000 <= seconds_of(client) + 1


def test_a_record_from_before_the_clock_was_set_back_moves_no_place_in_a_line(store, client):
    """Once that time has come, the jobs that were published until then would look lost."""
    store.create(ID, "print", "normal", PAYLOAD)
    ahead = (seconds_of(client) + 3600) * 1000
    client.hset(f"ow:message:{ID}", mapping={"created": ahead, "published_at": ahead})
    store.claim(REQUEST)
    assert client.hget("ow:consumed-until", "normal") is None


def test_a_plan_for_another_time_than_redis_is_refused_and_changes_nothing(store, client):
    for ahead in (PLAN_SLACK + seconds(1), -PLAN_SLACK - seconds(1), seconds(39_600), -seconds(39_600)):
        planned = replace(REQUEST, planned_at=at(seconds_of(client)) + ahead)
        assert isinstance(store.claim(planned), Outdated)
    assert client.keys() == []


def test_a_plan_may_be_as_old_as_a_busy_machine_makes_it(store, client):
    assert isinstance(store.claim(replace(REQUEST, planned_at=at(seconds_of(client) + 2) - PLAN_SLACK)), Lease)
