"""Two accounts at one Redis (lua/lib/accounts.lua): what one of them may have sent, the other never sends."""

from __future__ import annotations

from decimal import Decimal

import pytest
from store_kit import (
    KEY_WINDOW,
    LEASE,
    REQUEUE_AFTER,
    failed,
    id_of,
    look,
    look_now,
    open_store,
    pass_time,
    record_of,
    request,
    seconds,
    settle,
    states,
    submitted,
    woken,
)

from octoworker.sms.record import State
from octoworker.store import Done, Lease, Wait
from octoworker.store.limits import Caps

OLD, NEW = "legacy-0a1b2c3d", "v1-4e5f6071"
ABSENT_AFTER = 2 * LEASE + REQUEUE_AFTER


@pytest.fixture
def old(client):
    return at_work(open_store(client, account=OLD))


@pytest.fixture
def new(client):
    return at_work(open_store(client, account=NEW))


def at_work(store):
    """Its worker's scheduler has looked once."""
    look(store)
    return store


def maybe_sent(store, n=1, **more):
    """Handed over, and no answer came."""
    submitted(store, request(n), state=State.UNKNOWN, delay=seconds(0), **more)


def test_the_record_says_whose_account_may_have_sent_it(old):
    old.claim(request(1))
    assert old.get(id_of(1)).account == OLD
    assert old.get(id_of(1)).as_json()["account"] == OLD


def test_another_account_hands_back_what_may_have_been_sent_and_its_own_asks_again(old, new):
    maybe_sent(old)
    assert type(new.claim(request(1))) is Wait
    assert woken(old) == [1]
    lease = old.claim(request(1))
    assert (type(lease), lease.key_used_before) == (Lease, True)


def test_so_it_is_when_the_worker_that_had_it_died(old, new, still):
    old.claim(request(1))
    still.shift(LEASE + 1)
    at_work(old)
    claim = new.claim(request(1))
    assert (type(claim), claim.record.state) == (Wait, State.UNKNOWN)
    assert woken(old) == [1]
    assert type(old.claim(request(1))) is Lease


def test_what_was_handed_back_is_let_go_by_its_own_account_until_a_worker_of_it_gets_it_and_says_so_once(old, new):
    maybe_sent(old)
    for _ in range(5):
        assert type(new.claim(request(1))) is Wait
        assert woken(new) == []
        assert woken(old) == [1]
    assert states(new.get(id_of(1))).count(State.UNKNOWN) == 2
    assert type(old.claim(request(1))) is Lease


def test_a_probe_that_another_account_got_is_chosen_anew(client):
    old, new = (at_work(open_store(client, account=each, breaker_calls=2)) for each in (OLD, NEW))
    maybe_sent(old, health="fault")
    assert old.board({}).breaker == "open"
    pass_time(client, 2, OLD)
    assert woken(old) == [1]
    assert type(new.claim(request(1))) is Wait
    assert woken(old) == [1]
    assert type(old.claim(request(1))) is Lease


def test_what_was_handed_back_is_looked_at_again_when_its_account_may_be_gone(old, new, still):
    maybe_sent(old)
    new.claim(request(1))
    still.shift(ABSENT_AFTER + 1)
    look(new)
    assert "start one" in new.get(id_of(1)).reason
    assert woken(old) == [1]


def test_what_was_never_handed_over_goes_with_any_account(old, new):
    submitted(old, request(1), state=State.WAITING, key="unused", delay=seconds(0))
    lease = new.claim(request(1))
    assert (type(lease), lease.key_used_before) == (Lease, False)
    assert new.get(id_of(1)).account == NEW


def test_what_was_refused_goes_with_any_account_under_its_next_key(old, new):
    submitted(old, request(1), state=State.WAITING, key="next", delay=seconds(0))
    lease = new.claim(request(1))
    assert (type(lease), lease.generation) == (Lease, 1)


def test_a_refusal_after_a_maybe_proves_nothing_so_it_stays_with_its_account(old, new):
    maybe_sent(old)
    submitted(old, request(1), state=State.UNKNOWN, key="doubtful", delay=seconds(0))
    assert type(new.claim(request(1))) is Wait


def test_when_no_worker_of_its_account_runs_it_is_left_to_an_operator_with_the_account_to_start(old, new, still):
    maybe_sent(old)
    still.shift(ABSENT_AFTER + 1)
    at_work(new)
    done = new.claim(request(1))
    assert (type(done), done.stopped, done.record.state) == (Done, True, State.UNKNOWN)
    assert OLD in done.record.reason
    assert "start one" in done.record.reason
    assert woken(new) == []


def test_a_worker_of_its_account_takes_it_back_when_it_starts_and_no_other_does(old, new, still):
    maybe_sent(old)
    still.shift(ABSENT_AFTER + 1)
    new.claim(request(1))
    assert woken(new) == []
    assert woken(old) == [1]
    lease = old.claim(request(1))
    assert (type(lease), lease.key_used_before) == (Lease, True)


def test_what_an_operator_decided_meanwhile_stays_decided(old, new, still):
    maybe_sent(old)
    still.shift(ABSENT_AFTER + 1)
    new.claim(request(1))
    new.decide(id_of(1), sent=True)
    assert woken(old) == []
    assert old.get(id_of(1)).state is State.ACCEPTED


def test_a_replay_by_an_operator_goes_with_any_account(old, new, still):
    maybe_sent(old)
    still.shift(ABSENT_AFTER + 1)
    new.claim(request(1))
    new.replay(id_of(1), force=True)
    assert type(new.claim(request(1))) is Lease


def test_after_the_key_window_not_even_its_own_account_asks_again(old, still):
    maybe_sent(old)
    still.shift(KEY_WINDOW + 1)
    done = old.claim(request(1))
    assert (type(done), done.record.state) == (Done, State.UNKNOWN)


def test_the_hold_of_one_account_stops_no_other(client, old, new):
    submitted(
        old,
        request(1),
        state=State.WAITING,
        key="next",
        delay=seconds(300),
        account_hold="104",
        backlog="normal:transactional",
    )
    assert type(old.claim(request(2))) is Wait
    assert type(new.claim(request(3))) is Lease
    assert (old.flow_control.account_hold().code, new.flow_control.account_hold()) == ("104", None)
    assert sorted(woken(new)) == [1, 2]


def test_what_waits_for_the_account_that_may_have_sent_it_is_let_go_by_that_one_alone(old, new):
    maybe_sent(old)
    hold = {"account_hold": "104", "backlog": "normal:transactional"}
    submitted(old, request(1), state=State.UNKNOWN, key="doubtful", delay=seconds(300), **hold)
    assert woken(new) == []
    assert new.board({}).lanes["normal"].backlogged == 1
    old.flow_control.end_hold()
    assert woken(old) == [1]


def test_it_is_left_to_an_operator_when_that_account_is_gone(old, new, client, still):
    maybe_sent(old)
    hold = {"account_hold": "104", "backlog": "normal:transactional"}
    submitted(old, request(1), state=State.UNKNOWN, key="doubtful", delay=seconds(300), **hold)
    still.shift(ABSENT_AFTER + 1)
    look_now(client, id_of(1))
    look(new)
    record = new.get(id_of(1))
    assert (record.state, OLD in record.reason) == (State.UNKNOWN, True)
    assert woken(old) == [1]


def test_what_is_left_to_an_operator_has_no_job_on_its_way_any_more(old, new, client, still):
    maybe_sent(old)
    assert woken(old) == [1]
    still.shift(ABSENT_AFTER + 1)
    at_work(new)
    assert client.hget(record_of(1), "woken") == "1"
    assert new.claim(request(1)).stopped
    assert client.hmget(record_of(1), "woken", "released") == [None, None]


def test_a_breaker_of_one_account_stops_no_other(client):
    old, new = (at_work(open_store(client, account=each, breaker_calls=4)) for each in (OLD, NEW))
    for n in range(1, 3):
        failed(old, n)
    assert type(old.claim(request(8))) is Wait
    assert type(new.claim(request(9))) is Lease
    assert new.board({}).breaker == "open"


def test_credit_is_asked_for_by_one_worker_of_each_account(old, new):
    assert old.flow_control.may_ask(seconds(60))
    assert not old.flow_control.may_ask(seconds(60))
    assert new.flow_control.may_ask(seconds(60))


def test_each_account_has_a_pace_of_its_own(client):
    old, new = (at_work(open_store(client, account=each, rate=1.0)) for each in (OLD, NEW))
    assert type(old.claim(request(1))) is Lease
    assert type(old.claim(request(2, "urgent", segments=9))) is Lease
    assert type(new.claim(request(3, "urgent"))) is Lease


def test_balance_and_prices_are_kept_of_each_account(old, new):
    fields = {"fields": {"balance": "5", "currency": "EUR"}, "prices": {"FR": Decimal("0.05")}}
    submitted(old, request(1), **fields)
    assert old.flow_control.account()["balance"] == "5"
    assert old.flow_control.account()["price:FR"] == "50000"
    submitted(new, request(2), fields={"balance": "70", "currency": "EUR"}, prices={"FR": Decimal("0.045")})
    assert (old.flow_control.account()["balance"], new.flow_control.account()["balance"]) == ("5", "70")


def test_a_cap_counts_by_the_price_of_the_account_that_pays(client):
    old, new = (at_work(open_store(client, account=each, caps=Caps(money=Decimal(1)))) for each in (OLD, NEW))
    submitted(old, request(1), prices={"FR": Decimal(2)})
    asks = {"cap_request": {"numbers": [], "texts": [], "countries": {"FR": 1}, "tomorrow": 10**14}}
    assert type(old.claim(request(2, **asks))) is Done
    assert type(new.claim(request(3, **asks))) is Lease


def test_an_operator_who_lets_everything_go_on_ends_every_hold(old, new):
    for store, n in ((old, 1), (new, 2)):
        submitted(
            store,
            request(n),
            state=State.WAITING,
            key="next",
            delay=seconds(300),
            account_hold="101",
            backlog="normal:transactional",
        )
    assert new.flow_control.resume("all")
    assert (old.flow_control.account_hold(), new.flow_control.account_hold()) == (None, None)


def test_a_pause_holds_every_account(old, new):
    old.flow_control.pause("all")
    assert [type(each.claim(request(n))) for n, each in enumerate((old, new))] == [Wait, Wait]


def test_a_late_acceptance_counts_though_another_account_had_a_look(old, new, still):
    lease = old.claim(request(1))
    still.shift(LEASE + 1)
    at_work(old)
    new.claim(request(1))
    settle(old, lease, request(1), fields={"ticket": "t1"})
    assert (old.get(id_of(1)).state, old.get(id_of(1)).ticket) == (State.ACCEPTED, "t1")
