"""A jump of Redis' clock, as a promoted server's is another one, is told by how much it is."""

from __future__ import annotations

import time

import pytest

from octoworker.store.clock import RedisClock

NEARLY = 5


class Server:
    """Tells the time as Redis does, so many seconds away from this machine's."""

    ahead = 0

    def time(self):
        now = time.time() + self.ahead
        return int(now), int(now % 1 * 1_000_000)


@pytest.mark.parametrize("step", [-60, 0, 60])
def test_a_jump_is_told_by_how_much_it_is(step):
    server = Server()
    clock = RedisClock(server)
    assert clock.stepped().total_seconds() == 0
    server.ahead += step
    assert clock.stepped().total_seconds() == pytest.approx(step, abs=NEARLY)
    assert clock.stepped().total_seconds() == pytest.approx(0, abs=NEARLY)


class Slow(Server):
    """Its answer is under way for a while."""

    takes = 0.0

    def time(self):
        found = super().time()
        time.sleep(self.takes)
        return found


def test_a_slow_answer_is_no_jump():
    server = Slow()
    clock = RedisClock(server)
    clock.stepped()
    server.takes = 0.05
    assert clock.stepped().total_seconds() == 0
