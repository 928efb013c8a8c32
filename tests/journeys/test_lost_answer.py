"""A person's change reaches Redis, and the answer is lost on the way back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from proxy import Proxy

from octoworker.errors import UnknownMessageError
from octoworker.sms.record import State
from octoworker.store import Store, connect, keys

ID, NOBODY = "a" * 32, "b" * 32

CHANGES = {
    "cancel": (State.SCHEDULED, lambda store: store.cancel(ID)),
    "reschedule": (
        State.SCHEDULED,
        lambda store: store.reschedule(
            ID, datetime.now(UTC) + timedelta(minutes=15), "{}", max_ahead=timedelta(seconds=1000)
        ),
    ),
    "decide": (State.UNKNOWN, lambda store: store.decide(ID, sent=True)),
    "replay": (State.DEAD, lambda store: store.replay(ID, force=True)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_whose_answer_was_lost_happens_once_and_is_told_as_done(redis_server, redis_client, change):
    state, ask = CHANGES[change]
    with Proxy(redis_server.port) as proxy:
        store = Store(
            connect(proxy.url, retries=0), keep_for=timedelta(seconds=1000), requeue_after=timedelta(seconds=60)
        )
        store.create(ID, "print", "normal", "{}")
        redis_client.hset(keys.record(ID), mapping={"state": state, "needs_review": "1"})
        with pytest.raises(UnknownMessageError):
            store.cancel(NOBODY)  # from here on a connection is open, and the script is there
        proxy.lose_the_next_answer()
        record = ask(store)
        assert [move.state for move in record.history] == [State.QUEUED, record.state]
        store.close()
