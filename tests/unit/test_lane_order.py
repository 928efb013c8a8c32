"""In which order a worker looks for jobs."""

from __future__ import annotations

from octoworker import wire
from octoworker.lanes import TURN, UrgentFirst


def looks(count):
    cycle = UrgentFirst(list(reversed(wire.QUEUES.values())))
    return [cycle.consume(3) for _ in range(count)]


def test_urgent_is_looked_for_before_normal_before_bulk():
    assert looks(1) == [["sms.urgent", "sms", "sms.bulk"]]


def test_now_and_then_the_lowest_lane_comes_first():
    assert [order[0] for order in looks(2 * TURN)].count("sms.bulk") == 2
