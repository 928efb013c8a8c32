"""Receipts in any order, any number of times, before, during and after the answer of the call lead to the same end."""

from __future__ import annotations

import json

import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from store_kit import PAYLOAD, A, B, open_store, request, settle

from octoworker.sending.inbound import Inbound
from octoworker.store.inbox import Arrival

BOTH = json.dumps({"recipients": [A, B], "text": "hello"})
ACCEPTED = json.dumps({A: {"state": "accepted"}, B: {"state": "accepted"}})
MESSAGES = {1: (A, PAYLOAD, json.dumps({A: {"state": "accepted"}})), 2: (B, BOTH, ACCEPTED)}

WORDS = ("ACK", "DELIVERED", "NOT_DELIVERED", "EXPIRED", "UNDEFINED", "NEVER_SEEN")
RECEIPTS = st.tuples(
    st.sampled_from(["api1", "api2"]), st.sampled_from([A, B]), st.sampled_from(WORDS), st.integers(0, 2)
)


def arrival(receipt):
    ticket, number, word, second = receipt
    content = {"kind": "receipt", "ticket": ticket, "number": number, "word": word, "at": f"2026-11-26 09:00:0{second}"}
    return Arrival(json.dumps(content), event_id="e", kind="receipt")


def end(client, store, order):
    """Where both messages stand once all of this has happened in this order. "claim" and "answer" are steps of the sends."""
    client.flushall()
    inbound = Inbound(store, "FR")
    leases = {}
    for step in order:
        if step == "claim":
            leases = {n: store.claim(request(n, payload=payload)) for n, (_, payload, _) in MESSAGES.items()}
        elif step == "answer":
            for n, (_, _, outcomes) in MESSAGES.items():
                settle(store, leases[n], request(n), fields={"ticket": f"api{n}", "outcomes": outcomes})
        else:
            store.inbox.put([arrival(step)])
        while entries := store.inbox.take("one", 0):
            inbound.process(entries)
    assert client.xlen("ow:inbox") == 0
    records = [store.get(request(n).message_id) for n in MESSAGES]
    return [(record.state, record.reason, record.recipients) for record in records]


def test_the_end_of_a_message_depends_on_which_receipts_came_and_on_nothing_else(redis_server):
    client = redis.Redis.from_url(redis_server.url, decode_responses=True)
    store = open_store(client, keep_for=10_000)

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(receipts=st.lists(RECEIPTS, max_size=6), data=st.data())
    def holds(receipts, data):
        wanted = end(client, store, ["claim", "answer", *receipts])
        repeats = data.draw(st.lists(st.sampled_from(receipts), max_size=3)) if receipts else []
        shuffled = data.draw(st.permutations([*receipts, *repeats]))
        answered = data.draw(st.integers(0, len(shuffled)))
        claimed = data.draw(st.integers(0, answered))
        order = [*shuffled[:claimed], "claim", *shuffled[claimed:answered], "answer", *shuffled[answered:]]
        assert end(client, store, order) == wanted

    holds()
    store.close()
