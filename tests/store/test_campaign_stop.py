"""lib/campaign_stop.lua: a campaign whose first receipts are bad pauses itself, once."""

from __future__ import annotations

import json

import pytest
from store_kit import PAYLOAD, A, B, id_of, open_store, request, submitted, told

from octoworker.store import NewMessage

A_ACCEPTED = json.dumps({A: {"state": "accepted"}})


@pytest.fixture
def store(client):
    """Ten of a hundred may fail, so that the twentieth failure is one too many."""
    store = open_store(client, campaign_pause_at=10)
    store.campaigns.open("autumn", "autumn")
    return store


def sent(store, n, payload=PAYLOAD, people=1, outcomes=A_ACCEPTED):
    """A message of the campaign that Octopush has taken."""
    store.create_many("bulk", [NewMessage(id_of(n), "print", payload, people=people, row=n)], campaign="autumn")
    submitted(store, request(n, lane="bulk", payload=payload), fields={"ticket": f"api{n}", "outcomes": outcomes})


def says(store, n, word="undelivered", number=A):
    sent(store, n)
    return told(store, number, word, ticket=f"api{n}").paused_campaign


def campaign(store):
    return store.campaigns.get("autumn")


def test_it_pauses_at_the_failure_that_is_one_too_many_and_says_why(store):
    assert [says(store, n) for n in range(20)] == [False] * 19 + [True]
    found = campaign(store)
    assert found.paused
    assert found.paused_because == "20 of its first 20 people with a last word on delivery did not get it"


def test_who_got_it_after_all_is_no_failure(store):
    for n in range(19):
        says(store, n)
    told(store, A, "delivered", ticket="api0")
    assert not says(store, 19)
    assert says(store, 20)


def test_what_fails_among_later_people_pauses_nothing(store, client):
    client.hset("ow:campaign:autumn", "final_receipts", 199)
    says(store, 0, "delivered")
    assert not any(says(store, n) for n in range(1, 22))


def test_a_word_on_the_way_and_a_repeat_are_not_counted(store):
    for n in range(19):
        says(store, n)
        told(store, A, "undelivered", ticket=f"api{n}")
    says(store, 19, "underway")
    assert not campaign(store).paused


def test_an_operator_who_resumes_it_has_decided(store):
    for n in range(20):
        says(store, n)
    store.campaigns.resume("autumn")
    assert not any(says(store, n) for n in range(20, 45))
    assert (campaign(store).paused, campaign(store).paused_because) == (False, "")


def test_each_recipient_of_one_message_counts(store):
    both = json.dumps({"recipients": [A, B], "text": "hello"})
    each_accepted = json.dumps({A: {"state": "accepted"}, B: {"state": "accepted"}})
    for n in range(10):
        sent(store, n, both, 2, each_accepted)
        told(store, A, "undelivered", ticket=f"api{n}")
        last = told(store, B, "undelivered", ticket=f"api{n}")
    assert last.paused_campaign


def test_without_the_setting_it_goes_on(client):
    store = open_store(client)
    store.campaigns.open("autumn", "autumn")
    assert not any(says(store, n) for n in range(25))
