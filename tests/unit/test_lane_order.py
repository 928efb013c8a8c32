"""In which order a worker looks for jobs."""

from __future__ import annotations

from octoworker.sms import lanes
from octoworker.worker.lane_order import TURN, UrgentFirst


def looks(count):
    cycle = UrgentFirst(list(reversed(lanes.QUEUES.values())))
    return [cycle.consume(3) for _ in range(count)]


def test_urgent_is_looked_for_before_normal_before_bulk():
    assert looks(1) == [["sms.urgent", "sms", "sms.bulk"]]


def test_now_and_then_the_lowest_lane_comes_first():
    assert [order[0] for order in looks(2 * TURN)].count("sms.bulk") == 2


def test_bulk_jobs_leave_places_for_the_others():
    cycle = UrgentFirst(list(lanes.QUEUES.values()))
    cycle.in_hand_at_most, cycle.bulk_in_hand = 16, 11
    assert lanes.QUEUES["bulk"] in cycle.consume(3)
    cycle.bulk_in_hand = 12
    assert cycle.consume(3) == ["sms.urgent", "sms"]


def test_a_worker_of_bulk_alone_takes_as_many_as_it_can():
    cycle = UrgentFirst([lanes.QUEUES["bulk"]])
    cycle.in_hand_at_most, cycle.bulk_in_hand = 16, 15
    assert cycle.consume(1) == ["sms.bulk"]


def test_a_worker_of_few_places_keeps_none_free():
    cycle = UrgentFirst(list(lanes.QUEUES.values()))
    cycle.in_hand_at_most, cycle.bulk_in_hand = 2, 1
    assert lanes.QUEUES["bulk"] in cycle.consume(3)
