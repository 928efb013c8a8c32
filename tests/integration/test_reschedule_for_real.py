"""Moving a message that is held here: by the rules of `send_at`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

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
