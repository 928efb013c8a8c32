"""Moving a message that is held here: by the rules of `send_at`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from harness import NUMBER, until

from octoworker.errors import RefusedError
from octoworker.sms.record import State


@pytest.mark.parametrize("beyond", [timedelta(0), timedelta(hours=1)])
def test_a_message_is_not_moved_to_where_it_could_never_be_sent(house, beyond):
    soon = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=2)
    house.worker()
    message_id = house.enqueue(send_at=soon, hold=True, expires_at=soon + timedelta(hours=1))
    house.ended(message_id, State.SCHEDULED)
    refused = house.command(
        "reschedule", message_id, "--at", (soon + timedelta(hours=1) + beyond).isoformat(), check=False
    )
    assert "before expires_at" in refused.stdout + refused.stderr
    assert house.record(message_id).due_at == soon
    house.command("reschedule", message_id, "--at", (soon + timedelta(minutes=59)).isoformat())
    assert house.record(message_id).due_at == soon + timedelta(minutes=59)


def test_a_content_that_is_replaced_while_it_is_moved_stays(house):
    """Who moves it has read the text of before. It would be sent, or never be, as no job would fit the record."""
    house.worker()
    soon = datetime.now(UTC) + timedelta(hours=2)
    asked = {"hold": True, "idempotency_key": "appointment 17"}
    message_id = house.enqueue(text="at nine", send_at=soon, **asked)
    read = house.ended(message_id, State.SCHEDULED)
    move = house.client.change_of_time(message_id, soon + timedelta(hours=1), read)
    house.client.replace({"recipients": NUMBER, "text": "at ten", "transactional": True, "send_at": soon, **asked})
    until(lambda: house.record(message_id).due_at and house.record(message_id).state is State.SCHEDULED)
    with pytest.raises(RefusedError, match="ask again"):
        move(house.store)
    assert house.record(message_id).arguments["text"] == "at ten"
    house.command("reschedule", message_id, "--at", (datetime.now(UTC) + timedelta(seconds=2)).isoformat())
    house.ended(message_id, State.ACCEPTED)
    assert house.texts() == ["at ten"]
