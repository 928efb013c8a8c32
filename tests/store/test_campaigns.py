"""How long a campaign is kept."""

from __future__ import annotations

from dataclasses import replace

import pytest
from store_kit import ID, at, outcome

from octoworker.sms.record import State
from octoworker.store import ClaimRequest, NewMessage
from octoworker.store.campaigns import SLICE

KEEP, CAMPAIGN = 1000, "ow:campaign:autumn"
REQUEST = ClaimRequest(ID, "print", "bulk", "{}", segments=1)


@pytest.fixture
def store(store):
    store.campaigns.open("autumn", "autumn")
    store.create_many("bulk", [NewMessage(ID, "", "{}")], campaign="autumn")
    return store


def parts(client):
    return [key for key in client.keys(f"{CAMPAIGN}*") if not key.startswith("ow:backlog:")]


def test_a_campaign_that_was_never_loaded_to_its_end_goes_in_its_time(store, client):
    assert min(client.ttl(part) for part in parts(client)) > 0


def test_what_is_counted_after_the_loading_goes_with_the_campaign(store, client):
    store.campaigns.loaded("autumn", people=1, refused=0)
    go = store.claim(REQUEST)
    store.settle(ID, go.token, outcome(State.REJECTED, key="next"))
    assert f"{CAMPAIGN}:reasons" in parts(client)
    assert min(client.ttl(part) for part in parts(client)) > 0


def test_a_paused_campaign_is_kept_until_it_is_resumed(store, client):
    store.campaigns.pause("autumn")
    store.claim(REQUEST)
    store.campaigns.loaded("autumn", people=1, refused=0)
    assert {client.ttl(part) for part in parts(client)} == {-1}
    store.campaigns.resume("autumn")
    assert min(client.ttl(part) for part in parts(client)) > 0


def test_a_pause_that_comes_while_a_resume_moves_what_was_held_holds(store, client):
    """More messages than one slice: the second slice finds the campaign paused again."""
    ids = [f"{n:032x}" for n in range(SLICE + 1)]
    store.create_many("bulk", [NewMessage(each, "print", "{}") for each in ids], campaign="autumn")
    store.campaigns.pause("autumn")
    for each in ids:
        store.claim(replace(REQUEST, message_id=each))
    held = client.zcard("ow:backlog:campaign:autumn")
    assert store.campaigns.resume_slice("autumn", first=True) == SLICE
    store.campaigns.pause("autumn")
    assert store.campaigns.resume_slice("autumn", first=False) == 0
    assert store.campaigns.get("autumn").paused
    assert client.zcard("ow:backlog:campaign:autumn") == held - SLICE
    assert {client.ttl(part) for part in parts(client)} == {-1}


def test_a_paused_campaign_that_is_cancelled_goes_in_its_time(store, client):
    store.campaigns.loaded("autumn", people=1, refused=0)
    store.campaigns.pause("autumn")
    store.claim(REQUEST)
    assert store.campaigns.cancel("autumn") == (1, 0)
    assert min(client.ttl(part) for part in parts(client)) > 0


def test_a_campaign_is_kept_as_long_as_the_messages_it_holds_for_later(store, client):
    later = client.time()[0] + 10 * KEEP
    store.claim(replace(REQUEST, hold_until=at(later)))
    store.campaigns.loaded("autumn", people=1, refused=0)
    store.campaigns.pause("autumn")
    store.campaigns.resume("autumn")
    assert min(client.ttl(part) for part in parts(client)) > 9 * KEEP
