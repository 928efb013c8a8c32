"""What a campaign is, how far it is, what stops it, and how long it is kept."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from store_kit import ID, at, open_store, outcome

from octoworker.errors import UnknownMessageError
from octoworker.sms.record import State
from octoworker.store import ClaimRequest, NewMessage
from octoworker.store.campaigns import SLICE, Campaign, Opened, Stop

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


DAY = 86_400


@pytest.fixture
def long(client):
    """A store that keeps campaigns for ten days, and has none yet."""
    return open_store(client, keep_for=10 * DAY)


def named(store, campaign, content="c", **more):
    """Asked for under one key."""
    return store.campaigns.open(campaign, campaign, place="key", content=content, **more)


def loaded(store, campaign):
    store.campaigns.loaded(campaign, people=3, refused=1)


def test_the_same_campaign_asked_for_again_goes_on_until_it_is_taken_whole(long, still):
    assert named(long, "a").id == "a"
    still.shift(2 * DAY)
    assert named(long, "b") == Opened("a")
    loaded(long, "a")
    assert named(long, "c") == Opened("a", finished=True)


def test_a_day_after_it_was_taken_whole_it_is_another_one(long, still):
    named(long, "a")
    loaded(long, "a")
    still.shift(DAY - 1)
    assert named(long, "b").finished
    still.shift(2)
    assert named(long, "b") == Opened("b")


def test_a_key_of_another_campaign_is_a_conflict(long):
    named(long, "a")
    assert named(long, "b", content="other") == Opened("a", conflict=True)


def test_a_forced_one_is_begun_anew_unless_the_very_same_is_unfinished(long):
    named(long, "a")
    assert named(long, "b", force=True).id == "a", "it goes on"
    loaded(long, "a")
    assert named(long, "c", force=True).id == "c", "the other one had gone out"
    assert named(long, "d", content="other", force=True).id == "d", "the other one is not the same"
    long.campaigns.cancel("d")
    assert named(long, "e", content="other", force=True).id == "e", "the other one was cancelled"


def test_one_without_a_key_is_always_another_one(long):
    assert [long.campaigns.open(each, "").id for each in ("a", "b")] == ["a", "b"]


def test_a_campaign_says_how_far_it_is(long):
    named(long, "autumn")
    ids = [f"{n:032x}" for n in range(3)]
    long.create_many("bulk", [NewMessage(each, "print", "{}") for each in ids], campaign="autumn")
    for each in ids[:2]:
        lease = long.claim(replace(REQUEST, message_id=each))
        long.settle(each, lease.token, outcome(State.REJECTED, key="next", fields={"error_code": "150"}))
    found = long.campaigns.get("autumn")
    assert (found.name, found.taken, found.done, found.loaded, found.over) == ("autumn", 3, 2, False, False)
    loaded(long, "autumn")
    assert not long.campaigns.get("autumn").over
    assert long.campaigns.get("autumn").as_json() == {
        "campaign": "autumn",
        "name": "autumn",
        "people": 3,
        "refused": 1,
        "loaded": True,
        "paused": False,
        "paused_because": None,
        "cancelled": False,
        "over": False,
        "counts": {"queued": 1, "rejected": 2},
        "reasons": {"150": 2},
    }
    assert long.campaigns.cancel("autumn") == Stop(1, 0, 2)
    assert (long.campaigns.get("autumn").over, long.campaigns.get("autumn").cancelled) == (True, True)


def test_what_ails_most_of_its_people_comes_first():
    facts = {"id": "a", "name": "", "people": 6, "refused": 0, "loaded": True, "paused": True, "cancelled": False}
    found = Campaign(**facts, counts={}, reasons={"150": 1, "151": 3, "152": 2}, paused_because="20 failed")
    assert list(found.as_json()["reasons"]) == ["151", "152", "150"]
    assert found.as_json()["paused_because"] == "20 failed"


def test_a_campaign_without_people_is_over_once_it_is_loaded(long):
    named(long, "a")
    assert not long.campaigns.get("a").over
    loaded(long, "a")
    assert long.campaigns.get("a").over


@pytest.mark.parametrize("act", ["get", "pause", "resume", "cancel"])
def test_of_a_campaign_that_nobody_knows_nothing_is_done(long, act):
    with pytest.raises(UnknownMessageError):
        getattr(long.campaigns, act)("autumn")
    with pytest.raises(UnknownMessageError):
        long.campaigns.get("autumn")


def test_a_pause_is_seen_and_ends(store):
    store.campaigns.pause("autumn")
    assert store.campaigns.get("autumn").paused
    store.campaigns.resume("autumn")
    assert not store.campaigns.get("autumn").paused


def test_who_stopped_a_campaign_stands_in_the_audit(redis_client):
    store = open_store(redis_client)
    store.campaigns.open("autumn", "")
    store.campaigns.pause("autumn")
    store.campaigns.cancel("autumn")
    assert [(each.act, each.what) for each in store.audit.acts()] == [
        ("campaign cancel", "autumn"),
        ("campaign pause", "autumn"),
    ]


def test_a_cancel_stops_what_was_taken_while_it_was_loaded(store):
    assert not store.campaigns.stopped("autumn")
    store.campaigns.cancel("autumn")
    late = "d" * 32
    store.create_many("bulk", [NewMessage(late, "print", "{}")], campaign="autumn")
    assert store.campaigns.stopped("autumn")
    assert store.get(late).state is State.CANCELLED


def test_a_long_campaign_is_stopped_to_its_last_message_in_the_order_of_its_rows(store):
    ids = [f"{n:032x}" for n in range(2 * SLICE)]
    new = [NewMessage(each, "print", "{}", row=n + 1) for n, each in enumerate(ids)]
    store.campaigns.open("winter", "")
    store.create_many("bulk", new, campaign="winter")
    assert list(store.campaigns.ids("winter")) == [(each, n + 1) for n, each in enumerate(ids)]
    assert store.campaigns.cancel("winter") == Stop(2 * SLICE, 0, 0)


def test_all_campaigns_are_listed_the_latest_first(long, still):
    for each in ("a", "b", "c"):
        long.campaigns.open(each, each)
        still.shift(60)
    long.campaigns.open("a", "a")
    found = list(long.campaigns.begun())
    assert [campaign.id for _, campaign in found] == ["c", "b", "a"]
    assert (found[0][0] - found[2][0]).total_seconds() == 120


def test_many_campaigns_are_listed_once_each(long, client):
    for n in range(SLICE + 1):
        client.hset(f"ow:campaign:{n}", "name", "")
    client.zadd("ow:campaigns", {str(n): n for n in range(SLICE + 1)})
    assert [each.id for _, each in long.campaigns.begun()] == [str(n) for n in reversed(range(SLICE + 1))]


def test_a_campaign_that_has_gone_leaves_the_list_when_another_is_begun(long, client, still):
    long.campaigns.open("a", "")
    still.shift(9 * DAY)
    long.campaigns.open("b", "")
    assert client.zrange("ow:campaigns", 0, -1) == ["a", "b"]
    still.shift(2 * DAY)
    assert [each.id for _, each in long.campaigns.begun()] == ["b"]
    long.campaigns.open("c", "")
    assert client.zrange("ow:campaigns", 0, -1) == ["b", "c"]


def test_the_list_goes_when_the_last_campaign_may_have_gone(long, client):
    long.campaigns.open("a", "")
    assert client.ttl("ow:campaigns") == 376 * DAY


def test_whoever_was_refused_the_message_alone_is_sent_to(store):
    taken_by(store, "spring", "c" * 32)
    lease = store.claim(replace(REQUEST, message_id="c" * 32))
    its = json.dumps({NUMBER: {"state": "rejected"}, "+33612345679": {"state": "accepted"}})
    store.settle("c" * 32, lease.token, outcome(State.ACCEPTED, fields={"outcomes": its}))
    assert got(store) == [False, False]


@pytest.mark.parametrize(("doubtful", "has_it"), [(False, False), (True, True)])
def test_whoever_may_have_got_what_was_given_up_is_not_sent_to(store, doubtful, has_it):
    taken_by(store, "spring", "c" * 32)
    lease = store.claim(replace(REQUEST, message_id="c" * 32))
    if doubtful:
        store.settle("c" * 32, lease.token, outcome(State.UNKNOWN))
    else:
        store.settle("c" * 32, lease.token, outcome(State.DEAD, key="unused"))
    assert got(store) == [has_it, False]
