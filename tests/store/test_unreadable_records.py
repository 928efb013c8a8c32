"""A record that no script can handle: it stops no other message, comes again in no loop, and an operator sees it."""

from __future__ import annotations

import pytest
from store_kit import id_of, look, look_now, record_of, request, rewind

from octoworker.errors import RecordError

BROKEN = {
    "a key of another type": lambda client, key: (client.delete(key), client.set(key, "no hash")),
    "a count that is a word": lambda client, key: client.hset(key, mapping={"crashes": "many", "state": "submitting"}),
}


@pytest.mark.parametrize("how", BROKEN)
def test_it_stops_no_other_message_and_is_looked_at_once(store, client, how):
    for n in (1, 2):
        store.create(id_of(n), "print", "normal", "{}")
    rewind(client, 61, id_of(2))
    BROKEN[how](client, record_of(1))
    for n in (1, 2):
        look_now(client, id_of(n))
    assert [int(wakeup.message_id, 16) for wakeup in look(store).wakeups] == [2]
    assert client.zrange("ow:broken-records", 0, -1) == [id_of(1)]
    assert client.zscore("ow:due", id_of(1)) is None


def test_one_that_is_due_is_set_apart_as_well(store, client):
    store.create(id_of(1), "print", "normal", "{}")
    client.hset(record_of(1), mapping={"state": "scheduled", "due": "tomorrow"})
    client.delete("ow:state:scheduled")
    client.set("ow:state:scheduled", "no zset")
    look_now(client, id_of(1))
    look(store)
    assert client.zrange("ow:broken-records", 0, -1) == [id_of(1)]


def test_a_claim_of_it_is_told_from_a_redis_that_is_away(store, client):
    client.set(record_of(1), "no hash")
    with pytest.raises(RecordError):
        store.claim(request(1))
