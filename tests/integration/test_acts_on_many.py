"""Many messages are acted on as each would be alone; what was begun goes on after an interruption, and nothing is done twice."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from store_kit import id_of, look, open_store, outcome, request, submitted

from octoworker.sms.record import State, iso

LONG = 100_000


def refused_messages(house, count):
    """Messages that a worker could not send, by now."""
    store = open_store(house.redis, keep_for=LONG, account="legacy:a")
    for n in range(count):
        store.reject(request(n, payload=json.dumps({"recipients": "+33612345678", "text": "t"})), "why", None)
    return store


def test_many_are_counted_and_then_replayed_each_once(house):
    store = refused_messages(house, 5)
    priced = request(7, payload=json.dumps({"recipients": "+33612345678"}), segments=2)
    look(store)  # a worker of this account was here
    submitted(store, priced, fields={"cost": "0.05", "currency": "EUR"}, prices={"FR": Decimal("0.03")})
    counted = json.loads(house.command("replay", "--since", "1h", "--dry-run", "--json").stdout)
    assert (counted["messages"], counted["may_ring_twice"], counted["cost_so_far"]) == (6, 1, "0.05")
    assert (counted["expected_cost"], counted["unpriced"]) == ("0.060000", 5)
    assert counted["states"] == {"rejected": 5, "accepted": 1}
    assert store.get(id_of(0)).state is State.REJECTED
    done = house.command("replay", "--since", "1h", "--json", check=False)
    found = json.loads(done.stdout)
    assert (done.returncode, found["done"], sum(found["refused"].values())) == (1, 5, 1)
    assert store.get(id_of(7)).state is State.ACCEPTED
    assert {store.get(id_of(n)).state for n in range(5)} == {State.QUEUED}


def test_what_was_begun_goes_on_and_leaves_what_was_done_since(house):
    store = refused_messages(house, 3)
    begun = iso(datetime.now(UTC) - timedelta(minutes=1))
    store.replay(id_of(0), force=False)
    # It is refused once more, after it was replayed.
    store.reject(request(0, payload="{}"), "why", None)
    done = json.loads(house.command("replay", "--state", "rejected", "--begun", begun, "--json").stdout)
    assert done["done"] == 2
    assert store.get(id_of(0)).state is State.REJECTED
    assert json.loads(house.command("replay", "--state", "rejected", "--json").stdout)["done"] == 1


def test_many_are_cancelled_or_decided_by_a_reason(house):
    store = open_store(house.redis, keep_for=LONG)
    for n in range(2):
        store.create(id_of(n), "print", "normal", "{}")
    assert "2 messages" in house.command("cancel", "--state", "queued", "--dry-run").stdout
    assert house.command("cancel", "--state", "queued").stdout == "cancel: 2 messages\n"
    for n in (3, 4):
        each = request(n)
        store.settle(each.message_id, store.claim(each).token, outcome(State.UNKNOWN))
    assert (
        house.command("decide", "dead", "--state", "unknown", "--reason", "WHY").stdout == "decide dead: 2 messages\n"
    )
    assert {store.get(id_of(n)).state for n in (3, 4)} == {State.DEAD}
    assert house.command("decide", id_of(3), check=False).returncode == 2
    assert house.command("replay", id_of(3), "--state", "dead", check=False).returncode == 2
    assert house.command("replay", check=False).returncode == 2
