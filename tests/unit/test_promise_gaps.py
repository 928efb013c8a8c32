"""Ways to ring twice, to vanish, to hang or to end in a state that is untrue: each found by reading, each kept as a rule."""

from __future__ import annotations

import json

import fakeredis
import pytest

from octoworker.errors import DuplicateKeyError, Kind, RefusedByProviderError, RefusedError
from octoworker.gateway import Submit
from octoworker.sending.outcome import Attempt, of_failure
from octoworker.sending.retry import Policy
from octoworker.sms.record import State
from octoworker.store import Done, Go, Job, Outcome, Store, Wait
from octoworker.store.limits import Caps, Limits, wish_of

A, B = "+33612345678", "+33612345679"
BREAKER = {"breaker_calls": 4, "breaker_base": 60, "breaker_cap": 600, "breaker_ramp": 1000}


@pytest.fixture
def client(still):
    return fakeredis.FakeRedis(decode_responses=True)


def open_store(client, **limits):
    return Store(
        client, keep_for=1000, requeue_after=60, lease=30, key_window=1000, max_crashes=3, limits=Limits(**limits)
    )


def job(n, lane="normal", *, segments=1, **more):
    return Job(f"{n:032x}", "print", lane, "{}", segments=segments, day="2026-11-23", **more)


def record_of(n):
    return f"ow:message:{n:032x}"


def seconds_of(client):
    return client.time()[0]


def settle(store, claim, each, **outcome):
    state = outcome.pop("state", State.ACCEPTED)
    return store.settle(each.message_id, claim.token, Outcome(state, "why", 0, day="2026-11-23", **outcome))


def failed(store, n, **more):
    """A call that never left, so that the breaker hears of it."""
    each = job(n)
    facts = {"state": State.WAITING, "key": "unused", "delay": 1000.0, "health": "fault", **more}
    return settle(store, store.claim(each), each, **facts)


def tick(store, *, ahead=0.0, queues=None):
    rings, _ = store.take_due(slice_size=100, look_ahead=ahead, queues=queues or {})
    return [int(ring.message_id, 16) for ring in rings]


def look_now(client, n):
    client.zadd("ow:due", {f"{n:032x}": 0})


def pass_time(client, seconds, *keys):
    """As if what these hashes and the due set hold had happened that much earlier. Negative: Redis' clock jumped back."""
    names = (
        "tat",
        "paced",
        "since",
        "until",
        "probe_until",
        "heard",
        "due",
        "lease_until",
        "maybe_at",
        "created",
        "queued_at",
    )
    for key in keys or ("ow:traffic", "ow:breaker"):
        for name in names:
            if value := client.hget(key, name):
                client.hset(key, name, float(value) - seconds * 1000)


# What was sent in part


def partly_sent(store, each=None):
    """The first number has it; the second was refused for now and goes again alone, under the next key."""
    each = each or job(1)
    outcomes = {A: {"state": "accepted"}, B: {"state": "waiting", "error_code": "153"}}
    fields = {"pending": json.dumps([B]), "outcomes": json.dumps(outcomes)}
    settle(store, store.claim(each), each, state=State.WAITING, key="next", delay=0.0, fields=fields)


def expired_at_its_claim(store, client):
    assert type(store.claim(job(1, expires_at=seconds_of(client) - 1))) is Done


def expired_in_line(store, client):
    store.gates.pause("all")
    assert type(store.claim(job(1, expires_at=seconds_of(client) + 100))) is Wait
    client.hset(record_of(1), "expires", 1)
    look_now(client, 1)
    tick(store)


def rejected_by_newer_settings(store, client):
    store.reject(job(1), "sender: set OCTOWORKER_SENDER.", None)


def capped_for_good(store, client):
    caps = Caps(hour=1, same_text=60, refuse=True)
    other = open_store(client, caps=caps)
    other.claim(job(2, wish=wish_of({A: "FR"}, "hello", 1, caps, moment())))
    other.claim(job(1, wish=wish_of({A: "FR"}, "hello", 1, caps, moment())))


def stopped_by_the_clock(store, client):
    for _ in range(4):
        look_now(client, 1)
        pass_time(client, 3600, record_of(1))
        tick(store, queues={"normal": "sms"})


def moment():
    from datetime import UTC, datetime  # noqa: PLC0415 - for this helper alone

    return datetime.now(UTC)


@pytest.mark.parametrize(
    "end", [expired_at_its_claim, expired_in_line, rejected_by_newer_settings, capped_for_good, stopped_by_the_clock]
)
def test_what_was_sent_in_part_ends_as_accepted_and_no_replay_without_force_rings_twice(client, end):
    store = open_store(client)
    partly_sent(store)
    end(store, client)
    record = store.get(job(1).message_id)
    assert record.state is State.ACCEPTED
    assert record.reason.startswith("accepted for some recipients only: ")
    assert {number: fate["state"] for number, fate in record.recipients.items()} == {A: "accepted", B: "rejected"}
    with pytest.raises(RefusedError, match="ring twice"):
        store.replay(record.message_id, force=False)


def test_a_message_that_every_recipient_refused_for_now_can_be_cancelled(client):
    store = open_store(client)
    each = job(1)
    fields = {"pending": json.dumps([B]), "outcomes": json.dumps({B: {"state": "waiting"}})}
    settle(store, store.claim(each), each, state=State.WAITING, key="next", delay=99.0, fields=fields)
    assert store.cancel(each.message_id).state is State.CANCELLED


# Age


def test_time_in_which_it_could_not_go_does_not_count_as_age_of_trying(client):
    store = open_store(client)
    store.gates.pause("all")
    store.claim(job(1))
    pass_time(client, 3 * 86400, record_of(1))
    store.gates.resume("all")
    tick(store)
    assert store.claim(job(1)).age < 60


def test_age_counts_from_the_first_try(client):
    store = open_store(client)
    settle(store, store.claim(job(1)), job(1), state=State.WAITING, key="unused", delay=0.0)
    pass_time(client, 500, record_of(1))
    assert store.claim(job(1)).age >= 500


# Jobs on a server into whose queues nobody can look


def test_a_backlog_in_queues_that_nobody_can_see_kills_no_message(client):
    store = open_store(client)
    store.create(job(1).message_id, "print", "normal", "{}")
    for _ in range(6):
        look_now(client, 1)
        pass_time(client, 86400, record_of(1))
        tick(store, queues={})
    assert store.get(job(1).message_id).state is State.QUEUED


def test_a_job_that_others_overtook_is_stopped_also_where_nobody_can_see_the_queue(client):
    store = open_store(client)
    store.create(job(1).message_id, "print", "normal", "{}")
    for _ in range(3):
        look_now(client, 1)
        pass_time(client, 86400, record_of(1))
        store.claim(job(2))
        tick(store, queues={})
    assert store.get(job(1).message_id).state is State.DEAD


def test_patience_with_a_job_that_nobody_takes_has_an_end(client):
    store = open_store(client)
    each = job(1)
    settle(store, store.claim(each), each, state=State.UNKNOWN, delay=0.0)
    client.hset(record_of(1), mapping={"rung": 1, "rings": 40, "queued_at": 0})
    look_now(client, 1)
    tick(store)
    assert client.zscore("ow:due", each.message_id) / 1000 - seconds_of(client) < 3600


# Lines


def test_a_second_job_does_not_hold_what_stands_in_line(client):
    store = open_store(client)
    store.gates.pause("all")
    store.claim(job(1, expires_at=seconds_of(client) + 50))
    later = seconds_of(client) + 100
    store.claim(job(1, closed_until=later, hold_until=later))
    assert store.get(job(1).message_id).state is State.WAITING
    client.hset(record_of(1), "expires", 1)
    look_now(client, 1)
    tick(store)
    assert store.get(job(1).message_id).state is State.EXPIRED


def test_a_rejected_message_leaves_its_line(client):
    store = open_store(client)
    store.gates.pause("all")
    store.claim(job(1))
    store.reject(job(1), "sender: set OCTOWORKER_SENDER.", None)
    store.gates.resume("all")
    assert client.zcard("ow:line:normal:t") == 0
    assert tick(store) == []
    store.replay(job(1).message_id, force=False)
    assert type(store.claim(job(1))) is Go


def test_a_message_that_is_over_is_not_released_however_it_came_to_stand_there(client):
    store = open_store(client)
    settle(store, store.claim(job(1)), job(1))
    client.hset(record_of(1), "line", "normal:t")
    client.zadd("ow:line:normal:t", {job(1).message_id: 1})
    assert tick(store) == []
    assert client.zcard("ow:line:normal:t") == 0


def test_a_message_that_expires_in_line_is_looked_at_when_it_does(client):
    store = open_store(client)
    store.gates.pause("all")
    expires_at = seconds_of(client) + 900
    store.claim(job(1, expires_at=expires_at))
    client.hset(record_of(1), "expires", (seconds_of(client) + 300) * 1000)
    look_now(client, 1)
    tick(store)
    assert client.zscore("ow:due", job(1).message_id) / 1000 <= seconds_of(client) + 301


def test_jobs_that_are_only_coming_up_neither_make_the_clock_spin_nor_stop_the_lines(client):
    store = open_store(client)
    store.gates.pause("bulk")
    store.claim(job(900, "bulk"))
    store.gates.resume("bulk")
    soon = seconds_of(client) * 1000 + 60_000
    for n in range(100):
        store.create(job(n).message_id, "print", "normal", "{}")
        client.zadd("ow:due", {job(n).message_id: soon})
    rings, more = store.take_due(slice_size=100, look_ahead=120, queues={"normal": "sms"})
    assert [int(ring.message_id, 16) for ring in rings] == [900]
    assert not more


def test_what_expires_within_the_look_ahead_does_not_make_the_clock_spin(client):
    store = open_store(client)
    store.gates.pause("all")
    for n in range(100):
        store.claim(job(n, expires_at=seconds_of(client) + 60))
    assert store.take_due(slice_size=100, look_ahead=120, queues={}) == ([], False)


# Clocks that jump


def test_a_clock_that_jumped_back_does_not_stop_the_pace(client):
    store = open_store(client, rate=1.0)
    store.claim(job(1))
    pass_time(client, -3600)
    store.claim(job(2))
    tick(store, ahead=2.0)
    assert type(store.claim(job(2))) is Go


def test_a_clock_that_jumped_back_in_the_ramp_does_not_put_the_pace_off_for_ever(client):
    store = open_store(client, rate=10.0, **{**BREAKER, "breaker_ramp": 10})
    client.hset("ow:breaker", mapping={"state": "ramp", "since": (seconds_of(client) + 3600) * 1000})
    store.claim(job(1))
    assert float(client.hget("ow:traffic", "tat")) / 1000 - seconds_of(client) < 2


def test_a_clock_that_jumped_back_does_not_keep_the_breaker_open(client, still):
    store = opened(client, still)
    pass_time(client, -86400)
    assert tick(store) == [10]
    pass_time(client, -86400)
    assert tick(store) == [11]


def test_marks_of_a_clock_that_jumped_back_do_not_make_every_job_look_lost(client):
    store = open_store(client)
    client.hset("ow:marks", "normal", (seconds_of(client) + 3600) * 1000)
    store.claim(job(1))
    assert float(client.hget("ow:marks", "normal")) / 1000 <= seconds_of(client) + 1


# Probes


def opened(client, clock, **more):
    store = open_store(client, **BREAKER, **more)
    failed(store, 1)
    failed(store, 2)
    for n in range(10, 20):
        assert type(store.claim(job(n))) is Wait
        clock.shift(0.001)  # of two that came at once either may be the first
    return store


def test_a_probe_that_may_not_go_is_followed_by_another_at_once(client, still):
    store = opened(client, still)
    pass_time(client, 601)
    assert tick(store) == [10]
    store.claim(job(10, closed_until=seconds_of(client) + 3600))
    assert tick(store) == [11]
    store.claim(job(11, expires_at=seconds_of(client) - 1))
    assert tick(store) == [12]


def test_a_probe_has_its_whole_lease_for_the_call(client, still):
    store = opened(client, still)
    pass_time(client, 601)
    tick(store)
    pass_time(client, 29)
    assert type(store.claim(job(10))) is Go
    pass_time(client, 20)
    assert tick(store) == []


def test_messages_that_fail_whenever_they_are_called_do_not_keep_the_breaker_open(client, still):
    store = opened(client, still)
    pass_time(client, 601)
    assert tick(store) == [10]
    failed(store, 10, state=State.UNKNOWN, key="used", delay=0.0)
    store.claim(job(10))
    pass_time(client, 601)
    assert tick(store) == [11]


def test_when_all_have_been_probes_the_oldest_is_one_again(client):
    store = open_store(client, **BREAKER)
    failed(store, 1)
    failed(store, 2)
    store.claim(job(10))
    for _ in range(2):
        pass_time(client, 601)
        assert tick(store) == [10]
        failed(store, 10, delay=0.0)
        assert type(store.claim(job(10))) is Wait


# Caps


@pytest.mark.parametrize("caps", [Caps(countries={"FR": 2}), Caps(money="0.05")])
def test_a_message_that_alone_exceeds_a_cap_of_the_day_does_not_wait_for_ever(client, caps):
    from decimal import Decimal  # noqa: PLC0415 - for this test alone

    caps = Caps(countries=caps.countries, money=Decimal(caps.money))
    store = open_store(client, caps=caps)
    client.hset("ow:account", "price:FR", 40_000)
    store.claim(job(1, wish=wish_of({A: "FR"}, "hello", 3, caps, moment())))
    record = store.get(job(1).message_id)
    assert record.state is State.REJECTED
    assert "may go at" not in record.reason


# Later words


def test_one_receipt_of_several_does_not_deliver_the_message(client):
    store = open_store(client)
    each = Job(f"{1:032x}", "print", "normal", json.dumps({"recipients": [A, B], "text": "hello"}), segments=1)
    settle(store, store.claim(each), each, state=State.UNKNOWN)
    assert store.receipt(each.message_id, A, "delivered", "").state is State.ACCEPTED
    assert store.receipt(each.message_id, B, "undelivered", "").state is State.UNDELIVERED


def test_a_receipt_of_who_has_it_already_does_not_end_the_asking_for_the_others(client):
    store = open_store(client)
    each = Job(f"{1:032x}", "print", "normal", json.dumps({"recipients": [A, B], "text": "hello"}), segments=1)
    fates = {"outcomes": json.dumps({A: {"state": "accepted"}, B: {"state": "waiting"}}), "pending": json.dumps([B])}
    settle(store, store.claim(each), each, state=State.WAITING, key="next", delay=0.0, fields=fates)
    settle(store, store.claim(each), each, state=State.UNKNOWN, delay=0.0)
    told = store.receipt(each.message_id, A, "delivered", "")
    assert (told.state, told.recipients[A]["state"]) == (State.UNKNOWN, "delivered")
    assert store.claim(each).pending == (B,)


def test_what_octopush_holds_is_kept_beyond_its_sending_date(client):
    store = open_store(client)
    date = seconds_of(client) + 90 * 86400
    settle(store, store.claim(job(1)), job(1), held_until=date)
    assert client.ttl(record_of(1)) > 90 * 86400


PATIENCE = Policy(base=2, cap=300, give_up_after=86400, max_attempts=50, account_wait=60, key_window=86400)


def a_second_call(*, used_before, first):
    """For B alone: what became of A in the first one is known."""
    fates = {A: {"state": first}, B: {"state": "waiting"}}
    facts = {"attempts": 2, "now": 1e9, "age": 1, "unknown_for": 1, "pending": (B,), "earlier": fates}
    return Go(2, 1, key_used_before=used_before, key_doubtful=False, **facts)


def an_attempt(claim):
    order = Submit("k", claim.pending, "hi", "FR", "Octo", transactional=True, send_at=None)
    return Attempt(order, claim, backlog="normal:t", day="2026-11-23", policy=PATIENCE, chance=0.5)


@pytest.mark.parametrize("first", ["accepted", "delivered", "undelivered"])
def test_a_refusal_of_the_others_does_not_make_rejected_what_somebody_has(first):
    refusal = RefusedByProviderError("no", kind=Kind.PERMANENT, code="110")
    outcome = of_failure(refusal, an_attempt(a_second_call(used_before=False, first=first)))
    assert outcome.state is State.ACCEPTED
    assert json.loads(outcome.fields["outcomes"])[A]["state"] == first


def dies(client, store):
    client.hset(record_of(1), "lease_until", 1)
    client.zadd("ow:due", {job(1).message_id: 1})
    tick(store)


def park(client, store):
    client.hset(record_of(1), "maybe_at", 1)
    client.hset(record_of(1), "lease_until", 1)
    store.claim(job(1))


OTHER_ENDS = {
    "its worker died": (1, dies),
    "a person decides": (3, lambda client, store: (park(client, store), store.decide(job(1).message_id, sent=True))),
    "a receipt comes": (
        3,
        lambda client, store: (park(client, store), store.receipt(job(1).message_id, A, "delivered", "")),
    ),
}


@pytest.mark.parametrize("end", OTHER_ENDS)
def test_what_octopush_may_hold_is_kept_beyond_its_sending_date_however_it_ends(client, end):
    crashes, happens = OTHER_ENDS[end]
    store = Store(client, keep_for=1000, requeue_after=60, lease=30, key_window=1000, max_crashes=crashes)
    store.claim(job(1, rings_at=seconds_of(client) + 90 * 86400))
    happens(client, store)
    assert store.get(job(1).message_id).final
    assert client.ttl(record_of(1)) > 90 * 86400


def test_recipients_that_octopush_had_already_do_not_stay_waiting():
    claim = a_second_call(used_before=True, first="accepted")
    outcome = of_failure(DuplicateKeyError("120", code="120"), an_attempt(claim))
    assert (outcome.state, outcome.fields["pending"]) == (State.ACCEPTED, "")
    assert [fate["state"] for fate in json.loads(outcome.fields["outcomes"]).values()] == ["accepted", "accepted"]
