"""reply.lua: what a recipient answers is kept with the message that it answers, once, and a web app hears of it."""

from __future__ import annotations

import json

import pytest
from store_kit import KEEP, A, B, id_of, record_of
from test_receipt import BOTH, EACH_ACCEPTED, accepted

from octoworker.store import MOST_REPLIES, Reply
from octoworker.store.erasure import Person


def answered(store, text="oui", *, number=A, ticket="api1", event_id="e1", at="", **more):
    """What came of a reply: where it was kept."""
    reply = Reply(ticket, number, text, at, "1-1", event_id, "a reply to nothing", f"raw {text}", **more)
    return store.reply(reply)


def texts(store, n=1):
    return [reply.text for reply in store.get(id_of(n)).replies]


def events(client):
    found = [(fields["id"], json.loads(fields["content"])) for _, fields in client.xrange("ow:outbox")]
    return [(event_id, each["data"]) for event_id, each in found if each["type"] == "sms.reply"]


def test_a_reply_stands_with_the_message_that_it_answers(store):
    accepted(store)
    assert answered(store, at="2026-11-26 09:00:04") == ("kept", id_of(1))
    (reply,) = store.get(id_of(1)).replies
    assert (reply.number, reply.text, reply.word_at) == (A, "oui", "2026-11-26 09:00:04")


@pytest.mark.parametrize("wrong", [{"ticket": "api2"}, {"ticket": ""}, {"number": B}])
def test_a_reply_to_no_message_of_ours_is_kept_for_an_operator(store, client, wrong):
    accepted(store)
    assert answered(store, **wrong) == ("unmatched", "")
    ((_, kept),) = client.xrange("ow:unreadable")
    assert kept == {"reason": "a reply to nothing", "content": "raw oui"}
    assert texts(store) == []


def test_the_same_call_again_is_the_same_reply(store):
    accepted(store)
    answered(store)
    assert answered(store) == ("same", id_of(1))
    assert texts(store) == ["oui"]


def test_the_same_words_at_the_same_time_are_the_same_reply_and_at_another_time_another(store):
    accepted(store)
    found = [answered(store, event_id=f"e{n}", at=at)[0] for n, at in enumerate(("09:00", "09:00", "09:01", "", ""))]
    assert found == ["kept", "same", "kept", "kept", "kept"]


def test_the_latest_of_many_are_kept(store):
    accepted(store)
    for n in range(MOST_REPLIES + 2):
        answered(store, f"nr {n}", event_id=f"e{n}")
    assert len(texts(store)) == MOST_REPLIES
    assert texts(store)[-1] == f"nr {MOST_REPLIES + 1}"


def test_a_reply_is_kept_as_long_as_its_message_which_has_changed_by_it(store, client, still):
    accepted(store)
    still.shift(KEEP - 10)
    answered(store)
    assert client.ttl(record_of(1)) == KEEP


def test_a_web_app_hears_who_of_many_answered_and_no_number_and_no_text(store, client):
    store.outbox.is_wanted()
    accepted(store, payload=BOTH, outcomes=EACH_ACCEPTED)
    answered(store, number=B)
    ((event_id, data),) = events(client)
    assert event_id == f"evt_{id_of(1)}_2"
    assert data == {"message_id": id_of(1), "state": "accepted", "sequence": 2, "recipient_index": 1}


def test_number_and_text_stand_in_the_event_when_a_setting_says_so(store, client):
    store.outbox.is_wanted()
    accepted(store)
    answered(store, shown=True)
    ((_, data),) = events(client)
    assert (data["number"], data["text"]) == (A, "oui")


def test_a_reply_to_no_message_is_an_event_with_the_id_of_its_arrival(store, client):
    store.outbox.is_wanted()
    answered(store, event_id="e9")
    assert events(client) == [("evt_e9", {"reason": "a reply to nothing"})]


def test_who_is_forgotten_has_answered_nothing(store):
    accepted(store, payload=BOTH, outcomes=EACH_ACCEPTED)
    answered(store, "oui", number=A)
    answered(store, "non", number=B, event_id="e2")
    store.people.forget(Person(lambda number: number == A, A[-8:], lambda _: []))
    assert texts(store) == ["non"]
    assert answered(store, number=A, event_id="e3")[0] == "unmatched"


def test_a_records_own_words_show_nobody(store):
    accepted(store)
    answered(store)
    record = store.get(id_of(1))
    assert "oui" not in repr(record)
    assert "oui" not in json.dumps(record.masked())
    assert A not in json.dumps(record.masked())
