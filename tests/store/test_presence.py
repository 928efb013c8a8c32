"""Workers that say that they are there, and what becomes of those that fall silent."""

from __future__ import annotations

import pytest
from store_kit import seconds

from octoworker.store.presence import ALIVE, FORGOTTEN, Presence

ONE = Presence("a.example", 1, ("urgent", "normal", "bulk"), "thread", "0.1.0")
TWO = Presence("b.example", 1, ("urgent",), "prefork", "0.1.0")


def alive(store):
    return store.board({}).workers


def test_a_worker_that_says_so_is_there_once_however_often_it_says_it(store):
    assert alive(store) == ()
    for worker in (TWO, ONE, ONE):
        store.workers.is_here(worker)
    assert alive(store) == (ONE, TWO)


def test_each_lane_knows_its_readers(store):
    for worker in (ONE, TWO):
        store.workers.is_here(worker)
    board = store.board({})
    assert {lane: board.readers(lane) for lane in board.lanes} == {"urgent": 2, "normal": 1, "bulk": 1}


def test_a_worker_that_ends_is_gone_at_once(store):
    store.workers.is_here(ONE)
    store.workers.is_gone(ONE)
    assert alive(store) == ()


def test_a_worker_that_falls_silent_is_not_alive_and_then_forgotten(store, client, still):
    store.workers.is_here(ONE)
    still.shift(ALIVE - seconds(1))
    store.workers.is_here(TWO)
    assert alive(store) == (ONE, TWO)
    still.shift(2)
    assert alive(store) == (TWO,)
    still.shift(FORGOTTEN - ALIVE)
    store.workers.is_here(TWO)
    assert client.zcard("ow:workers") == 1


def test_when_the_last_has_gone_nothing_is_kept(store, client, still):
    store.workers.is_here(ONE)
    still.shift(FORGOTTEN + seconds(1))
    assert client.exists("ow:workers") == 0


@pytest.mark.parametrize(
    "words", ["", "no json", "[]", "{}", '{"host": 1, "pid": "x", "lanes": [], "pool": "", "version": ""}']
)
def test_what_is_no_worker_is_left_out(store, client, words):
    store.workers.is_here(ONE)
    client.zadd("ow:workers", {words: client.time()[0] * 1000})
    assert alive(store) == (ONE,)
