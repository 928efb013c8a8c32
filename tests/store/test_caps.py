"""The caps (lua/lib/caps.lua): what they hold, what they refuse, and that each message counts once."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from store_kit import A, id_of, open_store, request, submitted, verdicts

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
    caps = Caps(same_text=60)
    store = open_store(client, caps=caps)
    verdicts(store, [capped_request(1, caps), capped_request(2, caps), capped_request(3, caps, text="other")])
    assert [store.get(id_of(n)).state for n in (2, 3)] == [State.REJECTED, State.SUBMITTING]


def test_a_retry_counts_once(client):
    caps = Caps(hour=1, same_text=60, countries={"FR": 1})
    store = open_store(client, caps=caps)
    each = capped_request(1, caps)
    for _ in range(3):
        submitted(store, each, state=State.WAITING, key="next", delay=0.0)
    assert type(store.claim(each)) is Lease


def test_money_that_is_about_to_be_spent_counts_already(client):
    caps = Caps(money=Decimal("0.10"))
    store = open_store(client, caps=caps)
    first = capped_request(1, caps)
    submitted(store, first, spent=Decimal("0.04"), prices={"FR": Decimal("0.04")})
    assert verdicts(store, [capped_request(n, caps, text=str(n)) for n in (2, 3)]) == [Lease, Wait]


def test_no_key_of_the_caps_shows_a_number_or_a_text(client):
    caps = Caps(hour=5, day=5, same_text=60, countries={"*": 9}, money=Decimal(9))
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
