"""The text of a one-time code is gone from its record once the message has gone or is over, whatever ended it."""

from __future__ import annotations

import json

import pytest
from store_kit import ID, PAYLOAD, REQUEST, outcome

from octoworker.errors import RefusedError
from octoworker.sms.record import State


def settled(store, state):
    lease = store.claim(REQUEST)
    store.settle(ID, lease.token, outcome(state))


ENDS = {
    "accepted": lambda store: settled(store, State.ACCEPTED),
    "rejected by Octopush": lambda store: settled(store, State.REJECTED),
    "rejected by us": lambda store: store.reject(REQUEST, "sender: set OCTOWORKER_SENDER.", None),
    "dead": lambda store: settled(store, State.DEAD),
    "expired": lambda store: settled(store, State.EXPIRED),
    "cancelled": lambda store: store.cancel(ID),
    "decided": lambda store: (settled(store, State.UNKNOWN), store.decide(ID, sent=False)),
}


@pytest.mark.parametrize("end", ENDS)
def test_the_text_is_gone_and_the_message_cannot_be_replayed(store, end):
    store.create(ID, "print", "urgent", PAYLOAD, secret=True)
    assert store.get(ID).arguments["text"]
    ENDS[end](store)
    assert store.get(ID).arguments["text"] == ""
    with pytest.raises(RefusedError):
        store.replay(ID, force=True)


def test_one_that_may_still_be_tried_keeps_it_and_so_does_a_message_without_a_code(store, client):
    store.create(ID, "print", "urgent", PAYLOAD, secret=True)
    settled(store, State.UNKNOWN)
    assert store.get(ID).arguments == json.loads(PAYLOAD)
    client.flushall()
    store.create(ID, "print", "urgent", PAYLOAD)
    settled(store, State.REJECTED)
    assert store.get(ID).arguments == json.loads(PAYLOAD)
