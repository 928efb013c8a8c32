"""Events that are posted: each is due by a schedule of its own, and an address that fails is spared."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from store_kit import A, request, seconds, submitted

from octoworker.sms.opt_outs import hashes
from octoworker.store.opt_outs import OptOut
from octoworker.store.webhooks import LEASE, MOST_TRIES, OPENS_AFTER

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
def hooks(store):
    store.webhooks.are_wanted()
    return store.webhooks


def said(store, *names):
    """An event each."""
    for name in names:
        store.opt_outs.add(hashes(A, []), OptOut("stop"), event_id=name)


def due(hooks, most=10, endpoint="there"):
    """The ids of what is to be posted now."""
    return [event.event_id for event in hooks.take(endpoint, most)[1]]


def fails(hooks, event_id, times=1, **more):
    return [hooks.settle(event_id, "there", "failed", **more)[0] for _ in range(times)]


def test_a_move_is_written_for_the_address_and_for_the_task_when_both_are_wanted(store, hooks, client):
    store.outbox.is_wanted()
    submitted(store, request(1))
    ((_, written),) = client.xrange("ow:outbox")
    (event,) = hooks.take("there", 10)[1]
    assert (event.event_id, event.content, event.tries) == (written["id"], written["content"], 0)


def test_an_address_alone_leaves_nothing_in_the_outbox(store, hooks, client):
    submitted(store, request(1))
    assert len(due(hooks)) == 1
    assert not client.exists("ow:outbox")


def test_an_event_is_given_to_one_asker_and_to_another_when_nothing_is_heard_of_it(store, hooks, still):
    said(store, "a")
    assert due(hooks) == ["evt_a"]
    assert due(hooks) == []
    still.shift(LEASE.total_seconds())
    assert due(hooks) == ["evt_a"]


def test_what_was_taken_is_gone(store, hooks, client):
    said(store, "a")
    due(hooks)
    assert hooks.settle("evt_a", "there", "sent") == ("sent", False)
    assert client.keys("ow:webhooks") + client.keys("ow:webhooks:d*") == []


def test_what_was_not_taken_is_due_again_after_its_delay(store, hooks, still):
    said(store, "a")
    due(hooks)
    assert fails(hooks, "evt_a", delay=seconds(5)) == ["again"]
    still.shift(4)
    assert due(hooks) == []
    still.shift(1)
    ((event,), tries) = hooks.take("there", 9)[1], 1
    assert (event.event_id, event.tries) == ("evt_a", tries)


def test_after_ten_tries_it_is_left_to_an_operator_who_can_have_it_posted_again(store, hooks):
    said(store, "a")
    assert fails(hooks, "evt_a", MOST_TRIES) == ["again"] * (MOST_TRIES - 1) + ["dead"]
    (kept,) = hooks.kept(10)
    assert (kept.event_id, kept.due_at) == ("evt_a", None)
    assert hooks.replay(LONG_AGO) == 1
    assert due(hooks) == ["evt_a"]


def test_a_replay_takes_what_happened_since_then(store, hooks, still):
    said(store, "a")
    fails(hooks, "evt_a", MOST_TRIES)
    still.shift(60)
    at = hooks.take("there", 1)[0]
    said(store, "b")
    fails(hooks, "evt_b", MOST_TRIES)
    assert hooks.replay(at) == 1
    assert due(hooks) == ["evt_b"]


def test_a_replay_does_not_wait_for_the_next_try_and_leaves_what_is_being_posted(store, hooks):
    said(store, "a", "b")
    assert due(hooks) == ["evt_a", "evt_b"]
    fails(hooks, "evt_a", delay=seconds(1000))
    assert hooks.replay(LONG_AGO) == 1
    assert due(hooks) == ["evt_a"]


def test_an_address_that_fails_again_and_again_is_tried_with_one_event_after_a_wait(store, hooks, still):
    said(store, "a", "b", "c")
    due(hooks)
    fails(hooks, "evt_a", OPENS_AFTER, delay=seconds(0))
    assert hooks.endpoint().state == "resting"
    assert due(hooks) == []
    still.shift(5)
    assert due(hooks) == ["evt_a"]
    assert due(hooks) == []


def test_one_that_is_taken_ends_the_rest(store, hooks, still):
    said(store, "a", "b")
    assert due(hooks, 1) == ["evt_a"]
    fails(hooks, "evt_a", OPENS_AFTER, delay=seconds(0))
    still.shift(5)
    (probe,) = due(hooks)
    hooks.settle(probe, "there", "sent")
    assert hooks.endpoint().state == "open"
    assert len(due(hooks)) == 1


def test_an_address_that_asks_to_be_left_alone_is(store, hooks, still):
    said(store, "a", "b")
    due(hooks, 1)
    fails(hooks, "evt_a", rest=seconds(30))
    assert due(hooks) == []
    still.shift(30)
    assert len(due(hooks)) == 1


def test_an_address_that_is_gone_is_not_called_until_an_operator_says_so(store, hooks, still):
    said(store, "a", "b")
    assert due(hooks, 1) == ["evt_a"]
    assert hooks.settle("evt_a", "there", "gone") == ("gone", True)
    assert hooks.settle("evt_a", "there", "gone") == ("gone", False)
    still.shift(100_000)
    assert due(hooks) == []
    assert hooks.endpoint().state == "stopped"
    hooks.replay(LONG_AGO)
    assert due(hooks) == ["evt_a", "evt_b"]


def test_another_address_has_done_nothing_wrong(store, hooks):
    said(store, "a")
    due(hooks)
    hooks.settle("evt_a", "there", "gone")
    assert due(hooks, endpoint="elsewhere") == ["evt_a"]


def test_events_that_nobody_took_are_kept_for_a_month(store, hooks, still, client):
    said(store, "a")
    fails(hooks, "evt_a", MOST_TRIES)
    still.shift(31 * 86400)
    store.webhooks.are_wanted()
    said(store, "b")
    fails(hooks, "evt_b", MOST_TRIES)
    assert [each.event_id for each in hooks.kept(10)] == client.zrange("ow:webhooks:dead", 0, -1) == ["evt_b"]
