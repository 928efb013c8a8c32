"""Marketing to several countries goes to each at its own hour: as parts, each a message of its own, and a whole that shows them."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from store_kit import DAY, A, at, look, outcome, request, seconds, told

from octoworker.errors import RefusedError
from octoworker.sms.identity import part_id
from octoworker.sms.record import State
from octoworker.store import ClaimRequest, Done, Lease, NewMessage, Wait

ITALIAN = "+393331234567"
PEOPLE = {"FR": A, "IT": ITALIAN}


def whole(**more):
    asked = request(1, payload=json.dumps({"recipients": [A, ITALIAN], "text": "hi"}), marketing=True, **more)
    parts = [
        {
            "country": country,
            "id": part_id(asked.message_id, country),
            "payload": json.dumps({"recipients": [number], "text": "hi"}),
            "fingerprint": country,
            "people": 1,
        }
        for country, number in PEOPLE.items()
    ]
    return replace(asked, parts=parts)


WHOLE = whole()


def part(country):
    payload = json.dumps({"recipients": [PEOPLE[country]], "text": "hi"})
    return ClaimRequest(part_id(WHOLE.message_id, country), country, "normal", payload, segments=1, day=DAY)


def ends(store, country, state=State.ACCEPTED, **facts):
    lease = store.claim(part(country))
    results = {PEOPLE[country]: {"state": "accepted" if state is State.ACCEPTED else "rejected"}}
    fields = {"outcomes": json.dumps(results), "cost": "0.05", "ticket": f"api{country}"}
    facts |= {"key": "next"} if state is State.REJECTED else {}
    return store.settle(part(country).message_id, lease.token, outcome(state, fields=fields, **facts))


@pytest.fixture
def split(store):
    assert isinstance(store.claim(WHOLE), Wait)
    return store


def state(store):
    return store.get(WHOLE.message_id).state


def test_the_first_claim_makes_a_part_for_each_country_and_the_whole_waits_for_them(split):
    found = split.get(WHOLE.message_id)
    assert found.state is State.WAITING
    assert {country: each["message_id"] for country, each in found.parts.items()} == {
        country: part_id(WHOLE.message_id, country) for country in PEOPLE
    }
    mine = split.get(part_id(WHOLE.message_id, "IT"))
    assert (mine.parent, mine.arguments["recipients"]) == (WHOLE.message_id, [ITALIAN])


def test_the_id_of_a_part_follows_from_the_whole_and_the_country_alone():
    assert part_id("a" * 32, "IT") == part_id("a" * 32, "IT") != part_id("a" * 32, "FR")
    assert len(part_id("a" * 32, "IT")) == 32


def test_the_scheduler_publishes_the_parts_and_never_the_whole(split):
    woken = {each.message_id for each in look(split).wakeups}
    assert woken == {part_id(WHOLE.message_id, country) for country in PEOPLE}


def test_another_job_of_the_whole_sends_nothing_and_splits_nothing_anew(split):
    ends(split, "FR")
    assert isinstance(split.claim(WHOLE), Wait)
    assert isinstance(split.claim(replace(WHOLE, parts=())), Wait)
    assert split.get(part_id(WHOLE.message_id, "FR")).state is State.ACCEPTED


def test_what_may_have_been_sent_is_never_split(store):
    alone = replace(WHOLE, parts=())
    lease = store.claim(alone)
    store.settle(WHOLE.message_id, lease.token, outcome(State.UNKNOWN, delay=seconds(0)))
    again = store.claim(WHOLE)
    assert isinstance(again, Lease)
    assert again.key_used_before


def test_what_was_refused_for_now_goes_again_as_a_whole(store):
    lease = store.claim(replace(WHOLE, parts=()))
    store.settle(WHOLE.message_id, lease.token, outcome(State.WAITING, delay=seconds(0), key="next"))
    assert isinstance(store.claim(WHOLE), Lease)


def test_a_held_message_is_split_when_it_is_due_and_not_before(store, client):
    now = client.time()[0]
    held = replace(WHOLE, hold_until=at(now + 50), closed_until=at(now + 500))
    assert store.claim(held).record.state is State.SCHEDULED
    assert store.get(WHOLE.message_id).parts == {}
    assert store.get(WHOLE.message_id).due_at == at(now + 50)


def test_a_campaign_counts_the_people_of_the_parts_once_and_holds_them_back_while_it_is_paused(store):
    opened = store.campaigns.open("c1", "x", place="p", content="c", force=False)
    new = NewMessage(WHOLE.message_id, WHOLE.fingerprint, WHOLE.payload, people=2)
    store.create_many("normal", [new], campaign=opened.id)
    store.claim(WHOLE)
    assert store.campaigns.get(opened.id).counts == {"waiting": 2}
    store.campaigns.pause(opened.id)
    assert store.claim(part("FR")).record.reason == "its campaign is paused"
    store.campaigns.resume(opened.id)
    look(store)
    for country in PEOPLE:
        ends(store, country)
    assert store.campaigns.get(opened.id).counts == {"accepted": 2}


def test_the_whole_ends_with_the_last_of_its_parts(split):
    ends(split, "FR")
    assert state(split) is State.WAITING
    ends(split, "IT")
    found = split.get(WHOLE.message_id)
    assert found.state is State.ACCEPTED
    assert {number: each["state"] for number, each in found.recipients.items()} == dict.fromkeys(
        PEOPLE.values(), "accepted"
    )
    assert found.parts["IT"]["cost"] == "0.05"


def test_who_was_listed_and_could_not_be_read_stands_in_the_whole(store):
    store.claim(replace(WHOLE, unread={"06": {"state": "rejected", "reason": "it has too few digits."}}))
    assert store.get(WHOLE.message_id).recipients["06"]["reason"] == "it has too few digits."


def test_a_whole_of_which_a_part_was_refused_was_accepted_for_some(split):
    ends(split, "FR", State.REJECTED)
    ends(split, "IT")
    found = split.get(WHOLE.message_id)
    assert (found.state, found.reason) == (State.ACCEPTED, "accepted for some countries only: why")
    assert found.recipients[A]["state"] == "rejected"


def test_a_whole_of_which_every_part_was_refused_is_rejected(split):
    ends(split, "FR", State.REJECTED)
    ends(split, "IT", State.REJECTED)
    assert (state(split), split.get(WHOLE.message_id).reason) == (State.REJECTED, "why")


def test_a_part_that_an_operator_sends_back_opens_the_whole_again(split):
    ends(split, "FR", State.REJECTED)
    ends(split, "IT", State.REJECTED)
    split.replay(part_id(WHOLE.message_id, "IT"), force=False)
    assert state(split) is State.WAITING
    ends(split, "IT")
    assert state(split) is State.ACCEPTED


def test_a_cancel_of_the_whole_stops_the_parts_that_have_not_gone(split):
    ends(split, "FR")
    found = split.cancel(WHOLE.message_id)
    assert split.get(part_id(WHOLE.message_id, "IT")).state is State.CANCELLED
    assert found.state is State.ACCEPTED
    assert split.get(WHOLE.message_id).recipients[ITALIAN]["state"] == "cancelled"


def test_a_cancel_of_the_whole_is_refused_when_all_parts_have_gone(split):
    split.claim(part("FR"))
    split.claim(part("IT"))
    with pytest.raises(RefusedError):
        split.cancel(WHOLE.message_id)


def test_a_whole_whose_parts_are_all_cancelled_is_cancelled(split):
    assert split.cancel(WHOLE.message_id).state is State.CANCELLED


def test_a_whole_is_not_replayed_but_its_parts(split):
    split.cancel(WHOLE.message_id)
    with pytest.raises(RefusedError, match="in parts"):
        split.replay(WHOLE.message_id, force=True)


def test_a_worker_that_can_no_longer_read_the_whole_leaves_its_parts_alone(split):
    assert isinstance(split.reject(replace(WHOLE, parts=()), "sender: give one.", None), Done)
    assert state(split) is State.WAITING


def test_the_last_receipt_says_that_the_whole_was_delivered(split):
    for country in PEOPLE:
        ends(split, country)
    told(split, A, ticket="apiFR")
    assert state(split) is State.ACCEPTED
    assert split.get(WHOLE.message_id).recipients[A]["state"] == "delivered"
    told(split, ITALIAN, ticket="apiIT")
    assert state(split) is State.DELIVERED


def test_receipts_that_come_before_the_last_part_has_gone_count(split):
    ends(split, "FR")
    told(split, A, ticket="apiFR")
    ends(split, "IT")
    told(split, ITALIAN, "undelivered", ticket="apiIT")
    assert state(split) is State.UNDELIVERED


def test_an_event_of_a_part_names_the_whole_and_the_country(split, client):
    split.outbox.is_wanted()
    ends(split, "FR")
    ((_, fields),) = client.xrange("ow:outbox")
    data = json.loads(fields["content"])["data"]
    assert (data["parent"], data["country"]) == (WHOLE.message_id, "FR")


def test_the_whole_has_one_event_when_all_parts_have_ended(split, client):
    split.outbox.is_wanted()
    for country in PEOPLE:
        ends(split, country)
    events = [json.loads(fields["content"]) for _, fields in client.xrange("ow:outbox")]
    assert [each["type"] for each in events if each["data"]["message_id"] == WHOLE.message_id] == ["sms.accepted"]


def test_a_whole_that_is_asked_for_again_after_it_was_forgotten_sends_nobody_a_second_one(split, client):
    for country in PEOPLE:
        ends(split, country)
    client.delete(f"ow:message:{WHOLE.message_id}")
    split.claim(WHOLE)
    assert state(split) is State.ACCEPTED
    assert look(split).wakeups == []


def test_a_whole_of_which_a_dead_part_may_have_been_sent_may_have_been_sent(split):
    ends(split, "FR", State.DEAD)
    split.cancel(WHOLE.message_id)
    found = split.get(WHOLE.message_id)
    assert (found.state, found.maybe_sent) == (State.DEAD, True)
