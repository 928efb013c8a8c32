"""Of a cancel and a release at the same instant exactly one wins, and the answer says which."""

from __future__ import annotations

import time

from harness import until

from octoworker.errors import RefusedError
from octoworker.sms.record import FINAL, State

HOW_MANY = 1000


def test_a_thousand_cancels_raced_against_their_release_never_do_both(house):
    house.worker(settings={"OCTOWORKER_CONCURRENCY": "8"})
    due = time.time() + 6
    ids = {
        house.enqueue(text=f"message {n}", send_at=due + n / 1000, hold=True): f"message {n}" for n in range(HOW_MANY)
    }
    until(lambda: house.redis.zcard("ow:state:scheduled") == HOW_MANY or time.time() > due)
    until(lambda: time.time() > due)
    cancelled = set()
    for message_id in ids:
        try:
            house.store.cancel(message_id)
        except RefusedError:
            continue
        cancelled.add(message_id)
    until(lambda: all(house.record(message_id).state in FINAL for message_id in ids))
    rang = house.texts()
    assert len(rang) == len(set(rang))
    assert {ids[message_id] for message_id in ids if message_id not in cancelled} == set(rang)
    assert all(house.record(message_id).state is State.CANCELLED for message_id in cancelled)
