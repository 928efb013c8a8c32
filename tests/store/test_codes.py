"""start_code.lua and check_code.lua: when a code goes, how often it may be guessed at, and what the guard makes of it."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import pytest

from octoworker.store import keys
from octoworker.store.limits import day_of

PLACE, OTHER = ["p" * 32], ["q" * 32]


@pytest.fixture
def ask(store):
    """Ask for a code as a web app does; each new verification has an id of its own."""
    drawn = iter(f"{n:032x}" for n in range(1, 100_000))

    def start(places=PLACE, *, country="FR", address="", guard="off"):
        return store.codes.start(next(drawn), places, "key", country=country, address=address, guard=guard)

    return start


@pytest.fixture
def later(still):
    return still.shift


def verified(store, begun):
    return store.codes.check(begun.id, {"key": True})[0] == "ok"


def test_a_double_click_goes_on_with_the_same_message(ask):
    first, second = ask(), ask()
    assert (first.outcome, second.outcome) == ("send", "same")
    assert (first.id, first.send) == (second.id, second.send)


def test_after_the_pause_the_same_code_goes_once_more_and_five_times_in_all(ask, later):
    sends = []
    for _ in range(7):
        sends.append(ask())
        later(31)
    assert [each.outcome for each in sends] == ["send"] * 5 + ["spent"] * 2
    assert len({each.id for each in sends}) == 1
    assert [each.send for each in sends] == [1, 2, 3, 4, 5, 5, 5]


def test_nothing_goes_once_more_while_the_message_is_on_its_way(ask, later, client):
    first = ask()
    client.hset(keys.record(f"{first.id[:30]}01"), "state", "waiting")
    later(31)
    assert ask().outcome == "same"
    client.hset(keys.record(f"{first.id[:30]}01"), "state", "rejected")
    assert ask().outcome == "send"


def test_another_purpose_is_another_verification(ask):
    assert ask().id != ask(OTHER).id


def test_one_that_is_over_is_followed_by_a_new_one(ask, later):
    first = ask()
    later(301)
    second = ask()
    assert second.outcome == "send"
    assert second.id != first.id


def test_a_number_is_found_under_an_older_key(ask):
    first = ask(["old"])
    assert ask(["new", "old"]).id == first.id


def test_the_right_code_is_right_once(ask, store):
    begun = ask()
    assert store.codes.check(begun.id, {"key": True}) == ("ok", 0)
    assert store.codes.check(begun.id, {"key": True}) == ("expired", 0)
    assert ask().id != begun.id


def test_five_wrong_guesses_lock_it_and_the_right_one_comes_too_late(ask, store):
    begun = ask()
    assert [store.codes.check(begun.id, {"key": False}) for _ in range(5)] == [
        *(("wrong", left) for left in (4, 3, 2, 1)),
        ("locked", 0),
    ]
    assert store.codes.check(begun.id, {"key": True}) == ("locked", 0)
    assert ask().outcome == "spent"


def test_the_last_guess_may_be_the_right_one(ask, store):
    begun = ask()
    for _ in range(4):
        assert store.codes.check(begun.id, {"key": False})[0] == "wrong"
    assert verified(store, begun)


def test_the_code_of_another_key_is_a_wrong_guess(ask, store):
    assert store.codes.check(ask().id, {"other": True}) == ("wrong", 4)


def test_an_id_that_nobody_knows_is_as_one_that_is_over(store):
    assert store.codes.check("f" * 32, {"key": True}) == ("expired", 0)
    assert store.codes.check("of:" + PLACE[0], {"key": True}) == ("expired", 0)


def test_what_the_guard_refuses_cannot_be_verified(ask, store):
    for n in range(3):
        ask([f"n{n}"], country="LV", guard="refuse")
    begun = ask(["n3"], country="LV", guard="refuse")
    assert (begun.outcome, begun.suspicion) == ("refused", "country, hour")
    assert store.codes.check(begun.id, {"key": True}) == ("wrong", 4)
    assert ask(["n3"], country="LV", guard="refuse").outcome == "refused"


def test_a_guard_that_looks_on_lets_everything_go_and_says_what_it_thinks(ask, client):
    said = [ask([f"n{n}"], country="LV", guard="monitor") for n in range(5)]
    assert [each.outcome for each in said] == ["send"] * 5
    assert [each.suspicion for each in said] == ["", "", "", "country, hour", "country, hour"]
    assert client.hget(f"{keys.CODES}day:{client.time()[0] // 86400}", "suspected") == "2"


def test_an_address_that_asks_for_four_countries_is_suspected_and_a_code_that_was_typed_in_clears_its_country(
    ask, store
):
    said = [ask([country], country=country, address="a", guard="monitor") for country in ("FR", "BE", "DE")]
    assert [each.suspicion for each in said] == ["", "", ""]
    assert ask(["IT"], country="IT", address="a", guard="monitor").suspicion == "address, countries"
    assert verified(store, said[0])
    assert verified(store, said[1])
    assert ask(["ES"], country="ES", address="a", guard="monitor").suspicion == ""


def test_twenty_codes_of_a_day_that_nobody_types_in_are_what_a_new_country_gets(ask, later, client):
    later(86400 - client.time()[0] % 86400)
    said = []
    for n in range(21):
        said.append(ask([f"n{n}"], country="LV", guard="monitor").suspicion)
        later(1200)
    assert said == [""] * 20 + ["country, day"]


@pytest.mark.parametrize(("days_ago", "an_hour"), [(0, 6), (1, 6), (14, 6), (15, 3)])
def test_a_country_gets_a_fifth_of_its_best_day_in_two_weeks_and_of_that_a_sixth_in_an_hour(
    ask, client, days_ago, an_hour
):
    typed_in(client, f"day:{client.time()[0] // 86400 - days_ago}", "LV", 180)
    said = [ask([f"n{n}"], country="LV", guard="monitor").suspicion for n in range(an_hour + 1)]
    assert said == [""] * an_hour + ["country, hour"]


def test_a_fifth_of_what_is_typed_in_within_the_hour_may_be_left(ask, client):
    typed_in(client, f"hour:{client.time()[0] // 3600}", "LV", 50)
    said = [ask([f"n{n}"], country="LV", guard="monitor").suspicion for n in range(11)]
    assert said == [""] * 10 + ["country, hour"]


@pytest.mark.parametrize(("typed", "more"), [(0, 10), (100, 20)])
def test_an_address_gets_ten_codes_a_day_or_a_fifth_of_what_it_types_in(ask, client, typed, more):
    today = client.time()[0] // 86400
    typed_in(client, f"day:{today - 1}", "FR", 10_000)
    client.hset(f"{keys.CODES}from:a:{today}", mapping={"sent": typed, "verified": typed})
    said = [ask([f"n{n}"], address="a", guard="monitor").suspicion for n in range(more + 1)]
    assert said == [""] * more + ["address, day"]


def typed_in(client, when, country, codes):
    """So many were sent and typed in."""
    client.hset(keys.CODES + when, mapping={f"sent:{country}": codes, f"verified:{country}": codes})


def test_pumping_is_stopped_and_a_normal_day_is_not(ask, store, later):
    """Two weeks of a shop (five in six of some 60 codes a day are typed in), then a pump of 2,000 codes in an hour."""
    chance, refused_of_ours = random.Random(4711), 0
    for day in range(15):
        for n in range(60):
            begun = ask([f"shop{day}.{n}"], address=f"home{n}", guard="refuse")
            refused_of_ours += begun.outcome == "refused"
            if chance.random() < 5 / 6 and begun.outcome == "send":
                assert verified(store, begun)
            later(1440)
    pumped = [
        ask([f"pump{n}"], country=chance.choice(["LV", "AZ", "TJ"]), address=f"bot{n % 50}", guard="refuse").outcome
        for n in range(2000)
    ]
    assert refused_of_ours == 0
    assert pumped.count("refused") >= 0.95 * len(pumped)
    assert ask(["after"], guard="refuse").outcome == "send"


def test_each_code_is_counted_as_started_and_then_as_verified_or_expired_by_its_country(ask, store, later):
    first, _, spanish = ask(), ask(OTHER), ask(["s"], country="ES")
    ask()  # a double click
    assert verified(store, first)
    assert verified(store, spanish)
    assert counted(store) == {"started": {"FR": 2, "ES": 1}, "verified": {"FR": 1, "ES": 1}}
    later(301)
    ask(["later"])
    assert counted(store)["expired"] == {"FR": 1}
    later(301)
    store.codes.check(first.id, {"key": True})
    assert counted(store) == {"started": {"FR": 3, "ES": 1}, "verified": {"FR": 1, "ES": 1}, "expired": {"FR": 2}}


def test_what_the_guard_refuses_is_counted_and_is_not_started(ask, store):
    for n in range(5):
        ask([f"n{n}"], country="LV", guard="refuse")
    assert counted(store) == {"started": {"LV": 3}, "refused": {"LV": 2}}


def test_the_stats_say_what_the_guard_saved_at_the_price_of_the_day(ask, store, client):
    for n in range(5):
        ask([f"n{n}"], country="LV", guard="refuse")
    board = store.board({})
    assert board.codes_today == {"sent": 3, "refused": 2}
    assert board.codes_saved is None
    client.hset(
        keys.day(day_of(datetime.fromtimestamp(client.time()[0], UTC))), mapping={"spent": 550_000, "segments": 10}
    )
    assert str(store.board({}).codes_saved) == "0.11"


def counted(store):
    return store.board({}).codes
