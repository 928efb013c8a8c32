"""receive.lua and set_aside.lua: what Octopush calls with, from the receiver to whoever processes it."""

from __future__ import annotations

from octoworker.store.inbox import Arrival


def arrival(n):
    return Arrival("{}", event_id=f"e{n}", kind="receipt")


def test_what_came_is_taken_by_one_worker_only_in_its_order(store):
    store.inbox.put([arrival(1), arrival(2)])
    store.inbox.put([arrival(3)])
    assert [each.event_id for each in store.inbox.take("one", 0)] == ["e1", "e2", "e3"]
    assert store.inbox.take("two", 0) == []


def test_what_a_worker_took_and_did_not_finish_is_taken_over_after_the_lease(store, still):
    store.inbox.put([arrival(1)])
    store.inbox.take("one", 0)
    assert store.inbox.take_over("two") == []
    still.shift(31)
    assert [each.event_id for each in store.inbox.take_over("two")] == ["e1"]


def test_what_is_unreadable_is_kept_with_its_reason_beside_the_inbox(store, client):
    store.inbox.put([Arrival("hello", reason="the body is empty"), arrival(1)])
    assert [fields for _, fields in client.xrange("ow:unreadable")] == [
        {"reason": "the body is empty", "content": "hello"}
    ]
    assert client.xlen("ow:inbox") == 1
    assert 0 < client.ttl("ow:unreadable") <= 30 * 86400


def test_what_is_unreadable_goes_after_a_month_though_more_of_it_comes(store, client, still):
    for content in ("first", "second", "third"):
        store.inbox.put([Arrival(content, reason="no")])
        still.shift(20 * 86400)
    assert [fields["content"] for _, fields in client.xrange("ow:unreadable")] == ["second", "third"]


def test_what_cannot_be_processed_leaves_the_inbox_and_is_kept_with_the_reason(store, client):
    store.inbox.put([arrival(1)])
    (entry,) = store.inbox.take("one", 0)
    store.inbox.set_aside(entry, "a bug")
    assert (client.xlen("ow:inbox"), client.xpending("ow:inbox", "workers")["pending"]) == (0, 0)
    assert [fields for _, fields in client.xrange("ow:unreadable")] == [{"reason": "a bug", "content": "{}"}]


def test_a_consumer_that_has_finished_leaves_no_trace_and_one_that_has_not_stays(store, client):
    store.inbox.put([arrival(1)])
    (entry,) = store.inbox.take("one", 0)
    store.inbox.take("two", 0)
    store.inbox.leave("two")
    store.inbox.leave("one")
    assert [each["name"] for each in client.xinfo_consumers("ow:inbox", "workers")] == ["one"]
    store.inbox.set_aside(entry, "done")
    store.inbox.leave("one")
    assert client.xinfo_consumers("ow:inbox", "workers") == []
