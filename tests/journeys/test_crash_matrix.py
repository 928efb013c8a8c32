"""A worker dies at each named step. The handset rings once, and the record says so."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from harness import EITHER_API, NUMBER, TEXT, until

from octoworker.sms.record import State

STEPS = ("before_claim", "after_claim", "before_submit", "before_settle", "after_settle")

AROUND_THE_CALL = ("before_submit", "before_settle")
"""Where the generation of the API can make a difference: the other steps are between a worker and Redis."""


def crashing(house, step, signal="SIGKILL", **options):
    """A worker that will get the signal at that step, once."""
    flag = house.folder / "crash"
    flag.touch()
    settings = {
        "CRASH_AT": step,
        "CRASH_FLAG": str(flag),
        "CRASH_SIGNAL": signal,
        "PYTHONPATH": str(Path(__file__).parent),
    }
    return house.worker(settings=settings, app="crashing", **options), flag


@pytest.mark.parametrize(
    ("house", "step"),
    [({}, step) for step in STEPS] + [({"OCTOPUSH_API": "v1"}, step) for step in AROUND_THE_CALL],
    indirect=["house"],
    ids=[*STEPS, *(f"v1-{step}" for step in AROUND_THE_CALL)],
)
def test_a_worker_killed_at_any_step_neither_loses_nor_repeats(house, step):
    doomed, _ = crashing(house, step)
    message_id = house.enqueue()
    doomed.wait()
    house.worker()
    record = house.ended(message_id)
    assert record.state is State.ACCEPTED
    assert house.texts() == [TEXT]


@pytest.mark.parametrize("step", STEPS)
def test_a_prefork_child_killed_at_any_step_neither_loses_nor_repeats(house, step):
    _, flag = crashing(house, step, pool="prefork")
    message_id = house.enqueue()
    until(lambda: not flag.exists())
    record = house.ended(message_id)
    assert record.state is State.ACCEPTED
    assert house.texts() == [TEXT]


@pytest.mark.parametrize("pool", ["threads", "prefork"])
@pytest.mark.parametrize("step", STEPS)
def test_a_bulk_job_killed_at_any_step_neither_loses_nor_repeats(house, step, pool):
    _, flag = crashing(house, step, pool=pool)
    numbers = [f"+336123{n:05d}" for n in range(70)]
    ids = house.client.enqueue_many([{"recipients": n, "text": TEXT, "transactional": True} for n in numbers])
    until(lambda: not flag.exists())
    house.worker()
    assert {house.ended(message_id).state for message_id in ids} == {State.ACCEPTED}
    assert [house.texts(number) for number in numbers] == [[TEXT]] * 70


@pytest.mark.parametrize("pool", ["threads", "prefork"])
@pytest.mark.parametrize("step", STEPS)
def test_a_crowd_of_single_messages_killed_at_any_step_neither_loses_nor_repeats(house, step, pool):
    numbers = [f"+336123{n:05d}" for n in range(40)]
    ids = [house.enqueue(recipients=number) for number in numbers]
    doomed, flag = crashing(house, step, pool=pool)
    until(lambda: not flag.exists())
    if pool == "threads":
        doomed.wait()
        house.worker()
    assert {house.ended(message_id).state for message_id in ids} == {State.ACCEPTED}
    assert [house.texts(number) for number in numbers] == [[TEXT]] * 40


@EITHER_API
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_worker_killed_while_octopush_has_the_request(house, when):
    house.sandbox.fault(fault="gate", name="door", when=when)
    doomed = house.worker()
    message_id = house.enqueue()
    house.sandbox.gate_reached("door")
    doomed.kill()
    house.sandbox.open_gate("door")
    house.worker()
    assert house.ended(message_id).state is State.ACCEPTED
    assert house.texts() == [TEXT]


def test_a_worker_killed_while_it_publishes_a_retry(house):
    house.sandbox.fault(fault="code", code="153", times=1)
    doomed, flag = crashing(house, "before_publish")
    message_id = house.enqueue()
    doomed.wait()
    assert not flag.exists()
    house.worker()
    record = house.ended(message_id)
    assert record.state is State.ACCEPTED
    assert record.attempts == 2
    assert house.texts() == [TEXT]


def test_a_worker_killed_while_it_releases_held_messages_loses_and_repeats_none(house):
    house.worker()
    held = {"send_at": time.time() + 3600, "hold": True}
    ids = {house.enqueue(text=f"message {n}", **held): f"message {n}" for n in range(200)}
    until(lambda: house.redis.zcard("ow:state:scheduled") == len(ids))
    house.workers[0].kill()
    # Brought forward one by one, so that none is past its time before it is held, however slow the machine is.
    for message_id in ids:
        soon = datetime.now(UTC) + timedelta(seconds=5)
        payload = json.dumps({**house.record(message_id).arguments, "send_at": soon.timestamp()})
        house.store.reschedule(message_id, soon, payload, max_ahead=timedelta(days=1))
    doomed, _ = crashing(house, "before_publish")
    doomed.wait()
    house.worker()
    assert all(house.ended(message_id).state is State.ACCEPTED for message_id in ids)
    assert sorted(house.texts()) == sorted(ids.values())


@pytest.mark.parametrize(
    ("house", "step"),
    [({}, "before_submit"), ({}, "before_settle"), ({"OCTOPUSH_API": "v1"}, "before_settle")],
    indirect=["house"],
    ids=["before_submit", "before_settle", "v1-before_settle"],
)
def test_a_worker_frozen_beyond_its_lease_does_not_send_twice_nor_overwrite(house, step):
    frozen, flag = crashing(house, step, signal="SIGSTOP")
    message_id = house.enqueue()
    until(lambda: not flag.exists())
    house.worker()
    assert house.ended(message_id).state is State.ACCEPTED
    frozen.signal(18)  # SIGCONT
    house.enqueue(recipients="+33612345679")
    house.sandbox.wait(handsets=2)
    until(lambda: "sms.fenced" in frozen.log() or "sms.lease_lost" in frozen.log() or "sms.accepted" in frozen.log())
    assert house.record(message_id).state is State.ACCEPTED
    assert house.texts(NUMBER) == [TEXT]


def test_a_poison_message_is_stopped_and_kept(house):
    house.environ["OCTOWORKER_MAX_CRASHES"] = "2"
    message_id = house.enqueue()
    for _ in range(2):
        doomed, _ = crashing(house, "after_claim")
        doomed.wait()
    house.worker()
    record = house.ended(message_id, State.DEAD)
    assert "workers in a row" in record.reason
    assert house.texts() == []
