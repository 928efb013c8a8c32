"""In which order a worker looks for jobs."""

from __future__ import annotations

from octoworker.sms import lanes
from octoworker.worker.lane_order import TURN, UrgentFirst

ALL = URGENT, NORMAL, BULK = tuple(lanes.QUEUES.values())


def with_many_in_hand(queues=ALL, places=16, **jobs_of_many):
    """A worker of these lanes that has so many jobs of many messages of each in hand."""
    cycle = UrgentFirst(list(queues))
    cycle.in_hand_at_most = places
    cycle.of_many = {lanes.QUEUES[lane]: count for lane, count in jobs_of_many.items()}
    return cycle


def looks(count):
    cycle = UrgentFirst(list(reversed(lanes.QUEUES.values())))
    return [cycle.consume(3) for _ in range(count)]


def test_urgent_is_looked_for_before_normal_before_bulk():
    assert looks(1) == [["sms.urgent", "sms", "sms.bulk"]]


def test_now_and_then_the_lowest_lane_comes_first():
    assert [order[0] for order in looks(2 * TURN)].count("sms.bulk") == 2


def test_bulk_jobs_leave_places_for_the_others():
    cycle = with_many_in_hand(bulk=11)
    assert BULK in cycle.consume(3)
    cycle = with_many_in_hand(bulk=12)
    assert cycle.consume(3) == [URGENT, NORMAL]


def test_a_crowd_of_any_lane_but_the_most_urgent_leaves_places_free():
    cycle = with_many_in_hand(normal=12)
    assert cycle.consume(3) == [URGENT, NORMAL]
    assert [cycle.no_more_of(queue) for queue in (URGENT, NORMAL)] == [False, True]
    assert not with_many_in_hand(normal=11).no_more_of(NORMAL)
    assert not with_many_in_hand(urgent=15).no_more_of(URGENT)


def test_bulk_jobs_alone_do_not_hold_a_more_urgent_lane_up():
    assert not with_many_in_hand(bulk=12).no_more_of(NORMAL)
    assert with_many_in_hand(bulk=11, normal=1).no_more_of(NORMAL)


def test_a_worker_of_one_lane_keeps_nothing_free_in_a_crowd():
    assert not with_many_in_hand([NORMAL], normal=15).no_more_of(NORMAL)


def test_a_worker_of_bulk_alone_takes_as_many_as_it_can():
    assert with_many_in_hand([BULK], bulk=15).consume(1) == [BULK]


def test_a_worker_of_few_places_keeps_none_free():
    assert BULK in with_many_in_hand(places=2, bulk=1).consume(3)
