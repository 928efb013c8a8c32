"""Workers on machines whose wall clocks are hours off, beside a right one: Redis' clock decides what is sent and when."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta

import pytest
from harness import until
from moved_clock import WallClock, needs_a_compiler

from octoworker.sms.record import State
from octoworker.store import SLACK
from octoworker.worker import clock_watch

pytestmark = [needs_a_compiler, pytest.mark.timeout(300)]

HOURS = (0, 2, -2, 11, -11)


def night_in():
    """A zone in which it is between two and three at night now, and day on each of the wrong clocks that are eleven hours off."""
    west = (datetime.now(UTC).hour - 2) % 24
    return f"Etc/GMT+{west}" if west <= 12 else f"Etc/GMT-{24 - west}"


def start(house, name, clock, *, pool="threads"):
    """A worker with this wall clock, and health files of its own."""
    folder = house.folder / f"health-{name}"
    settings = {**clock.environ, "OCTOWORKER_HEALTH_DIR": str(folder)}
    worker = house.worker("-n", f"{name}@%h", settings=settings, pool=pool)
    worker.health = folder
    return worker


@pytest.fixture
def clocks(house):
    """One for each of HOURS, and a worker under it."""
    made = {hours: WallClock(house.folder / f"clock{hours}", timedelta(hours=hours)) for hours in HOURS}
    for hours, clock in made.items():
        start(house, f"w{hours}", clock, pool="prefork" if abs(hours) == 11 else "threads")
    return made


@pytest.mark.parametrize(
    "house",
    # A job that a wrong clock keeps for hours is not found by chance within the test.
    [
        {
            "OCTOWORKER_CONCURRENCY": "2",
            "OCTOWORKER_REQUEUE_AFTER": "60",
            "OCTOWORKER_HOURS": f"FR=08:00-20:00@{night_in()}",
        }
    ],
    indirect=True,
)
def test_wrong_clocks_send_nothing_early_nothing_at_night_and_refuse_nothing(house, clocks):
    at_night = [
        house.enqueue(f"+3361{n:07d}", f"promo {n} STOP au XXXXX", transactional=False, lane="urgent")
        for n in range(30)
    ]
    soon = time.time() + 3
    held = {
        house.enqueue(f"+3362{n:07d}", f"reminder {n}", send_at=soon + n / 10, hold=True): soon + n / 10
        for n in range(30)
    }
    last_day = time.time() + timedelta(days=366).total_seconds() - 1800
    far = [house.enqueue(f"+3363{n:07d}", "far away", send_at=last_day, hold=True) for n in range(10)]
    expiring = [house.enqueue(f"+3364{n:07d}", "code", expires_at=time.time() + 3600) for n in range(10)]

    for message_id in (*at_night, *far):
        house.ended(message_id, State.SCHEDULED)
    for message_id in (*held, *expiring):
        house.ended(message_id, State.ACCEPTED)

    rang = house.sandbox.handsets()
    assert [number for number in rang if number.startswith(("+3361", "+3363"))] == []
    begun = {
        message_id: next(move.at for move in house.record(message_id).history if move.state is State.SUBMITTING)
        for message_id in held
    }
    late = sorted(begun[message_id].timestamp() - due for message_id, due in held.items())
    # For people: `pytest -s`.
    print(f"held messages began {late[0]:.3f} s to {late[-1]:.3f} s after their time, half of them {late[15]:.3f} s")  # noqa: T201 - see above
    assert late[0] > -SLACK.total_seconds() - 0.001  # a record counts whole milliseconds
    assert [move.reason for each in held for move in house.record(each).history if "vanished" in move.reason] == []


def ready(worker):
    return (worker.health / "ready").exists()


def doctor(house):
    done = house.command("doctor", "--json", check=False)
    return {finding["name"]: finding for finding in json.loads(done.stdout)}


def test_a_worker_whose_clock_is_wrong_is_not_ready_until_it_is_right(house):
    right = start(house, "right", WallClock(house.folder / "right"))
    clock = WallClock(house.folder / "wrong", timedelta(hours=2))
    wrong = start(house, "wrong", clock)
    until(lambda: '"clock.drift"' in wrong.log())
    until(lambda: not ready(wrong))
    assert house.ended(house.enqueue()).state is State.ACCEPTED
    (named,) = [finding for name, finding in doctor(house).items() if name.startswith("clock of ")]
    assert (named["outcome"], named["name"]) == ("problem", f"clock of {named['name'].split()[2]}")
    assert named["name"].endswith(f":{wrong.process.pid}")
    assert round(json.loads(house.command("stats", "--json").stdout)["clock_drift"]) == 7200

    clock.move(timedelta(0))
    until(lambda: ready(wrong), timeout=12 * clock_watch.EVERY_WHILE_WRONG)
    until(lambda: '"clock.right"' in wrong.log())
    assert ready(right)
    assert "clock." not in right.log()


def test_workers_that_are_all_wrong_alike_tell_one_operator_that_it_is_redis_and_stay_ready(house):
    workers = [
        start(house, f"w{n}", WallClock(house.folder / f"clock{n}", timedelta(hours=2, seconds=n))) for n in range(3)
    ]
    until(lambda: '"compared": "redis"' in workers[0].log(), timeout=12 * clock_watch.EVERY_WHILE_WRONG)
    until(lambda: all(ready(worker) for worker in workers))
    assert house.logs().count('"clock.redis"') == 1
    assert '"compared": "wrong"' not in house.logs()
    assert house.ended(house.enqueue()).state is State.ACCEPTED
    found = doctor(house)
    assert found["Redis' clock"]["outcome"] == "problem"
