"""The progress of a campaign (lua/lib/progress.lua): everybody is counted once, and the reasons are few."""

from __future__ import annotations

import json

import pytest
from store_kit import ID, A, B, id_of, outcome, seconds, told

from octoworker.sms.record import State
from octoworker.store import ClaimRequest, NewMessage

REQUEST = ClaimRequest(ID, "print", "bulk", "{}", segments=1)


@pytest.fixture
def campaign(store):
    """A message to two people."""
    store.campaigns.open("autumn", "autumn")
    payload = json.dumps({"recipients": [A, B], "text": "x"})
    store.create_many("bulk", [NewMessage(ID, "print", payload, people=2)], campaign="autumn")
    return lambda: store.campaigns.get("autumn")


def standing(found):
    return {state: count for state, count in found.counts.items() if count}


def two(first, second, **more):
    return {"outcomes": json.dumps({A: {"state": first}, B: {"state": second, **more}})}


def settle(store, state, *, generation=0, **fields):
    lease = store.claim(REQUEST)
    return store.settle(
        ID, lease.token, outcome(state, generation=generation, key="next", delay=seconds(0), fields=fields)
    )


def test_one_of_two_who_is_refused_counts_alone(store, campaign):
    settle(store, State.ACCEPTED, **two("accepted", "rejected", error_code="151"))
    assert standing(campaign()) == {"accepted": 1, "rejected": 1}
    assert campaign().reasons == {"151": 1}
    assert campaign().over is False


def test_one_who_waits_while_the_other_has_it_counts_as_waiting(store, campaign):
    settle(store, State.WAITING, **two("accepted", "waiting"))
    assert standing(campaign()) == {"accepted": 1, "waiting": 1}
    settle(store, State.ACCEPTED, generation=1, **two("accepted", "accepted"))
    assert standing(campaign()) == {"accepted": 2}


def test_a_receipt_of_one_counts_for_that_one(store, campaign):
    settle(store, State.ACCEPTED, ticket="api1", **two("accepted", "accepted"))
    told(store, A)
    assert standing(campaign()) == {"accepted": 1, "delivered": 1}
    told(store, B, "undelivered", reason="EXPIRED: not reached in time")
    assert standing(campaign()) == {"delivered": 1, "undelivered": 1}
    assert campaign().reasons == {"EXPIRED: not reached in time": 1}


def test_who_is_sent_to_again_has_failed_for_no_reason_any_more(store, campaign):
    settle(store, State.REJECTED, error_code="151")
    assert campaign().reasons == {"151": 2}
    store.replay(ID, force=False)
    assert standing(campaign()) == {"queued": 2}
    assert campaign().reasons == {}


def test_a_reason_that_names_an_instant_is_one_reason(store, campaign):
    store.create_many("bulk", [NewMessage(id_of(n), "print", "{}") for n in range(3)], campaign="autumn")
    for n in range(3):
        store.reject(ClaimRequest(id_of(n), "print", "bulk", "{}"), f"it may go at 2026-11-2{n}T09:00:0{n}Z", None)
    assert campaign().reasons == {"it may go at ...": 3}


def test_more_reasons_than_can_be_read_are_counted_together(store, campaign):
    store.create_many("bulk", [NewMessage(id_of(n), "print", "{}") for n in range(105)], campaign="autumn")
    for n in range(105):
        store.reject(ClaimRequest(id_of(n), "print", "bulk", "{}"), f"reason {n}", None)
    found = campaign().reasons
    assert len(found) == 101
    assert found["other reasons"] == 5
