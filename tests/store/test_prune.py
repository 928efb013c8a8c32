"""What is older than the records are kept leaves the indexes, a slice at a time."""

from __future__ import annotations

from store_kit import KEEP, id_of, seconds_of

from octoworker.store import PRUNED_AT_ONCE, SLICES_AT_ONCE


def test_what_is_older_than_the_records_are_kept_goes_and_the_rest_stays(store, client):
    now = seconds_of(client) * 1000
    client.zadd("ow:state:accepted", {id_of(1): now - KEEP * 1000 - 5000, id_of(2): now})
    assert store.prune() is False
    assert client.zrange("ow:state:accepted", 0, -1) == [id_of(2)]


def test_a_crowd_of_them_goes_in_slices_over_several_calls(store, client):
    now = seconds_of(client) * 1000
    several = PRUNED_AT_ONCE * SLICES_AT_ONCE + 5
    client.zadd("ow:state:accepted", {id_of(n): now - KEEP * 1000 - 100_000 - n for n in range(several)})
    assert store.prune() is True
    assert client.zcard("ow:state:accepted") == 5
    assert store.prune() is False
    assert client.zcard("ow:state:accepted") == 0
