"""Who did what by hand stands in the message's story and in the audit, and no number in either. On a real server."""

from __future__ import annotations

import pytest
from store_kit import ID, KEEP, PAYLOAD, REQUEST, A, at, open_store, outcome, submitted

from octoworker.errors import RefusedError
from octoworker.sms.record import State
from octoworker.store import audit, keys
from octoworker.store.opt_outs import OptOut


@pytest.fixture
def store(redis_client, monkeypatch):
    monkeypatch.setenv("OCTOWORKER_ACTOR", "marie")
    return open_store(redis_client)


def acts(store):
    return [(each.act, each.who, each.what) for each in store.audit.acts()]


def story(store):
    return [(each.act, each.who) for each in store.get(ID).acts]


def taken(store):
    store.create(ID, "print", "normal", PAYLOAD)
    return store


def test_a_cancel_and_a_replay_stand_in_the_story_and_in_the_audit(store):
    taken(store).cancel(ID)
    store.replay(ID, force=False)
    assert story(store) == [("cancel", "marie"), ("replay", "marie")]
    assert acts(store) == [("replay", "marie", ID), ("cancel", "marie", ID)]
    assert [each.where for each in store.audit.acts()] == [each.where for each in store.get(ID).acts][::-1]


def test_what_was_refused_is_no_act(store):
    taken(store)
    with pytest.raises(RefusedError):
        store.replay(ID, force=False)
    assert (story(store), acts(store)) == ([], [])


def test_a_decision_says_which(store):
    lease = store.claim(REQUEST)
    store.settle(ID, lease.token, outcome(State.UNKNOWN))
    store.decide(ID, sent=True)
    assert acts(store) == [("decide sent", "marie", ID)]


def test_a_move_is_an_act(store):
    store.claim(REQUEST.__class__(ID, "print", "normal", PAYLOAD, hold_until=at(4_000_000_000)))
    later = at(4_000_000_100)
    store.reschedule(ID, later, PAYLOAD, max_ahead=later - at(0))
    assert acts(store) == [("reschedule", "marie", ID)]


def test_a_cancel_for_which_octopush_is_asked_is_an_act(store, redis_client):
    store = open_store(redis_client, account="v1-4e5f6071")
    out_at = at(4_000_000_000)
    submitted(store, REQUEST, deliver_at=out_at, recall_until=out_at, fields={"ticket": "sms_1"})
    store.cancel(ID)
    assert acts(store) == [("cancel", "marie", ID)]


def test_pauses_campaigns_and_opt_outs_are_acts_and_name_no_number(store, redis_client):
    store.flow_control.pause("marketing")
    store.flow_control.resume("all")
    store.flow_control.end_holds()
    store.campaigns.open("c", "people.csv")
    store.campaigns.pause("c")
    store.campaigns.resume("c")
    store.campaigns.cancel("c")
    store.opt_outs.add(["h"], OptOut("operator"), by=audit.by("optout add"))
    store.opt_outs.remove(["h"])
    assert [(act, what) for act, _, what in reversed(acts(store))] == [
        ("pause", "marketing"),
        ("resume", "all"),
        ("resume", "account holds"),
        *((f"campaign {act}", "c") for act in ("pause", "resume", "cancel")),
        ("optout add", ""),
        ("optout remove", ""),
    ]
    assert A[3:] not in str(redis_client.xrange(keys.AUDIT))


def test_what_a_stop_or_a_loading_campaign_does_is_nobody_s_act(store):
    store.opt_outs.add(["h"], OptOut("stop"))
    store.campaigns.open("c", "people.csv")
    store.campaigns.cancel("c")
    assert store.campaigns.stopped("c")
    assert [act for act, _, _ in acts(store)] == ["campaign cancel"]


def test_whoever_is_logged_in_comes_before_the_setting_and_cannot_forge_a_line(store):
    with audit.acting("eve|x\n9|replay|bob|there"):
        taken(store).cancel(ID)
    assert story(store) == [("cancel", "evex9replaybobthere")]
    assert acts(store) == [("cancel", "evex9replaybobthere", ID)]


def test_without_a_setting_it_is_the_user_of_the_system(store, monkeypatch):
    monkeypatch.delenv("OCTOWORKER_ACTOR")
    monkeypatch.setenv("LOGNAME", "jo")
    store.audit.note("reveal", ID)
    assert acts(store) == [("reveal", "jo", ID)]


def test_entries_are_kept_for_the_setting(store, redis_client, monkeypatch):
    redis_client.xadd(keys.AUDIT, {"act": "old", "who": "x", "where": "y", "what": ""}, id="1-1")
    for n in range(200):
        redis_client.xadd(keys.AUDIT, {"act": "old", "who": "x", "where": "y", "what": ""}, id=f"{n + 2}-1")
    monkeypatch.setenv("OCTOWORKER_AUDIT_FOR", str(KEEP))
    store.audit.note("restored")
    assert sum(act == "old" for act, _, _ in acts(store)) <= 101
    assert 0 < redis_client.pttl(keys.AUDIT) <= KEEP * 1000


def test_more_than_a_slice_is_read_the_latest_first(store, redis_client):
    numbers = range(1, audit.SLICE + 3)
    for n in numbers:
        redis_client.xadd(keys.AUDIT, {"act": "pause", "who": "x", "where": "y", "what": str(n)}, id=f"{n}-1")
    assert [what for _, _, what in acts(store)] == [str(n) for n in reversed(numbers)]
