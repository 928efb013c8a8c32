"""Everything at once, by dice (`dice/game.py`); and what a Redis that is full refuses."""

from __future__ import annotations

import json
import os
from functools import partial

import pytest
from dice.game import Game
from store_kit import at, seconds, told

from octoworker.errors import StoreError
from octoworker.sms.record import State
from octoworker.store import ClaimRequest, Recall, Store, Word, keys
from octoworker.store import Outcome as Settlement
from octoworker.store.erasure import Person
from octoworker.store.inbox import Arrival
from octoworker.store.limits import Limits

GAMES = int(os.environ.get("GAMES", "36"))
"""`make dice GAMES=1000` plays more of them."""
AT_ONCE = 6
NUMBER = "+33612345600"
LATER = at(4e9)


@pytest.mark.timeout(GAMES * 30)
@pytest.mark.parametrize("first", range(0, GAMES, AT_ONCE))
def test_whatever_happens_no_handset_rings_twice_and_every_message_ends(first):
    for seed in range(first, min(first + AT_ONCE, GAMES)):
        game = Game(seed)
        try:
            game.play(60)
            game.all_ends_when_all_is_well()
        except BaseException as error:
            error.add_note(f"seed {seed}")
            raise
        finally:
            game.close()


def raised(found):
    """One of many that failed comes back as its error."""
    if isinstance(found, StoreError):
        raise found


def everything_in(client):
    return {key: client.dump(key) for key in client.keys("*")}


@pytest.mark.parametrize(
    "act",
    [
        lambda store: store.create("a" * 32, "print", "normal", "{}"),
        lambda store: store.claim(ClaimRequest("a" * 32, "print", "normal", "{}")),
        lambda store: store.claim(ClaimRequest("1" * 32, "print", "normal", "{}")),
        lambda store: store.settle("2" * 32, 1, Settlement(State.ACCEPTED, "", 0, fields={"ticket": "api1"})),
        lambda store: store.settle(
            "2" * 32, 1, Settlement(State.WAITING, "", 0, key="next", backlog="normal:transactional")
        ),
        lambda store: store.reject(ClaimRequest("3" * 32, "print", "normal", "{}"), "no", None),
        lambda store: store.cancel("3" * 32),
        lambda store: raised(told(store, NUMBER, ticket="api4")),
        lambda store: raised(told(store, NUMBER, ticket="nobody's")),
        lambda store: store.inbox.put([Arrival("{}", "e1", "receipt")]),
        lambda store: store.replay("4" * 32, force=True),
        lambda store: store.decide("5" * 32, sent=True),
        lambda store: store.cancel("7" * 32),
        lambda store: store.reschedule("7" * 32, LATER, "{}", max_ahead=seconds(1e10)),
        lambda store: store.recalls.take(),
        *(
            partial(lambda word, store: store.recalls.settle(Recall("8" * 32, 1, "api8", 0, 1), Word(word)), word)
            for word in ("gone", "no", "later", "nothing")
        ),
        lambda store: store.people.forget(Person(lambda _: True, "345600", lambda _: [])),
        lambda store: store.due.rescue(9, {"normal": "nothing"}),
        lambda store: store.due.stage(9, seconds(9)),
        lambda store: store.due.release(9, seconds(9)),
    ],
)
def test_a_full_redis_refuses_a_change_whole(redis_client, act):
    """Backlogged (3), queued (1), submitting (2), accepted (4), left to an operator (5), due (6), held by Octopush (7), which is
    asked to cancel one (8) and is to be asked for another (9): nothing is left half done."""
    store = Store(
        redis_client,
        keep_for=seconds(1000),
        requeue_after=seconds(1),
        lease=seconds(30),
        key_window=seconds(1000),
        max_crashes=3,
        limits=Limits(account="v1-1"),
    )
    for digit in "123456789":
        store.create(digit * 32, "print", "normal", json.dumps({"recipients": NUMBER}))
    for digit in "245789":
        store.claim(ClaimRequest(digit * 32, "print", "normal", "{}"))
    store.settle("4" * 32, 1, Settlement(State.ACCEPTED, "", 0, fields={"ticket": "api4"}))
    store.settle("5" * 32, 1, Settlement(State.UNKNOWN, "", 0))
    held = Settlement(State.ACCEPTED, "", 0, fields={"ticket": "api8"}, deliver_at=LATER, recall_until=LATER)
    for digit in "789":
        store.settle(digit * 32, 1, held)
    store.cancel("8" * 32)
    store.recalls.take()
    store.cancel("9" * 32)
    store.flow_control.pause("all")
    store.claim(ClaimRequest("3" * 32, "print", "normal", "{}"))
    store.flow_control.resume("all")
    store.claim(ClaimRequest("6" * 32, "print", "normal", "{}", hold_until=at(redis_client.time()[0] + 5)))
    redis_client.zadd(keys.DUE, {"1" * 32: 0})
    before = everything_in(redis_client)
    redis_client.config_set("maxmemory", "1")
    try:
        with pytest.raises(StoreError):
            act(store)
    finally:
        redis_client.config_set("maxmemory", "0")
    assert everything_in(redis_client) == before
