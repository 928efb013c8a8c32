"""An event for the web app is written in the step that makes its move, and only when somebody wants to know."""

from __future__ import annotations

import json

import pytest
from store_kit import PAYLOAD, A, at, id_of, request, seconds, seconds_of, submitted, told

from octoworker.sms.opt_outs import hashes
from octoworker.sms.record import State
from octoworker.store.opt_outs import OptOut

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
