"""The life of an appointment as a web app lives it, raced against the instants at which its reminders are released.

Each appointment is booked, moved, cancelled, booked again, in any order and while its hour comes; at the end the one SMS that
rang, if one did, is the last one that the web app was told was taken.
"""

from __future__ import annotations

import random
import time

from harness import until

from octoworker.client.client import message_id
from octoworker.errors import RefusedError
from octoworker.sms.record import FINAL, State

HOW_MANY, STEPS = 60, 6


def test_of_an_appointment_that_is_moved_while_its_hour_comes_only_the_last_reminder_rings(house):
    house.worker(settings={"OCTOWORKER_CONCURRENCY": "8"})
    chance = random.Random(4711)
    last = dict.fromkeys(range(HOW_MANY), "")

    def book(booking, step):
        text = f"booking {booking} step {step}"
        arguments = {
            "recipients": "+33612345678",
            "text": text,
            "transactional": True,
            "idempotency_key": f"reminder-{booking}",
            "send_at": time.time() + chance.uniform(0, 0.3),
            "hold": True,
        }
        house.client.replace(arguments)
        last[booking] = text

    def cancel(booking):
        house.store.cancel(message_id(f"reminder-{booking}"))
        last[booking] = ""

    gone = set()
    for step in range(STEPS):
        for booking in range(HOW_MANY):
            if booking in gone:
                continue
            try:
                cancel(booking) if step and chance.random() < 0.3 and last[booking] else book(booking, step)
            except RefusedError:
                gone.add(booking)  # it says so: what was taken last is what rings
    ids = [message_id(f"reminder-{booking}") for booking in range(HOW_MANY)]
    until(lambda: all(house.record(each).state in FINAL for each in ids))
    assert sorted(house.texts()) == sorted(text for text in last.values() if text)
    ended = {booking: house.record(each).state for booking, each in enumerate(ids)}
    assert {state for booking, state in ended.items() if last[booking]} <= {State.ACCEPTED, State.DELIVERED}
    assert {state for booking, state in ended.items() if not last[booking]} <= {State.CANCELLED}
