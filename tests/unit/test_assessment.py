"""How it stands: what the page, `stats`, `top` and `doctor` say of a look at the board."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from octoworker.sms.lanes import LANES
from octoworker.store import Board, Lane, assessment
from octoworker.store.assessment import Grade, of, span, worst
from octoworker.store.presence import Presence

ALL_LANES = Presence("a.example", 1, LANES, "thread", "0.1.0")
URGENT_ONLY = replace(ALL_LANES, pid=2, lanes=("urgent",))

WELL = Board(
    lanes={lane: Lane() for lane in LANES},
    states={},
    in_flight=0,
    due_soon=0,
    due_lag=timedelta(),
    pace=0.0,
    breaker="closed",
    account_hold=None,
    account_hold_reason=None,
    paused=(),
    balance=None,
    currency=None,
    spent=Decimal(0),
    segments=0,
    unacked=0,
    memory=1,
    workers=(ALL_LANES,),
)


def lanes(**oldest):
    return {lane: Lane(queued=1, oldest=timedelta(seconds=oldest.get(lane, 0))) for lane in LANES}


def test_all_is_well_when_workers_read_every_lane_and_nothing_waits_for_long():
    assert of(WELL) == ()
    assert worst(of(WELL)) is Grade.OK


@pytest.mark.parametrize(
    ("change", "name", "grade"),
    [
        ({"workers": ()}, "workers", "problem"),
        ({"workers": None}, "workers", "warning"),
        ({"workers": (URGENT_ONLY,)}, "workers", "problem"),
        ({"lanes": lanes(urgent=61)}, "lane urgent", "problem"),
        ({"lanes": lanes(normal=901)}, "lane normal", "warning"),
        ({"lanes": lanes(bulk=14_401)}, "lane bulk", "warning"),
        ({"due_lag": timedelta(seconds=31)}, "scheduler", "problem"),
        ({"account_hold": "104", "account_hold_reason": "no credit"}, "account hold", "problem"),
        ({"breaker": "open"}, "breaker", "problem"),
        ({"breaker": "ramp"}, "breaker", "warning"),
        ({"paused": ("bulk",)}, "paused", "warning"),
        ({"states": {"unknown": 2}}, "unknown", "warning"),
        ({"refuses": "it is a replica"}, "redis", "problem"),
        ({"memory": 80, "memory_limit": 100}, "memory", "warning"),
        ({"memory": 96, "memory_limit": 100}, "memory", "problem"),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, dict) else value,
)
def test_each_thing_that_is_not_well_is_found_alone_with_what_to_do(change, name, grade):
    (found,) = of(replace(WELL, **change))
    assert (found.name, found.outcome) == (name, grade)
    assert found.says
    assert found.do


@pytest.mark.parametrize(
    "change",
    [
        {"lanes": lanes(urgent=60, normal=900, bulk=14_400)},
        {"lanes": {**lanes(), "urgent": Lane(queued=1, oldest=None)}},
        {"due_lag": timedelta(seconds=30)},
        {"workers": (URGENT_ONLY, ALL_LANES)},
        {"states": {"accepted": 5, "dead": 1, "unknown": 0}},
        {"memory": 69, "memory_limit": 100},
    ],
    ids=",".join,
)
def test_what_is_still_in_order_is_not_found(change):
    assert of(replace(WELL, **change)) == ()


@pytest.mark.parametrize("change", [{"refuses": "a full disk"}, {"memory": 96, "memory_limit": 100}])
def test_a_redis_that_takes_no_word_of_a_worker_is_not_called_a_missing_worker(change):
    assert [each.name for each in of(replace(WELL, workers=(), **change))] in (["redis"], ["memory"])


def test_the_worst_is_said_first():
    found = of(replace(WELL, paused=("bulk",), workers=(), states={"unknown": 1}, breaker="open"))
    assert [each.outcome for each in found] == ["problem", "problem", "warning", "warning"]
    assert worst(found) is Grade.PROBLEM


def test_the_alerts_fire_from_the_same_ages_on():
    rules = (Path(__file__).parents[2] / "deploy" / "prometheus" / "rules" / "octoworker.yml").read_text()
    ages = re.findall(r'octoworker_oldest_seconds\{lane="(\w+)"\}\) > (\d+)', rules)
    assert {lane: timedelta(seconds=float(age)) for lane, age in ages} == assessment.OLD
    (late,) = re.findall(r"octoworker_due_lag_seconds\) > (\d+)", rules)
    assert timedelta(seconds=float(late)) == assessment.LATE


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0.04, "0.0 s"),
        (59.4, "59.4 s"),
        (59.6, "1 min 0 s"),
        (250, "4 min 10 s"),
        (7500, "2 h 5 min"),
        (274_000, "3 d 4 h"),
    ],
)
def test_a_span_has_two_figures(seconds, said):
    assert span(timedelta(seconds=seconds)) == said
