"""Lists of messages by state, as an operator asks for them."""

from __future__ import annotations

import pytest
from store_kit import id_of, record_of, seconds_of

from octoworker.sms.record import State
from octoworker.store import SLICE

HELD_BACK = SLICE + 20


@pytest.fixture
def crowded(client):
    """Many messages that wait, due before the few that are queued or being submitted."""
    now = seconds_of(client) * 1000
    few = [State.QUEUED] * 3 + [State.SUBMITTING] * 2
    with client.pipeline() as pipe:
        for n, state in enumerate([State.WAITING] * HELD_BACK + few):
            pipe.hset(record_of(n), mapping={"state": state, "lane": "normal"})
            pipe.zadd("ow:due", {id_of(n): now + n})
        pipe.execute()


@pytest.mark.parametrize(("state", "there"), [(State.QUEUED, 3), (State.SUBMITTING, 2)])
def test_what_is_under_way_is_found_behind_a_backlog(store, crowded, state, there):
    found = list(store.list(state, 100))
    assert [each.state for each in found] == [state] * there
    assert len(list(store.list(state, 1))) == 1


def test_what_waits_for_its_time_is_not_looked_through(store, crowded, client):
    """A million scheduled messages cost nothing here."""
    client.zadd("ow:due", {id_of(10_000): (seconds_of(client) + 3600) * 1000})
    client.hset(record_of(10_000), mapping={"state": "queued", "lane": "normal"})
    assert id_of(10_000) not in [each.message_id for each in store.list(State.QUEUED, 100)]
