"""An event for the web app is written in the step that makes its move, and only when somebody wants to know."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from store_kit import PAYLOAD, A, at, id_of, request, seconds, seconds_of, submitted, told

from octoworker.sms.opt_outs import hashes
from octoworker.sms.record import State
from octoworker.store.opt_outs import OptOut
from octoworker.store.outbox import LOGGED_FOR, SLICE

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)

ACCEPTED = {"ticket": "api1", "outcomes": json.dumps({A: {"state": "accepted"}})}


def events(client):
    return [(fields["id"], json.loads(fields["content"])) for _, fields in client.xrange("ow:outbox")]


def types(client):
    return [content["type"] for _, content in events(client)]


@pytest.fixture
def listened(store):
    store.outbox.is_wanted()
    return store


def test_without_a_listener_nothing_is_written(store, client):
    submitted(store, request(1))
    assert not client.exists("ow:outbox")


def test_each_move_that_matters_has_one_event_with_an_id_of_its_own(listened, client):
    submitted(listened, request(1, payload=PAYLOAD), fields={**ACCEPTED, "error_code": "000"})
    told(listened, A)
    told(listened, A)
    first, second = events(client)
    assert first[0] == f"evt_{id_of(1)}_1"
    assert first[1]["data"] == {
        "message_id": id_of(1),
        "state": "accepted",
        "reason": "why",
        "sequence": 1,
        "error_code": "000",
    }
    assert (second[0], second[1]["type"]) == (f"evt_{id_of(1)}_2", "sms.delivered")


def test_a_cancel_of_a_web_apps_is_an_event_too(listened, client):
    listened.claim(request(1, hold_until=at(seconds_of(client) + 100)))
    listened.cancel(id_of(1))
    assert types(client) == ["sms.cancelled"]


def test_steps_on_the_way_are_none(listened, client):
    submitted(listened, request(1), state=State.WAITING, key="next", delay=seconds(0))
    assert events(client) == []


def test_a_stop_is_an_event_with_the_id_of_what_said_so(listened, client):
    listened.opt_outs.add(hashes(A, []), OptOut("stop"), event_id="e1")
    ((event_id, content),) = events(client)
    assert (event_id, content["data"]) == ("evt_e1", {"source": "stop", "scope": "marketing"})


def test_no_event_carries_a_number_or_a_text(listened, client):
    submitted(listened, request(1, payload=PAYLOAD), fields=ACCEPTED)
    told(listened, A, "undelivered", word="EXPIRED", reason="EXPIRED: not reached")
    assert types(client) == ["sms.accepted", "sms.undelivered"]
    assert A[3:] not in str(events(client))
    assert "secret" not in str(events(client))


# --- sent again


def everything_sent(store, client):
    """The web app has all of it. The ids, in order."""
    entries = store.outbox.take("me", 0)
    store.outbox.done(entries)
    _, due = store.webhooks.take("there", 100)
    for each in due:
        store.webhooks.settle(each.event_id, "there", "sent")
    return [entry.event_id for entry in entries], [each.event_id for each in due]


def test_what_was_taken_is_sent_again_under_its_own_id_by_each_way(listened, client):
    listened.webhooks.are_wanted()
    submitted(listened, request(1, payload=PAYLOAD), fields=ACCEPTED)
    told(listened, A)
    first = everything_sent(listened, client)
    assert listened.event_log.replay(LONG_AGO) == 2
    assert everything_sent(listened, client) == first
    assert len(first[0]) == len(first[1]) == 2


def test_it_is_what_happened_since_then(listened, client, still):
    submitted(listened, request(1), fields=ACCEPTED)
    still.shift(60)
    submitted(listened, request(2), fields=ACCEPTED)
    everything_sent(listened, client)
    assert listened.event_log.replay(at(seconds_of(client) - 1)) == 1
    assert everything_sent(listened, client)[0] == [f"evt_{id_of(2)}_1"]


def test_what_waits_for_its_next_try_is_left_to_it(store, client):
    store.webhooks.are_wanted()
    submitted(store, request(1))
    store.webhooks.take("there", 1)
    store.webhooks.settle(f"evt_{id_of(1)}_1", "there", "failed", delay=seconds(1000))
    assert store.event_log.replay(LONG_AGO) == 0
    assert store.webhooks.take("there", 1)[1] == []


def test_more_than_one_slice_is_sent_again_whole(listened, client):
    content = json.dumps({"type": "sms.optout", "at": 1000 * seconds_of(client)})
    with client.pipeline() as pipe:
        for n in range(2 * SLICE + 1):
            pipe.xadd("ow:events", {"id": f"evt_{n}", "content": content})
        pipe.execute()
    assert listened.event_log.replay(LONG_AGO) == 2 * SLICE + 1
    assert len({event_id for event_id, _ in events(client)}) == 2 * SLICE + 1


def test_events_are_kept_for_a_week(listened, client, still):
    submitted(listened, request(1))
    assert listened.event_log.kept()[0] == 1
    assert 0 < client.ttl("ow:events") <= LOGGED_FOR.total_seconds()
    still.shift(LOGGED_FOR.total_seconds() - 10)
    listened.outbox.is_wanted()
    submitted(listened, request(2))
    still.shift(20)
    listened.prune()
    assert listened.event_log.kept()[0] == 1
    assert listened.event_log.replay(LONG_AGO) == 1
