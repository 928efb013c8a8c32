"""What was sent in part ends as what it is for those who have it, however the rest ends."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from store_kit import (
    A,
    B,
    age,
    at,
    id_of,
    look,
    look_now,
    open_store,
    record_of,
    request,
    seconds,
    seconds_of,
    submitted,
)

from octoworker.errors import RefusedError
from octoworker.sms.record import State
from octoworker.store import Done, Wait
from octoworker.store.limits import Caps, cap_request_of


def partly_sent(store):
    """The first number has it; the second was refused for now and goes again alone, under the next key."""
    outcomes = {A: {"state": "accepted"}, B: {"state": "waiting", "error_code": "153"}}
    fields = {"pending": json.dumps([B]), "outcomes": json.dumps(outcomes)}
    submitted(store, request(1), state=State.WAITING, key="next", delay=seconds(0), fields=fields)


def expired_at_its_claim(store, client):
    assert type(store.claim(request(1, expires_at=at(seconds_of(client) - 1)))) is Done


def expired_in_its_backlog(store, client):
    store.flow_control.pause("all")
    assert type(store.claim(request(1, expires_at=at(seconds_of(client) + 100)))) is Wait
    client.hset(record_of(1), "expires_at", 1)
    look_now(client, id_of(1))
    look(store)


def rejected_by_newer_settings(store, client):
    store.reject(request(1), "sender: set OCTOWORKER_SENDER.", None)


def capped_for_good(store, client):
    caps = Caps(hour=1, same_text=seconds(60), refuse=True)
    other = open_store(client, caps=caps)
    for n in (2, 1):
        other.claim(request(n, cap_request=cap_request_of({A: "FR"}, "hello", 1, caps, datetime.now(UTC))))


def stopped_by_the_scheduler(store, client):
    for _ in range(4):
        look_now(client, id_of(1))
        age(client, 3600, n=1)
        look(store, queues={"normal": "sms"})


@pytest.mark.parametrize(
    "end",
    [
        expired_at_its_claim,
        expired_in_its_backlog,
        rejected_by_newer_settings,
        capped_for_good,
        stopped_by_the_scheduler,
    ],
)
def test_what_was_sent_in_part_ends_as_accepted_and_no_replay_without_force_rings_twice(store, client, end):
    partly_sent(store)
    end(store, client)
    record = store.get(id_of(1))
    assert record.state is State.ACCEPTED
    assert record.reason.startswith("accepted for some recipients only: ")
    assert {number: each["state"] for number, each in record.recipients.items()} == {A: "accepted", B: "rejected"}
    with pytest.raises(RefusedError, match="ring twice"):
        store.replay(record.message_id, force=False)
