"""decide.lua: an operator's word ends what no machine may touch again."""

from __future__ import annotations

import json

import pytest
from store_kit import ID, REQUEST, outcome

from octoworker.sms.record import State
from octoworker.store import keys


@pytest.mark.parametrize(
    ("sent", "why"),
    [(True, "an operator found it at Octopush"), (False, "given up by an operator; may have been sent")],
)
def test_the_record_says_what_the_operator_said_and_nobody_is_asked_again(store, client, sent, why):
    lease = store.claim(REQUEST)
    store.settle(ID, lease.token, outcome(State.UNKNOWN))
    decided = store.decide(ID, sent=sent)
    assert client.hget(keys.record(ID), "needs_review") is None
    assert (decided.reason, decided.history[-1].reason) == (why, why)


@pytest.mark.parametrize(("sent", "ends"), [(True, "accepted"), (False, "dead")])
def test_what_an_operator_decides_holds_for_every_recipient_in_doubt(store, sent, ends):
    lease = store.claim(REQUEST)
    outcomes = {"+33612345678": {"state": "delivered"}, "+33612345679": {"state": "waiting"}}
    store.settle(ID, lease.token, outcome(State.UNKNOWN, fields={"outcomes": json.dumps(outcomes)}))
    decided = store.decide(ID, sent=sent)
    assert decided.state == ends
    assert {number: each["state"] for number, each in decided.recipients.items()} == {
        "+33612345678": "delivered",
        "+33612345679": ends,
    }
