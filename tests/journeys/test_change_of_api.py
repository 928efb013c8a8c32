"""An account moves from the older API to v1 while workers run: what was in flight ends where its key is known."""

from __future__ import annotations

from collections import Counter

import pytest
from harness import NUMBER, TEXT, until

from octoworker.sms.record import State


@pytest.fixture
def v1(house):
    """The settings that make a worker speak v1."""
    return {"OCTOPUSH_API": "v1", "OCTOPUSH_URL": house.sandbox.urls["v1"]}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("house", [{"OCTOWORKER_BREAKER_CAP": "1"}], indirect=True, ids=["impatient"])
def test_under_load_with_faults_nothing_is_lost_and_nothing_rings_twice(house, v1):
    doomed, last = house.worker(), house.worker()
    for fault in ("reset_after", "cut", "reset_before"):
        house.sandbox.fault(fault=fault, times=3, api="legacy")
    house.sandbox.fault(fault="hang_after", seconds=3, times=2, api="legacy")
    texts = {house.enqueue(text=f"before {n}"): f"before {n}" for n in range(40)}
    until(lambda: house.sandbox.counts()["calls"] >= 5)
    new = house.worker(settings=v1)
    house.sandbox.fault(fault="reset_after", times=4, api="v1")
    doomed.kill()
    texts |= {house.enqueue(text=f"after {n}"): f"after {n}" for n in range(40)}
    records = [house.ended(message_id, timeout=90) for message_id in texts]
    last.stop()
    more = house.ended(house.enqueue(text="alone"))
    assert {record.state for record in (*records, more)} == {State.ACCEPTED}
    assert Counter(house.texts()) == Counter([*texts.values(), "alone"])
    assert {record.account.partition("-")[0] for record in records} == {"legacy", "v1"}
    assert more.account.startswith("v1-")
    assert new.process.poll() is None


def test_what_only_the_older_api_knows_waits_for_one_of_its_workers_when_all_are_gone(house, v1):
    house.sandbox.fault(fault="gate", name="door", when="after", api="legacy")
    old = house.worker()
    message_id = house.enqueue()
    house.sandbox.gate_reached("door")
    old.kill()
    house.sandbox.open_gate("door")
    house.worker(settings=v1)
    left = until(
        lambda: (it := house.record(message_id)).due_at is None and "start one" in it.reason and it, timeout=60
    )
    assert (left.state, left.account in left.reason) == (State.UNKNOWN, True)
    assert house.texts() == [TEXT]
    house.worker()
    assert house.ended(message_id).state is State.ACCEPTED
    assert house.texts(NUMBER) == [TEXT]


def test_an_empty_account_at_the_older_api_does_not_stop_v1(house, v1):
    house.sandbox.fault(fault="code", code="104", times=-1, api="legacy")
    house.worker()
    held = house.enqueue()
    house.ended(held, State.WAITING)
    house.worker(settings=v1)
    assert house.ended(held).account.startswith("v1-")
    assert house.texts() == [TEXT]
