"""What holds messages back that are not to blame for it. fakeredis with the real Lua; real workers in tests/integration."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

import fakeredis
import pytest

from octoworker.sms.record import State
from octoworker.store import ClaimRequest, Lease, Outcome, Store, Wait
from octoworker.store.limits import Caps, Limits, wish_of

BREAKER = Limits(breaker_calls=4, breaker_base=60, breaker_cap=600, breaker_ramp=1000)


@pytest.fixture
def client(still):
    return fakeredis.FakeRedis(decode_responses=True)


def open_store(client, **limits):
    return Store(
        client, keep_for=1000, requeue_after=60, lease=30, key_window=1000, max_crashes=3, limits=Limits(**limits)
    )


def job(n, lane="normal", *, segments=1, **more):
    return ClaimRequest(f"{n:032x}", "print", lane, "{}", segments=segments, day="2026-11-23", **more)


def verdicts(store, jobs, clock=None):
    """Asked for at the same instant, or with a clock one after the other: of those that came at once anyone may be first."""
    found = []
    for each in jobs:
        found.append(type(store.claim(each)))
        if clock:
            clock.shift(0.001)
    return found


def release(store, *, ahead=0.0):
    """What one tick of the clock lets go."""
    rings, _ = store.take_due(slice_size=100, look_ahead=ahead, queues={})
    return [int(ring.message_id, 16) for ring in rings if ring.found == "line"]


def settle(store, claim, each, **outcome):
    state = outcome.pop("state", State.ACCEPTED)
    return store.settle(each.message_id, claim.token, Outcome(state, "why", 0, day="2026-11-23", **outcome))


def failed(store, n):
    each = job(n)
    return settle(store, store.claim(each), each, state=State.WAITING, key="unused", delay=1000.0, health="fault")


def pass_time(client, seconds):
    """As if it had happened that much earlier."""
    for key in ("ow:traffic", "ow:breaker"):
        for name in ("tat", "since", "until", "probe_until", "heard"):
            if value := client.hget(key, name):
                client.hset(key, name, float(value) - seconds * 1000)


# Pace


def test_beyond_the_pace_messages_stand_in_line_and_burn_no_attempt(client):
    store = open_store(client, rate=1.0)
    assert verdicts(store, [job(1), job(2)]) == [Lease, Wait]
    record = store.get(job(2).message_id)
    assert (record.state, record.attempts) == (State.WAITING, 0)


def test_the_burst_goes_at_once(client):
    store = open_store(client, rate=1.0, burst=3)
    assert verdicts(store, [job(n) for n in range(4)]) == [Lease, Lease, Lease, Wait]


def test_the_pace_counts_segments(client):
    store = open_store(client, rate=1.0)
    store.claim(job(1, segments=10))
    pass_time(client, 9)
    assert type(store.claim(job(2))) is Wait
    pass_time(client, 1.1)
    assert release(store) == [2]


def test_the_line_is_let_go_oldest_first_and_at_the_pace(client, still):
    store = open_store(client, rate=10.0)
    verdicts(store, [job(n) for n in range(20)], still)
    rings, _ = store.take_due(slice_size=100, look_ahead=0.5, queues={})
    assert [int(ring.message_id, 16) for ring in rings][:4] == [1, 2, 3, 4]
    gaps = [after.delay - before.delay for before, after in pairwise(rings)]
    assert [round(gap, 3) for gap in gaps[:3]] == [0.1, 0.1, 0.1]


def test_what_was_let_go_does_not_pay_for_the_pace_again(client):
    store = open_store(client, rate=1.0)
    verdicts(store, [job(1), job(2)])
    pass_time(client, 1.1)
    assert release(store) == [2]
    assert type(store.claim(job(2))) is Lease


def test_a_fresh_message_does_not_overtake_the_line(client):
    store = open_store(client, rate=1.0)
    verdicts(store, [job(1), job(2)])
    pass_time(client, 1.1)
    assert type(store.claim(job(3))) is Wait
    assert release(store) == [2]


def test_an_urgent_message_does_not_wait_behind_bulk(client):
    store = open_store(client, rate=10.0)
    verdicts(store, [job(n, "bulk") for n in range(5)])
    assert type(store.claim(job(9, "urgent"))) is Lease


def test_of_those_in_line_the_urgent_go_first_and_bulk_does_not_starve(client, still):
    store = open_store(client, rate=1000.0)
    client.hset("ow:traffic", "tat", 10**14)
    verdicts(store, [*(job(n, "bulk") for n in range(100, 120)), *(job(n, "urgent") for n in range(40))], still)
    client.hset("ow:traffic", mapping={"tat": 0, "turn": 1})
    gone = release(store, ahead=0.03)
    assert gone[:3] == [0, 1, 2]
    assert sum(n >= 100 for n in gone) == len(gone) // 10


def test_a_message_that_expires_in_line_is_expired_there(client):
    store = open_store(client, rate=1.0)
    store.claim(job(1))
    now = client.time()[0]
    store.claim(job(2, expires_at=now + 100))
    client.hset(f"ow:message:{job(2).message_id}", "expires", now * 1000 - 1)
    client.zadd("ow:due", {job(2).message_id: 0})
    release(store)
    assert store.get(job(2).message_id).state is State.EXPIRED
    assert client.zcard("ow:line:normal:t") == 0


def test_what_stands_in_line_can_be_cancelled_and_leaves_it(client):
    store = open_store(client, rate=1.0)
    verdicts(store, [job(1), job(2)])
    assert store.cancel(job(2).message_id).state is State.CANCELLED
    assert client.zcard("ow:line:normal:t") == 0


def test_a_message_whose_line_was_lost_stands_in_it_again(client):
    store = open_store(client, rate=1.0)
    verdicts(store, [job(1), job(2)])
    client.delete("ow:line:normal:t")
    client.zadd("ow:due", {job(2).message_id: 0})
    pass_time(client, 1.1)
    assert release(store) == [2]


# Pause


@pytest.mark.parametrize(
    ("what", "held", "free"),
    [
        ("all", job(1), None),
        ("bulk", job(1, "bulk"), job(2)),
        ("marketing", job(1, marketing=True), job(2)),
    ],
)
def test_a_pause_holds_what_it_names_and_nothing_else(client, what, held, free):
    store = open_store(client)
    store.flow_control.pause(what)
    assert type(store.claim(held)) is Wait
    assert store.get(held.message_id).reason == "paused by a person"
    assert free is None or type(store.claim(free)) is Lease
    assert release(store) == []


def test_a_message_that_was_held_is_as_old_as_its_due_time(client):
    store = open_store(client)
    store.flow_control.pause("all")
    due = client.time()[0] - 5
    store.create(job(1).message_id, "print", "normal", "{}")
    client.hset(f"ow:message:{job(1).message_id}", "created", (due - 86_400) * 1000)
    store.claim(job(1, hold_until=due))
    assert client.zscore("ow:line:normal:t", job(1).message_id) == due * 1000


def test_a_message_that_is_replayed_is_new_in_its_line(client):
    store = open_store(client)
    each = job(1)
    settle(store, store.claim(each), each, state=State.REJECTED, key="unused")
    client.hset(f"ow:message:{each.message_id}", "created", 1)
    store.replay(each.message_id, force=False)
    store.flow_control.pause("all")
    store.claim(each)
    assert client.zscore("ow:line:normal:t", each.message_id) > 1_000_000


def test_resuming_lets_go_what_stood_in_line_oldest_first(client):
    store = open_store(client)
    store.flow_control.pause("all")
    verdicts(store, [job(n) for n in (3, 1, 2)])
    for place, n in enumerate((1, 2, 3)):
        client.zadd("ow:line:normal:t", {job(n).message_id: place})
    assert store.flow_control.resume("all")
    assert release(store) == [1, 2, 3]


def test_what_was_let_go_just_before_a_pause_stands_in_line_again(client):
    store = open_store(client, rate=1.0)
    verdicts(store, [job(1), job(2)])
    pass_time(client, 1.1)
    release(store)
    store.flow_control.pause("all")
    assert type(store.claim(job(2))) is Wait
    assert client.zcard("ow:line:normal:t") == 1


def test_resuming_one_lane_leaves_the_others_paused(client):
    store = open_store(client)
    store.flow_control.pause("bulk")
    store.flow_control.pause("normal")
    store.flow_control.resume("bulk")
    assert verdicts(store, [job(1, "bulk"), job(2)]) == [Lease, Wait]


# Breaker


def test_the_breaker_opens_when_most_of_the_last_calls_failed(client):
    store = open_store(client, breaker_calls=4)
    assert [failed(store, n).alerts for n in (1, 2)] == [(), ("breaker_opened",)]
    assert type(store.claim(job(9))) is Wait


def test_one_bad_message_does_not_open_the_breaker(client):
    store = open_store(client, breaker_calls=4)
    each = job(1)
    for _ in range(10):
        claim = store.claim(each)
        settle(store, claim, each, state=State.WAITING, key="unused", delay=0.0, health="fault")
        client.hdel(f"ow:message:{each.message_id}", "due")
    assert type(store.claim(job(2))) is Lease


def test_refusals_of_a_message_do_not_open_the_breaker(client):
    store = open_store(client, breaker_calls=4)
    for n in range(10):
        settle(store, store.claim(job(n)), job(n), state=State.REJECTED, health="ok")
    assert type(store.claim(job(99))) is Lease


def opened(client, clock):
    store = Store(client, keep_for=1000, requeue_after=60, lease=30, key_window=1000, max_crashes=3, limits=BREAKER)
    failed(store, 1)
    failed(store, 2)
    verdicts(store, [job(n) for n in range(10, 20)], clock)
    return store


def test_an_open_breaker_lets_one_probe_through_when_its_time_has_come(client, still):
    store = opened(client, still)
    assert release(store) == []
    pass_time(client, 61)
    assert release(store) == [10]
    assert release(store) == []
    assert verdicts(store, [job(10), job(99)]) == [Lease, Wait]


def test_a_probe_that_fails_costs_no_attempt_and_doubles_the_wait(client, still):
    store = opened(client, still)
    pass_time(client, 61)
    release(store)
    claim = store.claim(job(10))
    record = settle(store, claim, job(10), state=State.WAITING, key="unused", delay=0.0, health="fault").record
    assert record.attempts == 0
    pass_time(client, 61)
    assert release(store) == []
    pass_time(client, 60)
    assert len(release(store)) == 1


def test_a_probe_that_never_came_back_is_followed_by_another(client, still):
    store = opened(client, still)
    pass_time(client, 61)
    assert release(store) == [10]
    pass_time(client, 31)
    assert release(store) == [11]


def test_after_a_probe_that_came_through_the_pace_comes_back_slowly(client, still):
    store = opened(client, still)
    pass_time(client, 61)
    release(store)
    settled = settle(store, store.claim(job(10)), job(10), health="ok")
    assert settled.alerts == ("breaker_closed",)
    assert len(release(store, ahead=0.9)) == 2
    pass_time(client, 1000)
    assert len(release(store)) == 7


def test_a_recovery_that_fails_opens_the_breaker_again(client, still):
    store = opened(client, still)
    pass_time(client, 61)
    release(store)
    settle(store, store.claim(job(10)), job(10), health="ok")
    release(store, ahead=0.1)
    settled = settle(store, store.claim(job(11)), job(11), state=State.WAITING, key="unused", delay=9.0, health="fault")
    assert settled.alerts == ("breaker_opened",)


@pytest.mark.parametrize("broken", [lambda c: c.set("ow:breaker", "x"), lambda c: c.hset("ow:breaker", "state", "?")])
def test_a_breaker_that_cannot_be_read_lets_messages_go(client, broken):
    store = open_store(client, breaker_calls=4)
    broken(client)
    assert type(store.claim(job(1))) is Lease
    assert failed(store, 2).record.state is State.WAITING


# Brake


def braked(store, n=1, code="104"):
    return settle(
        store,
        store.claim(job(n)),
        job(n),
        state=State.WAITING,
        key="next",
        counts=False,
        delay=300.0,
        brake=code,
        stands="normal:t",
        health="ok",
    )


def test_a_refused_account_stops_everything_and_says_so_once(client):
    store = open_store(client)
    each = job(2)
    second = store.claim(each)
    assert braked(store).alerts == ("braked",)
    assert settle(store, second, each, state=State.WAITING, key="next", brake="104", stands="normal:t").alerts == ()
    assert type(store.claim(job(3))) is Wait
    assert store.flow_control.brake().code == "104"
    assert release(store) == []


def test_resume_releases_the_brake_and_what_was_refused_goes_first(client):
    store = open_store(client)
    braked(store)
    store.claim(job(3))
    store.flow_control.resume("all")
    assert release(store) == [1, 3]


# Balance and money


def test_a_low_balance_is_told_once_until_it_has_risen(client):
    store = open_store(client, low_balance=Decimal(5))
    told = []
    for n, left in enumerate(("5.01", "4.99", "4.90", "20", "1")):
        fields = {"balance": left, "currency": "EUR"}
        told += settle(store, store.claim(job(n)), job(n), fields=fields).alerts
    assert told == ["balance_low", "balance_low"]


def test_the_day_is_told_once_at_four_fifths_and_once_at_its_end(client):
    store = open_store(client, caps=Caps(money=Decimal("1.00")))
    told = [settle(store, store.claim(job(n)), job(n), spent=Decimal("0.3")).alerts for n in range(5)]
    assert told == [(), (), ("spend_80",), ("spend_100",), ()]


# Caps


def capped_job(n, caps, number="+33612345678", text="hello", **more):
    from datetime import UTC, datetime  # noqa: PLC0415 - for this helper alone

    return job(n, wish=wish_of({number: "FR"}, text, 1, caps, datetime.now(UTC)), **more)


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
    jobs = [capped_job(n, caps, text=str(n)) for n in range(3)]
    assert verdicts(store, jobs) == [Lease, Lease, Wait]
    record = store.get(jobs[2].message_id)
    assert record.state is State.WAITING
    assert name in record.reason
    assert record.due_at.isoformat(timespec="seconds").replace("+00:00", "Z") in record.reason


def test_a_cap_can_refuse_instead(client):
    caps = Caps(hour=1, refuse=True)
    store = open_store(client, caps=caps)
    verdicts(store, [capped_job(1, caps), capped_job(2, caps)])
    assert store.get(job(2).message_id).state is State.REJECTED


def test_the_same_text_to_the_same_number_is_refused_within_its_window(client):
    caps = Caps(same_text=60)
    store = open_store(client, caps=caps)
    verdicts(store, [capped_job(1, caps), capped_job(2, caps), capped_job(3, caps, text="other")])
    assert [store.get(job(n).message_id).state for n in (2, 3)] == [State.REJECTED, State.SUBMITTING]


def test_a_retry_counts_once(client):
    caps = Caps(hour=1, same_text=60, countries={"FR": 1})
    store = open_store(client, caps=caps)
    each = capped_job(1, caps)
    for _ in range(3):
        settle(store, store.claim(each), each, state=State.WAITING, key="next", delay=0.0)
    assert type(store.claim(each)) is Lease


def test_money_that_is_about_to_be_spent_counts_already(client):
    caps = Caps(money=Decimal("0.10"))
    store = open_store(client, caps=caps)
    first = capped_job(1, caps)
    settle(store, store.claim(first), first, spent=Decimal("0.04"), prices={"FR": Decimal("0.04")})
    assert verdicts(store, [capped_job(n, caps, text=str(n)) for n in (2, 3)]) == [Lease, Wait]


def test_no_key_of_the_caps_shows_a_number_or_a_text(client):
    caps = Caps(hour=5, day=5, same_text=60, countries={"*": 9}, money=Decimal(9))
    store = open_store(client, caps=caps)
    store.claim(capped_job(1, caps, text="secret words"))
    everything = " ".join(client.keys("ow:cap:*")) + str([client.type(key) for key in client.keys("ow:cap:*")])
    assert "612345678" not in everything
    assert "secret" not in everything
