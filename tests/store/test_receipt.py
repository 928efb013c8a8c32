"""receipt.lua: a later word on delivery."""

from __future__ import annotations

import json

from store_kit import A, B, request, submitted

from octoworker.sms.record import State


def test_one_receipt_of_several_does_not_deliver_the_message(store, client):
    each = request(1, payload=json.dumps({"recipients": [A, B], "text": "hello"}))
    submitted(store, each, state=State.UNKNOWN)
    assert store.receipt(each.message_id, A, "delivered", "").state is State.ACCEPTED
    assert store.receipt(each.message_id, B, "undelivered", "").state is State.UNDELIVERED


def test_a_receipt_of_who_has_it_already_does_not_end_the_asking_for_the_others(store, client):
    each = request(1, payload=json.dumps({"recipients": [A, B], "text": "hello"}))
    outcomes = {"outcomes": json.dumps({A: {"state": "accepted"}, B: {"state": "waiting"}}), "pending": json.dumps([B])}
    submitted(store, each, state=State.WAITING, key="next", delay=0.0, fields=outcomes)
    submitted(store, each, state=State.UNKNOWN, delay=0.0)
    told = store.receipt(each.message_id, A, "delivered", "")
    assert (told.state, told.recipients[A]["state"]) == (State.UNKNOWN, "delivered")
    assert store.claim(each).pending == (B,)
