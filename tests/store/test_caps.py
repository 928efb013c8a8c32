"""The caps (lua/lib/caps.lua): what they hold, what they refuse, and that each message counts once."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from store_kit import A, B, id_of, open_store, record_of, request, seconds, submitted, verdicts

from octoworker.sms.opt_outs import FREQUENCY, hashes
from octoworker.sms.recipient import country_of
from octoworker.sms.record import State
from octoworker.store import Lease, Wait
from octoworker.store.limits import Caps, cap_request_of


def capped_request(n, caps, *, number=A, text="hello", segments=1):
    return request(n, cap_request=cap_request_of({number: "FR"}, text, segments, caps, datetime.now(UTC)))


@pytest.mark.parametrize(
    ("caps", "name"),
    [
        (Caps(hour=2), "OCTOWORKER_CAP_HOUR"),
        (Caps(day=2), "OCTOWORKER_CAP_DAY"),
        (Caps(countries={"FR": 2}), "OCTOWORKER_CAP_COUNTRIES"),
        (Caps(countries={"*": 2}), "OCTOWORKER_CAP_COUNTRIES"),
    ],
)
def test_a_cap_holds_what_exceeds_it_and_says_which_and_until_when(client, caps, name):
    store = open_store(client, caps=caps)
    jobs = [capped_request(n, caps, text=str(n)) for n in range(3)]
    assert verdicts(store, jobs) == [Lease, Lease, Wait]
    record = store.get(jobs[2].message_id)
    assert record.state is State.WAITING
    assert name in record.reason
    assert record.due_at.isoformat(timespec="seconds").replace("+00:00", "Z") in record.reason


def test_a_cap_can_refuse_instead(client):
    caps = Caps(hour=1, refuse=True)
    store = open_store(client, caps=caps)
    verdicts(store, [capped_request(1, caps), capped_request(2, caps)])
    assert store.get(id_of(2)).state is State.REJECTED


def test_the_same_text_to_the_same_number_is_refused_within_its_window(client):
    caps = Caps(same_text=seconds(60))
    store = open_store(client, caps=caps)
    verdicts(store, [capped_request(1, caps), capped_request(2, caps), capped_request(3, caps, text="other")])
    assert [store.get(id_of(n)).state for n in (2, 3)] == [State.REJECTED, State.SUBMITTING]


def test_a_retry_counts_once(client):
    caps = Caps(hour=1, same_text=seconds(60), countries={"FR": 1})
    store = open_store(client, caps=caps)
    each = capped_request(1, caps)
    for _ in range(3):
        submitted(store, each, state=State.WAITING, key="next", delay=seconds(0))
    assert type(store.claim(each)) is Lease


def test_money_that_is_about_to_be_spent_counts_already(client):
    caps = Caps(money=Decimal("0.10"))
    store = open_store(client, caps=caps)
    first = capped_request(1, caps)
    submitted(store, first, spent=Decimal("0.04"), prices={"FR": Decimal("0.04")})
    assert verdicts(store, [capped_request(n, caps, text=str(n)) for n in (2, 3)]) == [Lease, Wait]


def test_no_key_of_the_caps_shows_a_number_or_a_text(client):
    caps = Caps(hour=5, day=5, same_text=seconds(60), countries={"*": 9}, money=Decimal(9))
    store = open_store(client, caps=caps)
    store.claim(capped_request(1, caps, text="secret words"))
    everything = " ".join(client.keys("ow:cap:*")) + str([client.type(key) for key in client.keys("ow:cap:*")])
    assert "612345678" not in everything
    assert "secret" not in everything


@pytest.mark.parametrize("caps", [Caps(countries={"FR": 2}), Caps(money=Decimal("0.05"))])
def test_a_message_that_alone_exceeds_a_cap_of_the_day_does_not_wait_for_ever(client, caps):
    store = open_store(client, caps=caps)
    client.hset("ow:account", "price:FR", 40_000)
    store.claim(capped_request(1, caps, segments=3))
    record = store.get(id_of(1))
    assert record.state is State.REJECTED
    assert "may go at" not in record.reason


ALL = Caps(hour=1, day=1, same_text=seconds(60), countries={"FR": 1}, money=Decimal("0.10"), price=Decimal("0.10"))


def is_refused(store, each):
    submitted(store, each, state=State.REJECTED, key="next")


def is_given_up(store, each):
    submitted(store, each, state=State.DEAD, key="unused")


def is_refused_for_now_and_cancelled(store, each):
    submitted(store, each, state=State.WAITING, key="next", delay=seconds(60))
    store.cancel(each.message_id)


UNSENT = {"refused": is_refused, "given up": is_given_up, "cancelled": is_refused_for_now_and_cancelled}


@pytest.mark.parametrize("end", UNSENT)
def test_what_was_proven_not_to_be_sent_is_given_back(client, end):
    store = open_store(client, caps=ALL)
    UNSENT[end](store, capped_request(1, ALL))
    assert type(store.claim(capped_request(2, ALL))) is Lease


@pytest.mark.parametrize("state", [State.ACCEPTED, State.UNKNOWN])
def test_what_may_have_been_sent_is_not_given_back(client, state):
    store = open_store(client, caps=ALL)
    submitted(store, capped_request(1, ALL), state=state)
    assert verdicts(store, [capped_request(2, ALL)]) != [Lease]


def test_of_several_those_are_given_back_whom_octopush_refused(client):
    caps = Caps(hour=1, same_text=seconds(60), countries={"FR": 2})
    store = open_store(client, caps=caps)
    now = datetime.now(UTC)
    both = request(1, cap_request=cap_request_of({A: "FR", B: "FR"}, "hello", 1, caps, now))
    submitted(store, both, unsent=cap_request_of({B: "FR"}, "hello", 1, caps, now))
    assert type(store.claim(capped_request(2, caps, number=B))) is Lease
    assert store.claim(capped_request(3, caps, number=A)).record.state is State.REJECTED


def test_those_who_were_given_back_are_not_given_back_again(client):
    caps = Caps(countries={"FR": 3})
    store = open_store(client, caps=caps)
    now = datetime.now(UTC)
    both = request(1, cap_request=cap_request_of({A: "FR", B: "FR"}, "hello", 1, caps, now))
    first_part = {"unsent": cap_request_of({B: "FR"}, "hello", 1, caps, now), "key": "next", "delay": seconds(0)}
    submitted(store, both, state=State.WAITING, **first_part)
    submitted(store, both, state=State.REJECTED, generation=1)
    assert client.hget(both_day(both), "country:FR") == "0"


def both_day(each):
    return f"ow:day:{each.day}"


def test_what_a_day_counted_is_kept_for_a_week_and_then_goes(client):
    caps = Caps(countries={"FR": 9})
    each = capped_request(1, caps)
    open_store(client, caps=caps).claim(each)
    assert 7 * 86400 <= client.ttl(both_day(each)) <= 8 * 86400


@pytest.mark.parametrize(
    ("prices", "cost"),
    [({}, 100_000), ({"DE": Decimal("0.20")}, 200_000), ({"DE": Decimal("0.20"), "FR": Decimal("0.05")}, 50_000)],
)
def test_a_price_that_is_not_known_is_the_dearest_that_is_known_or_the_setting(client, prices, cost):
    caps = Caps(money=Decimal(9), price=Decimal("0.10"))
    store = open_store(client, caps=caps)
    submitted(store, capped_request(1, caps), prices=prices)
    store.claim(capped_request(2, caps, text="other"))
    assert client.hget(record_of(2), "expected") == str(cost)


def test_each_call_of_a_message_holds_its_money_in_reserve(client):
    store = open_store(client, caps=ALL)
    each = capped_request(1, ALL)
    submitted(store, each, state=State.WAITING, key="next", delay=seconds(0))
    store.claim(each)
    assert client.hget(both_day(each), "pending") == "100000"


def test_the_money_of_a_call_in_doubt_stays_in_reserve_and_is_spent_when_octopush_had_it(client):
    store = open_store(client, caps=ALL)
    each = capped_request(1, ALL)
    submitted(store, each, state=State.UNKNOWN, delay=seconds(0))
    assert client.hget(both_day(each), "pending") == "100000"
    submitted(store, each, fields={"confirmed": "0"})
    assert client.hmget(both_day(each), "pending", "spent") == ["0", "100000"]


@pytest.mark.parametrize("act", ["replay", "decide"])
def test_an_operators_word_releases_what_was_held_in_reserve(client, act):
    store = open_store(client, caps=ALL)
    each = capped_request(1, ALL)
    submitted(store, each, state=State.UNKNOWN)
    store.replay(id_of(1), force=True) if act == "replay" else store.decide(id_of(1), sent=False)
    assert client.hget(both_day(each), "pending") == "0"


def test_a_country_that_nobody_knows_is_one_of_its_own(client):
    caps = Caps(countries={"ZZ": 1})
    store = open_store(client, caps=caps)
    odd = cap_request_of({"+80012345678": country_of("+80012345678")}, "hello", 1, caps, datetime.now(UTC))
    assert verdicts(store, [request(n, cap_request=odd) for n in (1, 2)]) == [Lease, Wait]


def test_a_number_that_its_plan_does_not_list_has_its_country(client):
    caps = Caps(hour=5)
    store = open_store(client, caps=caps)
    numbers = {each: country_of(each) for each in ("+441000000000", "+4710000000")}
    each = request(1, cap_request=cap_request_of(numbers, "hello", 1, caps, datetime.now(UTC)))
    assert list(numbers.values()) == ["GB", "NO"]
    assert type(store.claim(each)) is Lease


def test_what_a_message_costs_beside_its_segments_counts_in_the_money(client):
    caps = Caps(money=Decimal("0.10"), price=Decimal("0.05"))
    store = open_store(client, caps=caps)
    asked = cap_request_of({A: "FR", B: "FR"}, "hello", 1, caps, datetime.now(UTC), surcharge=Decimal("0.03"))
    store.claim(request(1, cap_request=asked))
    assert "it costs more than a day allows" in store.get(id_of(1)).reason


# marketing to one person in a week

WEEKLY = Caps(week=2)


def marketing(n, *numbers, keys=("k" * 32,)):
    """Marketing to these, as a worker with these keys asks for it."""
    people = {each: hashes(each, keys, FREQUENCY) for each in numbers}
    asked = {
        **cap_request_of(dict.fromkeys(numbers, "FR"), "hi", 1, WEEKLY, datetime.now(UTC)),
        "readers": [*people.values()],
    }
    listed = {each: hashes(each, keys) for each in numbers}
    return request(n, cap_request=asked, readers=people, opt_outs=listed, marketing=True)


@pytest.fixture
def weekly(client):
    return open_store(client, caps=WEEKLY)


def test_marketing_to_one_person_waits_once_their_week_is_full(weekly, still):
    assert verdicts(weekly, [marketing(n, A) for n in range(3)]) == [Lease, Lease, Wait]
    assert "OCTOWORKER_CAP_WEEK" in weekly.get(id_of(2)).reason
    still.shift(7 * 86400 + 1)
    assert isinstance(weekly.claim(marketing(2, A)), Lease)


def test_what_is_no_marketing_is_not_counted(weekly):
    verdicts(weekly, [marketing(n, A) for n in range(2)])
    assert isinstance(weekly.claim(capped_request(3, WEEKLY)), Lease)


def test_of_several_people_who_has_had_theirs_is_left_out_and_holds_up_nobody(weekly):
    verdicts(weekly, [marketing(n, A) for n in range(2)])
    lease = weekly.claim(marketing(3, A, B))
    assert (lease.pending, lease.earlier[A]["reason"]) == ((B,), "capped_week")
    assert isinstance(weekly.claim(marketing(4, B)), Lease)
    assert isinstance(weekly.claim(marketing(5, B)), Wait)


def test_a_message_to_several_of_whom_everybody_has_had_theirs_is_rejected(weekly):
    verdicts(weekly, [marketing(n, A, B) for n in range(2)])
    found = weekly.claim(marketing(3, A, B)).record
    assert (found.state, found.reason) == (State.REJECTED, "capped_week")


def test_a_week_is_counted_on_when_the_keys_of_numbers_change(weekly):
    verdicts(weekly, [marketing(n, A) for n in range(2)])
    assert isinstance(weekly.claim(marketing(3, A, keys=("n" * 32, "k" * 32))), Wait)


def test_what_was_not_sent_is_not_counted_in_the_week(weekly):
    for n in range(4):
        submitted(weekly, marketing(n, A), state=State.REJECTED, key="next")
    assert isinstance(weekly.claim(marketing(9, A)), Lease)


def test_the_week_of_a_person_names_no_number(weekly, client):
    weekly.claim(marketing(1, A))
    assert not [key for key in client.keys("*") if A[1:] in key]
    assert client.exists(f"ow:cap:week:{hashes(A, ('k' * 32,), FREQUENCY)[0]}")
