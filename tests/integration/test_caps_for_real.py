"""Caps hold with real workers, and what was not sent is not counted."""

from __future__ import annotations

from decimal import Decimal

import pytest
from harness import NUMBER, TEXT, until

from octoworker.sms.record import State

MONEY = Decimal(1)


@pytest.mark.parametrize("house", [{"OCTOWORKER_CAP_MONEY": str(MONEY)}], indirect=True)
def test_three_workers_spend_no_more_than_a_day_allows_also_before_a_price_is_known(house):
    numbers = [f"+336123{n:05d}" if n % 3 else f"+49151123{n:05d}" for n in range(60)]
    ids = [house.enqueue(each, text=f"{TEXT} {n}") for n, each in enumerate(numbers)]
    house.sandbox.settings(latency=0.2)
    for _ in range(3):
        house.worker()
    rest = {State.ACCEPTED, State.WAITING}
    until(
        lambda: all(
            (found := house.record(each)).state in rest and "cap" in found.reason + "cap" * found.final for each in ids
        ),
        timeout=60,
    )
    spent = sum((Decimal(found.cost) for each in ids if (found := house.record(each)).cost), Decimal(0))
    assert MONEY / 2 < spent <= MONEY


@pytest.mark.parametrize("house", [{"OCTOWORKER_CAP_SAME_TEXT": "3600"}], indirect=True)
def test_a_code_that_octopush_refused_may_go_again(house):
    house.sandbox.fault("code", code="106", times=1)
    house.worker()
    assert house.ended(house.enqueue()).state is State.REJECTED
    assert house.ended(house.enqueue()).state is State.ACCEPTED
    assert "CAP_SAME_TEXT" in house.ended(house.enqueue()).reason
    assert house.texts() == [TEXT]


@pytest.mark.parametrize("house", [{"OCTOWORKER_CAP_HOUR": "1"}], indirect=True)
def test_one_of_several_whom_octopush_refused_may_have_the_next(house):
    other = "+33612345679"
    house.sandbox.fault("partial", codes={other: "151"}, times=1)
    house.worker()
    found = house.ended(house.enqueue([NUMBER, other]))
    assert found.recipients[other]["state"] == "rejected"
    assert house.ended(house.enqueue(other, text="another")).state is State.ACCEPTED
