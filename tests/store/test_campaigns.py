"""How long a campaign is kept."""

from __future__ import annotations

from dataclasses import replace

import pytest
from store_kit import ID, at, open_store, outcome

from octoworker.sms.record import State
from octoworker.store import ClaimRequest, NewMessage
from octoworker.store.campaigns import SLICE, Stop

KEEP, CAMPAIGN = 1000, "ow:campaign:autumn"
REQUEST = ClaimRequest(ID, "print", "bulk", "{}", segments=1)


@pytest.fixture
def store(store):
    store.campaigns.open("autumn", "autumn")
    store.create_many("bulk", [NewMessage(ID, "", "{}")], campaign="autumn")
    return store


def parts(client):
    return [key for key in client.keys(f"{CAMPAIGN}*") if not key.startswith("ow:backlog:")]


def test_it_knows_for_which_regions_its_numbers_were_read_before(store):
    first = store.campaigns.open("a", "", place="p", content="c", region="FR")
    again = store.campaigns.open("b", "", place="p", content="c", region="BE")
    last = store.campaigns.open("d", "", place="p", content="c", region="BE")
    assert [first.regions, again.regions, last.regions] == [(), ("FR",), ("BE", "FR")]
    assert {again.id, last.id} == {"a"}


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
    assert store.campaigns.cancel("autumn") == Stop(1, 0, 0)
    assert min(client.ttl(part) for part in parts(client)) > 0


def test_a_campaign_is_kept_as_long_as_the_messages_it_holds_for_later(store, client):
    later = client.time()[0] + 10 * KEEP
    store.claim(replace(REQUEST, hold_until=at(later)))
    store.campaigns.loaded("autumn", people=1, refused=0)
    store.campaigns.pause("autumn")
    store.campaigns.resume("autumn")
    assert min(client.ttl(part) for part in parts(client)) > 9 * KEEP


MARK, NUMBER = "0123456789abcdef", "+33612345678"


def taken_by(store, campaign, message_id=ID):
    store.campaigns.open(campaign, campaign)
    store.create_many("bulk", [NewMessage(message_id, "print", "{}", marks=(MARK,))], campaign=campaign)


def got(store, *, but="winter", mark=MARK):
    return store.campaigns.sent([(mark, NUMBER), ("f" * 16, NUMBER)], but=but)


def test_another_campaign_knows_who_got_a_text_within_the_day(client, still):
    store = open_store(client, keep_for=1e6)
    taken_by(store, "spring", "c" * 32)
    assert got(store) == [True, False]
    assert got(store, but="spring") == [False, False]
    still.shift(86_399)
    assert got(store) == [True, False]
    still.shift(2)
    assert got(store) == [False, False]


UNSENT = {
    "rejected": lambda store: store.reject(replace(REQUEST, message_id="c" * 32), "no", None),
    "cancelled": lambda store: store.cancel("c" * 32),
}


@pytest.mark.parametrize("end", UNSENT)
def test_whoever_did_not_get_it_is_sent_to(store, end):
    taken_by(store, "spring", "c" * 32)
    UNSENT[end](store)
    assert got(store) == [False, False]


def test_what_is_known_of_who_got_a_text_goes(store, client):
    taken_by(store, "spring", "c" * 32)
    (key,) = client.keys("ow:campaign-sent:*")
    assert 86_400 < client.ttl(key) <= 2 * 86_400
    assert NUMBER not in str(client.hgetall(key))
