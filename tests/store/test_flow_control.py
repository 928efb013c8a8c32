"""Flow control (lua/lib/flow_control.lua) as a claim meets it: pace, pauses, the account hold; and what a settle says of money."""

from __future__ import annotations

from decimal import Decimal

import pytest
from store_kit import (
    at,
    id_of,
    look,
    open_store,
    pass_time,
    record_of,
    request,
    seconds,
    seconds_of,
    settle,
    submitted,
    verdicts,
    woken,
)

from octoworker.sms.record import State
from octoworker.store import Lease, Wait
from octoworker.store.limits import Caps


def on_hold(store, n=1, code="104"):
    """Octopush refused the account; the message waits in its backlog."""
    return submitted(
        store,
        request(n),
        state=State.WAITING,
        key="next",
        counts=False,
        delay=seconds(300),
        account_hold=code,
        backlog="normal:transactional",
        health="ok",
    )


def test_what_waits_for_the_account_says_why_it_is_blocked(client):
    store = open_store(client)
    assert on_hold(store).record.reason == "why"
    assert type(store.claim(request(2))) is Wait
    assert store.get(id_of(2)).reason == "the account is blocked: why"


def test_beyond_the_pace_messages_are_backlogged_and_burn_no_attempt(client):
    store = open_store(client, rate=1.0)
    assert verdicts(store, [request(1), request(2)]) == [Lease, Wait]
    record = store.get(id_of(2))
    assert (record.state, record.attempts) == (State.WAITING, 0)


def test_one_that_is_backlogged_is_looked_at_after_ten_minutes_or_when_it_expires(client):
    store, now = open_store(client, rate=1.0), 1000 * seconds_of(client)
    soon = at(seconds_of(client) + 60)
    verdicts(store, [request(1), request(2), request(3, expires_at=soon)])
    looked_at = [round((client.zscore("ow:due", id_of(n)) - now) / 60_000) for n in (2, 3)]
    assert looked_at == [10, 1]


def test_the_burst_goes_at_once(client):
    store = open_store(client, rate=1.0, burst=3)
    assert verdicts(store, [request(n) for n in range(4)]) == [Lease, Lease, Lease, Wait]


def test_the_pace_counts_segments(client):
    store = open_store(client, rate=1.0)
    store.claim(request(1, segments=10))
    pass_time(client, 9)
    assert type(store.claim(request(2))) is Wait
    pass_time(client, 1.1)
    assert woken(store) == [2]


def test_what_was_let_go_does_not_pay_for_the_pace_again(client):
    store = open_store(client, rate=1.0)
    verdicts(store, [request(1), request(2)])
    pass_time(client, 1.1)
    assert woken(store) == [2]
    assert type(store.claim(request(2))) is Lease


def test_a_fresh_message_does_not_overtake_the_backlog(client):
    store = open_store(client, rate=1.0)
    verdicts(store, [request(1), request(2)])
    pass_time(client, 1.1)
    assert type(store.claim(request(3))) is Wait
    assert woken(store) == [2]


def test_an_urgent_message_does_not_wait_behind_bulk(client):
    store = open_store(client, rate=10.0)
    verdicts(store, [request(n, "bulk") for n in range(5)])
    assert type(store.claim(request(9, "urgent"))) is Lease


@pytest.mark.parametrize(
    ("what", "held", "free"),
    [
        ("all", request(1), None),
        ("bulk", request(1, "bulk"), request(2)),
        ("marketing", request(1, marketing=True), request(2)),
    ],
)
def test_a_pause_holds_what_it_names_and_nothing_else(store, client, what, held, free):
    store.flow_control.pause(what)
    assert type(store.claim(held)) is Wait
    assert store.get(held.message_id).reason == "paused by an operator"
    assert free is None or type(store.claim(free)) is Lease
    assert woken(store) == []


def test_a_message_that_was_held_is_as_old_as_its_due_time(store, client):
    store.flow_control.pause("all")
    due = client.time()[0] - 5
    store.create(id_of(1), "print", "normal", "{}")
    client.hset(record_of(1), "created", (due - 86_400) * 1000)
    store.claim(request(1, hold_until=at(due)))
    assert client.zscore("ow:backlog:normal:transactional", id_of(1)) == due * 1000


def test_a_message_that_is_replayed_is_new_in_its_backlog(store, client):
    each = request(1)
    submitted(store, each, state=State.REJECTED, key="unused")
    client.hset(f"ow:message:{each.message_id}", "created", 1)
    store.replay(each.message_id, force=False)
    store.flow_control.pause("all")
    store.claim(each)
    assert client.zscore("ow:backlog:normal:transactional", each.message_id) > 1_000_000


def test_what_was_let_go_just_before_a_pause_is_backlogged_again(client):
    store = open_store(client, rate=1.0)
    verdicts(store, [request(1), request(2)])
    pass_time(client, 1.1)
    look(store)
    store.flow_control.pause("all")
    assert type(store.claim(request(2))) is Wait
    assert client.zcard("ow:backlog:normal:transactional") == 1


def test_resuming_one_lane_leaves_the_others_paused(store, client):
    store.flow_control.pause("bulk")
    store.flow_control.pause("normal")
    store.flow_control.resume("bulk")
    assert verdicts(store, [request(1, "bulk"), request(2)]) == [Lease, Wait]


def test_a_refused_account_stops_everything_and_says_so_once(store, client):
    each = request(2)
    second = store.claim(each)
    assert on_hold(store).alerts == ("on_hold",)
    refused = {"state": State.WAITING, "key": "next", "account_hold": "104", "backlog": "normal:transactional"}
    assert settle(store, second, each, **refused).alerts == ()
    assert type(store.claim(request(3))) is Wait
    assert store.flow_control.account_hold().code == "104"
    assert woken(store) == []


def test_resume_ends_the_account_hold_and_what_was_refused_goes_first(store, client):
    on_hold(store)
    store.claim(request(3))
    store.flow_control.resume("all")
    assert woken(store) == [1, 3]


def test_a_low_balance_is_told_once_until_it_has_risen(client):
    store = open_store(client, low_balance=Decimal(5))
    alerts = []
    for n, left in enumerate(("5.01", "4.99", "4.90", "20", "1")):
        fields = {"balance": left, "currency": "EUR"}
        alerts += submitted(store, request(n), fields=fields).alerts
    assert alerts == ["balance_low", "balance_low"]


def test_the_day_is_told_once_at_four_fifths_and_once_at_its_end(client):
    store = open_store(client, caps=Caps(money=Decimal("1.00")))
    alerts = [submitted(store, request(n), spent=Decimal("0.3")).alerts for n in range(5)]
    assert alerts == [(), (), ("spend_80",), ("spend_100",), ()]
