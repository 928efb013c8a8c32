"""Instants are aware datetimes and spans are timedeltas, up to the store: it alone makes milliseconds of them, for Redis.

So each number that crosses the store's door is a count, a place or a share, and stands here as such.
"""

from __future__ import annotations

import inspect
import typing
from dataclasses import fields, is_dataclass
from datetime import datetime, timedelta

import pytest

from octoworker import store
from octoworker.sending import retry
from octoworker.store import (
    campaigns,
    clock,
    clocks,
    due,
    erasure,
    flow_control,
    limits,
    opt_outs,
    presence,
    recalls,
    server,
    stats,
    streams,
    values,
)

COUNTS = {
    "Lineage.offset",
    "Lineage.followed_until",
    "ClaimRequest.segments",
    "NewMessage.people",
    "NewMessage.row",
    "Lease.token",
    "Lease.epoch",
    "Store.rolled_back.limit",
    "Lease.generation",
    "Lease.attempts",
    "Outcome.generation",
    "Caps.hour",
    "Caps.week",
    "Caps.day",
    "Limits.rate",
    "Limits.burst",
    "Limits.breaker_calls",
    "Timings.max_crashes",
    "Server.replicas",
    "Server.confirmed_by",
    "Caps.countries",
    "Campaign.people",
    "Campaign.counts",
    "Campaign.reasons",
    "Campaign.refused",
    "Lane.queued",
    "Lane.backlogged",
    "Board.in_flight",
    "Board.codes",
    "Board.codes_today",
    "Board.due_soon",
    "Board.pace",
    "Board.states",
    "Board.segments",
    "Board.unacked",
    "Board.unconfirmed",
    "Board.inbox",
    "Board.outbox",
    "Limits.campaign_pause_at",
    "Limits.recalls_a_month",
    "Recalls.__init__.a_month",
    "Stop.stopped",
    "Stop.recalled",
    "Stop.late",
    "Board.webhooks",
    "Board.webhooks_dead",
    "Board.unreadable",
    "Server.unreadable",
    "Presence.pid",
    "Board.memory",
    "Board.memory_limit",
    "Forgotten.records",
    "Forgotten.looked_at",
    "Server.compact_up_to",
    "Server.memory",
    "Server.unread",
    "Server.set_aside",
    "Server.memory_limit",
    "Policy.max_attempts",
    "Facts.attempts",
    "Store.__init__.max_crashes",
    "Store.settle.token",
    "Store.settle_many.outcomes",
    "Store.list.limit",
    "Store.unconfirmed.limit",
    "Store.recalled.limit",
    "Recall.token",
    "Recall.generation",
    "Recall.tries",
    "Recalls.open.limit",
    "Store.latest.limit",
    "Campaigns.loaded.people",
    "Campaigns.loaded.refused",
    "DueSet.rescue.size",
    "DueSet.stage.size",
    "DueSet.release.size",
}
"""How many, which one, how much of a whole."""

PLACES = {"ClaimRequest.published_at", "Wakeup.published_at"}
"""Where a job stands in its queue: the store says it, the job carries it as it is, the store reads it again."""

MONOTONIC = {"Look.at"}
"""This process' monotonic clock has no other unit than its own."""

VALUES = [
    each
    for module in (
        values,
        limits,
        flow_control,
        campaigns,
        stats,
        server,
        erasure,
        due,
        clock,
        opt_outs,
        presence,
        recalls,
        streams,
        retry,
    )
    for _, each in inspect.getmembers(module, inspect.isclass)
    if each.__module__ == module.__name__ and (is_dataclass(each) or hasattr(each, "_fields"))
]

DOORS = [
    store.Store,
    flow_control.FlowControl,
    campaigns.Campaigns,
    due.DueSet,
    erasure.Forgetting,
    clocks.Clocks,
    opt_outs.OptOuts,
    recalls.Recalls,
]


def parts(annotation):
    """The types in an annotation, down to the plain ones: `float | None` has two."""
    inside = annotation if isinstance(annotation, list) else typing.get_args(annotation)
    return {each for part in inside for each in parts(part)} if inside else {annotation}


def numbers(places):
    return {name for name, annotation in places.items() if parts(annotation) & {int, float}}


def asked(door):
    """What each public method of a door takes and gives, by its place."""
    for name, method in inspect.getmembers(door, inspect.isfunction):
        if name == "__init__" or not name.startswith("_"):
            hints = typing.get_type_hints(method, vars(inspect.getmodule(door)))
            yield from ((f"{door.__name__}.{name}.{each}", hint) for each, hint in hints.items() if each != "return")


def held(value):
    for name, hint in typing.get_type_hints(value).items():
        if name in {each.name for each in fields(value)} if is_dataclass(value) else name in value._fields:
            yield f"{value.__name__}.{name}", hint


@pytest.mark.parametrize("value", VALUES, ids=lambda value: value.__name__)
def test_a_number_in_a_value_of_the_store_is_a_count(value):
    assert numbers(dict(held(value))) - COUNTS - PLACES - MONOTONIC == set()


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.__name__)
def test_a_number_that_the_store_is_asked_with_is_a_count(door):
    assert numbers(dict(asked(door))) - COUNTS == set()


def test_each_name_of_a_count_is_one_that_there_is():
    there = {name for value in VALUES for name, _ in held(value)} | {name for door in DOORS for name, _ in asked(door)}
    assert there >= COUNTS | PLACES | MONOTONIC


def test_times_do_cross_the_door():
    """Else the tests above would look at nothing."""
    types = {part for value in VALUES for _, hint in held(value) for part in parts(hint)}
    assert {datetime, timedelta} <= types
