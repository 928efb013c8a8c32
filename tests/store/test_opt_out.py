"""opt_out.lua, and what claim.lua asks of the list: who wants no more gets no more marketing."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from store_kit import A, B, at, id_of, record_of, request, seconds, seconds_of, settle, submitted

from octoworker.sms.opt_outs import hashes
from octoworker.sms.record import State
from octoworker.store import Lease
from octoworker.store.inbox import Arrival
from octoworker.store.opt_outs import OptOut

KEYS = ("k" * 32,)
STOP = OptOut("stop", ticket="api1")
ALL = OptOut("operator", "all")


def marketing(n=1, recipients=(A,), *, keys=KEYS, transactional=False, **more):
    """To these, as a worker with these keys asks for it."""
    payload = json.dumps({"recipients": list(recipients), "text": "Soldes STOP au XXXXX"})
    asked = request(n, payload=payload, marketing=not transactional, **more)
    return replace(asked, opt_outs={each: hashes(each, keys) for each in recipients})


def says_stop(store, number=A, entry=STOP, keys=KEYS):
    return store.opt_outs.add(hashes(number, keys), entry).cancelled


def test_marketing_to_who_said_stop_is_rejected(store):
    says_stop(store)
    done = store.claim(marketing())
    assert (done.record.state, done.record.reason) == (State.REJECTED, "opted_out")
    assert done.record.recipients[A]["state"] == "rejected"


def test_of_many_recipients_only_they_are_left_out(store):
    says_stop(store)
    each = marketing(recipients=[A, B])
    lease = store.claim(each)
    assert lease.pending == (B,)
    assert lease.earlier == {A: {"state": "rejected", "reason": "opted_out"}}


@pytest.mark.parametrize(("entry", "goes"), [(STOP, True), (ALL, False)])
def test_what_is_no_marketing_goes_unless_they_want_nothing_at_all(store, entry, goes):
    says_stop(store, entry=entry)
    assert isinstance(store.claim(marketing(transactional=True)), Lease) == goes


def test_a_message_that_may_have_been_sent_is_asked_for_again_as_it_was(store):
    each = marketing(recipients=[A, B])
    submitted(store, each, state=State.UNKNOWN, delay=seconds(0))
    says_stop(store)
    assert store.claim(each).pending == ()


def test_a_stop_between_two_tries_leaves_the_rest_to_the_others(store):
    each = marketing(recipients=[A, B])
    submitted(store, each, state=State.WAITING, key="next", delay=seconds(0))
    says_stop(store)
    assert store.claim(each).pending == (B,)


def test_who_has_it_already_keeps_it_and_the_rest_who_said_stop_gets_nothing(store):
    each = marketing(recipients=[A, B])
    reached = {A: {"state": "accepted"}, B: {"state": "waiting"}}
    fields = {"outcomes": json.dumps(reached), "pending": json.dumps([B]), "ticket": "api1"}
    submitted(store, each, state=State.WAITING, key="next", delay=seconds(0), fields=fields)
    says_stop(store, B)
    record = store.claim(each).record
    assert record.state is State.ACCEPTED
    assert {number: each["state"] for number, each in record.recipients.items()} == {A: "accepted", B: "rejected"}


# --- what is held


def held(store, client, n=1, recipients=(A,), **more):
    each = marketing(n, recipients, hold_until=at(seconds_of(client) + 86400), **more)
    assert store.claim(each).record.state is State.SCHEDULED
    return each


def test_a_stop_cancels_the_marketing_that_is_held_for_that_number(store, client):
    held(store, client)
    held(store, client, 2, [B])
    assert says_stop(store) == [id_of(1)]
    assert [(store.get(id_of(n)).state, store.get(id_of(n)).reason) for n in (1, 2)] == [
        (State.CANCELLED, "opted_out"),
        (State.SCHEDULED, "held until due"),
    ]
    assert client.zscore("ow:due", id_of(1)) is None


def test_a_stop_cancels_what_stands_in_a_backlog(store):
    store.flow_control.pause("all")
    store.claim(marketing())
    assert says_stop(store) == [id_of(1)]
    store.flow_control.resume("all")
    assert store.due.release(10, seconds(0)).wakeups == []


def test_a_stop_leaves_what_is_no_marketing_and_what_is_on_its_way(store, client):
    each = marketing(1, transactional=True, hold_until=at(seconds_of(client) + 86400))
    store.claim(each)
    lease = store.claim(marketing(2))
    assert says_stop(store) == []
    assert settle(store, lease, request(2)).record.state is State.ACCEPTED


def test_of_a_held_message_to_many_only_they_are_left_out_once_it_is_due(store, client):
    each = held(store, client, 1, [A, B])
    assert says_stop(store) == []
    client.hset(record_of(1), "due", 0)
    assert store.claim(replace(each, hold_until=None)).pending == (B,)


# --- the list


def test_the_first_stop_counts_and_the_widest_scope(store, client):
    says_stop(store)
    first = store.opt_outs.find(hashes(A, KEYS))
    says_stop(store, entry=ALL)
    assert store.opt_outs.find(hashes(A, KEYS)) == replace(first, scope="all")
    says_stop(store)
    assert store.opt_outs.find(hashes(A, KEYS)).scope == "all"


def test_a_key_that_was_set_or_changed_since_forgets_nobody(store):
    says_stop(store, A, keys=())
    says_stop(store, B, keys=("o" * 32,))
    for number in (A, B):
        asked = marketing(1 if number == A else 2, [number], keys=("n" * 32, "o" * 32))
        assert store.claim(asked).record.reason == "opted_out"


def test_no_number_stands_in_the_list(store, client):
    says_stop(store)
    assert A[3:] not in str(client.hgetall("ow:opt-outs"))


def test_a_number_that_is_taken_out_gets_marketing_again(store):
    says_stop(store)
    assert store.opt_outs.remove(hashes(A, KEYS))
    assert isinstance(store.claim(marketing()), Lease)


def test_a_stop_holds_from_when_it_is_stored_before_anybody_has_processed_it(store):
    entry = {"hashes": hashes(A, KEYS), "entry": STOP.as_json()}
    store.inbox.put([Arrival("{}", "e1", "stop", opt_out=entry)])
    assert store.claim(marketing()).record.reason == "opted_out"


def test_what_is_exported_is_put_back_as_it_was(store, client):
    says_stop(store)
    kept = list(store.opt_outs.all())
    client.delete("ow:opt-outs")
    store.opt_outs.put(kept)
    assert list(store.opt_outs.all()) == kept


@pytest.mark.parametrize(("listens", "event_id", "kept"), [(True, "e1", 1), (True, "", 0), (False, "e1", 0)])
def test_an_opt_out_is_an_event_for_whoever_listens(store, client, listens, event_id, kept):
    if listens:
        store.outbox.is_wanted()
    store.opt_outs.add(hashes(A, KEYS), STOP, event_id=event_id, number=A)
    assert client.xlen("ow:events") == kept
