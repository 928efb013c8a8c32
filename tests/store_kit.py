"""What the tests of the store share: a store with timings in round numbers, requests, outcomes, looks, and time that passes.

The records of these tests are in fakeredis with real Lua, unless a test asks for a real server.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from octoworker.sms.record import State
from octoworker.store import ClaimRequest, Outcome, Receipt, Slice, Store, Wakeup
from octoworker.store.keys import of_account
from octoworker.store.limits import Limits

A, B = "+33612345678", "+33612345679"
ID = "a" * 32
PAYLOAD = json.dumps({"recipients": A, "text": "secret words"})
REQUEST = ClaimRequest(ID, "print", "normal", PAYLOAD, segments=1)
DAY = "2026-11-23"

KEEP, REQUEUE_AFTER, LEASE, KEY_WINDOW, MAX_CRASHES = 1000, 60, 30, 1000, 3

INSTANTS = ("due", "lease_until", "in_doubt_since", "created", "first_attempt_at", "published_at")
"""Fields of a record that hold an instant."""

OF_FLOW_CONTROL = ("tat", "paced", "since", "until", "probe_until", "heard")


def seconds(span):
    return timedelta(seconds=span)


def at(unix_seconds):
    return datetime.fromtimestamp(unix_seconds, UTC)


def open_store(
    client, *, keep_for=KEEP, requeue_after=REQUEUE_AFTER, max_crashes=MAX_CRASHES, by_function=False, **limits
):
    """A store with these limits and no others."""
    return Store(
        client,
        keep_for=seconds(keep_for),
        requeue_after=seconds(requeue_after),
        lease=seconds(LEASE),
        key_window=seconds(KEY_WINDOW),
        max_crashes=max_crashes,
        limits=Limits(**limits),
        by_function=by_function,
    )


def id_of(n):
    return f"{n:032x}"


def record_of(n):
    """Its key in Redis."""
    return f"ow:message:{id_of(n)}"


def request(n, lane="normal", *, payload="{}", segments=1, **more):
    return ClaimRequest(id_of(n), "print", lane, payload, segments=segments, day=DAY, **more)


def outcome(state, *, generation=0, **more):
    return Outcome(state, "why", generation, day=DAY, **more)


def settle(store, lease, each, **facts):
    """Accepted, unless the facts say otherwise."""
    return store.settle(each.message_id, lease.token, outcome(facts.pop("state", State.ACCEPTED), **facts))


def submitted(store, each, **facts):
    """Claimed and settled."""
    return settle(store, store.claim(each), each, **facts)


def told(store, number, says="delivered", *, ticket="api1", word="", at="", reason="", kept="{}"):
    """A receipt, and what came of it."""
    (found,) = store.receipts([Receipt(ticket, number, says, word or says.upper(), at, reason, kept=kept)])
    return found


def failed(store, n, **more):
    """A call that never left: the breaker hears of it."""
    facts = {"state": State.WAITING, "key": "unused", "delay": seconds(1000), "health": "fault", **more}
    return submitted(store, request(n), **facts)


def verdicts(store, requests, clock=None):
    """Asked for at the same instant, or with a clock one after the other: of those that came at once anyone may be first."""
    found = []
    for each in requests:
        found.append(type(store.claim(each)))
        if clock:
            clock.shift(0.001)
    return found


def look(store, *, ahead=0.0, queues=None, size=100):
    """What a scheduler takes in one round of its looks."""
    ahead = seconds(ahead)
    found = (store.due.rescue(size, queues or {}), store.due.stage(size, ahead), store.due.release(size, ahead))
    wakeups: list[Wakeup] = [each for part in found for each in part.wakeups]
    return Slice(wakeups, any(part.full for part in found))


def woken(store, **how):
    """The numbers of the messages that a scheduler publishes."""
    return [int(wakeup.message_id, 16) for wakeup in look(store, **how).wakeups]


def released(store, *, ahead=0.0):
    """The numbers of the messages that leave their backlogs."""
    return [int(wakeup.message_id, 16) for wakeup in store.due.release(100, seconds(ahead)).wakeups]


def found(store, **how):
    """Why each of them is published."""
    return [wakeup.found for wakeup in look(store, **how).wakeups]


def states(record):
    return [move.state for move in record.history]


def seconds_of(client):
    """Redis' clock."""
    return client.time()[0]


def look_now(client, message_id):
    """As if it were time to look at it again."""
    client.zadd("ow:due", {message_id: 0})


def rewind(client, seconds, message_id=ID):
    """As if all that its record and the due set say had happened that much earlier."""
    _shift(client, f"ow:message:{message_id}", INSTANTS, seconds)
    for member, score in client.zrange("ow:due", 0, -1, withscores=True):
        client.zadd("ow:due", {member: score - seconds * 1000})


def age(client, seconds, n):
    """As if all that its record says had happened that much earlier; it is looked at when it was to be."""
    _shift(client, record_of(n), INSTANTS, seconds)


def pass_time(client, seconds, account=""):
    """As if all that flow control knows had happened that much earlier. Negative: Redis' clock jumped back."""
    for key in ("ow:flow-control", "ow:breaker"):
        _shift(client, of_account(key, account), OF_FLOW_CONTROL, seconds)


def _shift(client, key, names, seconds):
    for name in names:
        if value := client.hget(key, name):
            client.hset(key, name, float(value) - seconds * 1000)


def place_of_ticket(ticket, letters=3):
    """Its set in the index of tickets, and what its member begins with there."""
    one = other = 0
    for byte in ticket.encode():
        one, other = (one * 1000003 + byte) % 4294967291, (other * 999983 + byte) % 4294967279
    digest = f"{one:08x}{other:08x}"[::-1]
    return f"ow:ticket:{digest[:letters]}", digest[letters:]


def give_ticket(client, ticket, message_id, generation=0):
    """As a settle does that brings it."""
    place, rest = place_of_ticket(ticket)
    client.zadd(place, {f"{rest}{generation}:{message_id}": 1})


def owner_of(client, ticket):
    """Id and generation of who has it, with `:` between them; "": two have it, and so neither; None: nobody."""
    found = set()
    for letters in range(3, 7):
        place, rest = place_of_ticket(ticket, letters)
        for member, _ in client.zscan_iter(place, match=f"{rest}*"):
            generation, _, message_id = member.removeprefix(rest).partition(":")
            found.add(f"{message_id}:{generation}")
    return None if not found else "" if len(found) > 1 else found.pop()
