"""A message is found by what a person knows of it, and by nothing once it is forgotten. On a real server."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from store_kit import A, B, at, id_of, look_now, open_store, outcome, record_of, request, seconds, woken

from octoworker.sms import terms
from octoworker.sms.record import State
from octoworker.store import NewMessage, keys, person
from octoworker.store.finding import SLICE, Criteria

KEY, OLD_KEY = "k" * 32, "o" * 32


@pytest.fixture
def store(redis_client):
    return open_store(redis_client)


def asked(n, *numbers, number_keys=(KEY,), reference=None, **more):
    """What a worker brings to the claim of a message."""
    payload = json.dumps({"recipients": list(numbers), "text": "t", **({"reference": reference} if reference else {})})
    return request(n, payload=payload, found_by=terms.of_message(numbers, reference, number_keys), **more)


def created(store, each):
    store.create(each.message_id, each.fingerprint, each.lane, each.payload)
    return each


def to(number, number_keys=(KEY,), **more):
    them = person.named(number, "FR", number_keys)
    return Criteria(found_by=them.found_by(None), is_them=them.is_them, **more)


def with_reference(reference, number_keys=(KEY,)):
    return Criteria(found_by=terms.of_reference(reference, number_keys), reference=reference)


def found(store, wanted):
    return [int(each.message_id, 16) for each in store.finder.find(wanted)]


def ended(store, each, state=State.ACCEPTED, **more):
    store.settle(each.message_id, store.claim(each).token, outcome(state, **more))


def test_a_message_is_found_by_each_of_its_numbers_and_by_no_other(store):
    ended(store, asked(1, A, B))
    ended(store, asked(2, B))
    assert (found(store, to(A)), sorted(found(store, to("06 12 34 56 79"))), found(store, to("+33612345670"))) == (
        [1],
        [1, 2],
        [],
    )


def test_what_no_worker_has_claimed_is_found_by_its_number_too(store):
    created(store, asked(1, A))
    created(store, asked(2, B))
    assert found(store, to(A)) == [1]


def test_what_no_worker_has_claimed_is_found_however_often_its_job_came_in_vain(redis_client):
    store = open_store(redis_client, requeue_after=60)
    each = created(store, asked(1, A))
    for _ in range(10):
        look_now(redis_client, each.message_id)
        assert woken(store) == [1]
    assert found(store, to(A)) == [1]


def test_it_is_found_by_the_whole_of_its_reference(store):
    ended(store, asked(1, A, reference="order 4711"))
    assert (found(store, with_reference("order 4711")), found(store, with_reference("order 471"))) == ([1], [])


def test_what_is_held_or_was_refused_is_found(store):
    store.claim(asked(1, A, hold_until=at(4_000_000_000)))
    store.reject(asked(2, A), "why", None)
    assert sorted(found(store, to(A))) == [1, 2]


def test_a_number_is_found_under_the_keys_of_before_and_under_none(store):
    ended(store, asked(1, A, number_keys=()))
    ended(store, asked(2, A, number_keys=(OLD_KEY,)))
    ended(store, asked(3, A))
    assert sorted(found(store, to(A, (KEY, OLD_KEY)))) == [1, 2, 3]


def test_what_was_replaced_is_found_by_whom_it_goes_to_now(store):
    store.claim(asked(1, A, hold_until=at(4_000_000_000)))
    after = asked(1, B, hold_until=at(4_000_000_000))
    store.replace(NewMessage(after.message_id, "other", after.payload), "normal", "word")
    store.claim(replace(after, fingerprint="other", incarnation="word"))
    assert (found(store, to(A)), found(store, to(B))) == ([], [1])


def test_no_key_holds_a_number_or_a_reference(store, redis_client):
    ended(store, asked(1, A, reference="MARKER"))
    places = list(redis_client.scan_iter(f"{keys.FOUND_PREFIX}*"))
    assert len(places) == 2
    for place in places:
        assert not [each for each in redis_client.zrange(place, 0, -1) if A[3:] in place + each or "MARKER" in each]


def test_every_place_ends_by_itself(store, redis_client):
    ended(store, asked(1, A, reference="MARKER"))
    assert all(redis_client.pttl(key) > 0 for key in redis_client.scan_iter(f"{keys.FOUND_PREFIX}*"))


def test_a_member_goes_once_its_record_has_gone_and_not_before(redis_client):
    store = open_store(redis_client, keep_for=0.001)
    for n in (1, 2):
        store.claim(asked(n, A, hold_until=at(4_000_000_000)))
    (place,) = redis_client.scan_iter(f"{keys.FOUND_PREFIX}*")
    for member in redis_client.zrange(place, 0, -1):
        redis_client.zadd(place, {member: 1})
    redis_client.delete(record_of(1))
    store.claim(asked(3, A, hold_until=at(4_000_000_000)))
    assert sorted(int(each[-32:], 16) for each in redis_client.zrange(place, 0, -1)) == [2, 3]


def held_for_a(store, *several):
    for n in several:
        store.claim(asked(n, A, hold_until=at(4_000_000_000)))


def places_of(redis_client):
    """The sets of the index, the shortest name first."""
    return sorted(redis_client.scan_iter(f"{keys.FOUND_PREFIX}*"), key=len)


def test_all_of_many_messages_to_one_number_are_found_in_small_sets_and_then_in_none(store, redis_client):
    held_for_a(store, *range(150))
    first, second, third = places_of(redis_client)
    assert second.startswith(first)
    assert third.startswith(second)
    assert max(map(redis_client.zcard, (first, second, third))) == redis_client.zcard(first) < 128
    assert sorted(found(store, to(A))) == list(range(150))
    for n in range(150):
        store.cancel(id_of(n))
    store.people.forget(person.named(A, "FR", [KEY]))
    assert (found(store, to(A)), places_of(redis_client)) == ([], [])


def test_of_many_messages_to_one_number_the_latest_come_first(store, redis_client):
    held_for_a(store, *range(80))
    first, second = places_of(redis_client)
    for place in (first, second):
        for member in redis_client.zrange(place, 0, -1):
            redis_client.zadd(place, {member: int(member[-32:], 16) // 2 * 2})
    latest_first = [n // 2 for n in found(store, to(A))]
    assert latest_first == sorted(latest_first, reverse=True)


def test_what_has_gone_leaves_a_full_set_though_nothing_comes_into_it(redis_client):
    store = open_store(redis_client, keep_for=0.001)
    held_for_a(store, *range(70))
    first, _ = places_of(redis_client)
    before = redis_client.zcard(first)
    gone = redis_client.zrange(first, 0, 9)
    for member in gone:
        redis_client.zadd(first, {member: 1})
        redis_client.delete(record_of(int(member[-32:], 16)))
    held_for_a(store, *range(70, 71))
    assert redis_client.zcard(first) < before
    held_for_a(store, *range(71, 90))
    assert not {*gone} & {*redis_client.zrange(first, 0, -1)}


def test_who_is_forgotten_is_found_by_nothing(store, redis_client):
    ended(store, asked(1, A, reference="order 1"))
    ended(store, asked(2, A, B, reference="order 2"))
    store.claim(asked(3, A, hold_until=at(4_000_000_000)))
    ended(store, asked(4, A))
    redis_client.delete(record_of(4))
    store.people.forget(person.named(A, "FR", [KEY]))
    assert found(store, to(A)) == [3]
    assert (found(store, with_reference("order 1")), found(store, with_reference("order 2"))) == ([], [2])
    (term,) = terms.of_message([A], None, [KEY])
    assert list(store.finder.ids(term)) == [[id_of(3)]]


def test_a_late_job_of_who_was_forgotten_makes_them_found_no_more(store):
    late = created(store, asked(1, A))
    store.cancel(id_of(1))
    store.people.forget(person.named(A, "FR", [KEY]))
    store.claim(late)
    (term,) = terms.of_message([A], None, [KEY])
    assert list(store.finder.ids(term)) == []


@pytest.fixture
def several(store):
    """Of each state two, and a campaign's."""
    for n, state in enumerate((State.DEAD, State.REJECTED, State.ACCEPTED) * 2, 1):
        ended(store, asked(n, A), state, key="unused" if state is not State.ACCEPTED else "used")
    news = [NewMessage(id_of(n), "print", "{}", row=n) for n in (11, 12)]
    store.create_many("bulk", news, campaign="c")
    store.claim(request(13, hold_until=at(4_000_000_000)))
    return store


def test_states_reasons_campaigns_and_times_choose(several, redis_client):
    assert sorted(found(several, Criteria(states=frozenset({State.DEAD, State.REJECTED})))) == [1, 2, 4, 5]
    assert found(several, Criteria(campaign="c")) == [11, 12]
    assert found(several, Criteria(campaign="c", states=frozenset({State.DEAD}))) == []
    assert found(several, Criteria(states=frozenset({State.QUEUED}))) == [11, 12]
    assert found(several, Criteria(reason="WH", states=frozenset({State.REJECTED}))) == [5, 2]
    assert found(several, Criteria(reason="no such")) == []
    redis_client.hset(record_of(2), "error_code", "164")
    assert found(several, Criteria(reason="164")) == [2]
    assert len(found(several, Criteria())) == 9
    redis_client.hset(record_of(1), "created", 5000)
    assert found(several, Criteria(until=at(10), states=frozenset({State.DEAD}))) == [1]
    assert found(several, Criteria(since=at(10), states=frozenset({State.DEAD}))) == [4]


def test_more_than_a_slice_is_found_once_each_though_they_move_meanwhile(store):
    count = 2 * SLICE + 50
    for n in range(count):
        store.reject(request(n), "why", None)
    seen = []
    for some in store.finder.slices(Criteria(states=frozenset({State.REJECTED}))):
        seen += [each.message_id for each in some]
        for each in some[::2]:
            store.replay(each.message_id, force=False)
    assert sorted(seen) == [id_of(n) for n in range(count)]


def test_a_key_that_is_no_record_is_left_out(store, redis_client):
    ended(store, asked(1, A))
    ended(store, asked(2, A))
    redis_client.delete(record_of(1))
    redis_client.lpush(record_of(1), "no record")
    assert found(store, to(A)) == [2]


def test_campaigns_are_listed_the_latest_first_and_those_that_have_gone_are_not(redis_client):
    store = open_store(redis_client)
    for n, name in enumerate(("a", "b", "c")):
        store.campaigns.open(name, f"{name}.csv")
        redis_client.zadd(keys.CAMPAIGN_LIST, {name: n + 1})
    redis_client.delete(f"{keys.CAMPAIGN_PREFIX}b")
    assert [each.id for _, each in store.campaigns.begun()] == ["c", "a"]
    store.campaigns.open("d", "d.csv")
    assert redis_client.zrange(keys.CAMPAIGN_LIST, 0, -1) == ["a", "c", "d"]
    assert redis_client.ttl(keys.CAMPAIGN_LIST) > seconds(1000).total_seconds()
