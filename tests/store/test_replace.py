"""replace.lua: another content under the same key, where nothing of the one before has gone."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from store_kit import ID, REQUEST, A, B, at, look, outcome, seconds, settle, states, submitted

from octoworker.sms.opt_outs import hashes
from octoworker.sms.record import State
from octoworker.store import Done, Lease, NewMessage, QueuedJobs, Superseded, Wait
from octoworker.store.opt_outs import OptOut

TEN, NOON = at(4e9), at(4e9 + 7200)
KEYS = ("k" * 32,)


def content(text, number=A):
    return json.dumps({"recipients": number, "text": text})


def request(word, *, text="at ten", fingerprint="print", **more):
    """As a worker asks for it that has the job of this content."""
    return replace(REQUEST, payload=content(text), fingerprint=fingerprint, incarnation=word, ours=True, **more)


def put(store, text="at ten", *, word="first", fingerprint="print", lane="normal", **more):
    return store.replace(NewMessage(ID, fingerprint, content(text), **more), lane, word)


@pytest.fixture
def held(store):
    """An appointment at ten, held here."""
    put(store)
    assert isinstance(store.claim(request("first", hold_until=TEN)), Wait)
    return store


def test_what_has_this_key_the_first_time_is_taken(store):
    assert put(store) == ("created", State.QUEUED)
    assert isinstance(store.claim(request("first")), Lease)


def test_the_same_again_changes_nothing(held):
    assert put(held, word="again") == ("same", State.SCHEDULED)
    assert held.get(ID).due_at == TEN


def test_what_was_replaced_still_says_when_it_was_taken_first(held):
    before = held.get(ID).history
    put(held, "at noon", word="second", fingerprint="other")
    assert held.get(ID).history[: len(before)] == before


def test_another_time_and_text_take_the_place_of_those_before(held):
    assert put(held, "at noon", word="second", fingerprint="other") == ("replaced", State.SCHEDULED)
    assert held.get(ID).arguments["text"] == "at noon"
    held.claim(request("second", text="at noon", fingerprint="other", hold_until=NOON))
    found = held.get(ID)
    assert (found.state, found.due_at) == (State.SCHEDULED, NOON)
    assert [move.reason for move in found.history][-2:] == ["replaced by its caller", "held until due"]


@pytest.mark.parametrize("fingerprint", ["print", "other"], ids=["moved", "changed"])
def test_a_job_of_the_content_before_is_ignored(held, fingerprint):
    put(held, "at noon", word="second", fingerprint=fingerprint)
    before = held.get(ID)
    assert isinstance(held.claim(request("first")), Superseded)
    assert isinstance(held.reject(request("first"), "no sender", None), Superseded)
    assert held.get(ID) == before


def test_a_job_of_somebody_else_with_this_key_is_told_by_its_content(held):
    put(held, "at noon", word="second")
    strange = replace(request("", fingerprint="strange"), ours=False)
    assert type(held.claim(strange)).__name__ == "Conflict"
    assert isinstance(held.claim(replace(strange, fingerprint="print")), Superseded)


def test_its_jobs_after_that_carry_the_content_and_are_taken(held, client):
    put(held, "at noon", word="second")
    client.zadd("ow:due", {ID: 1})
    (wakeup,) = look(held).wakeups
    assert (wakeup.arguments["text"], wakeup.incarnation) == ("at noon", "second")
    assert held.taken([ID])[0].incarnation == "second"
    assert isinstance(held.claim(request("second")), Lease)


@pytest.mark.parametrize("end", ["cancelled", "rejected", "expired", "dead"])
def test_what_is_over_unsent_comes_back(store, end):
    put(store)
    match end:
        case "cancelled":
            store.cancel(ID)
        case "rejected":
            store.reject(request("first"), "no sender", "121")
        case "expired":
            store.claim(request("first", expires_at=at(1)))
        case "dead":
            submitted(store, request("first"), state=State.DEAD, key="unused")
    assert put(store, word="second") == ("replaced", State(end))
    found = store.get(ID)
    assert (found.state, found.error_code, found.history[-1].reason) == (
        State.QUEUED,
        None,
        "taken again by its caller",
    )
    assert isinstance(store.claim(request("second")), Lease)


def test_it_goes_out_under_the_next_key_of_octopush(store):
    put(store)
    store.cancel(ID)
    put(store, word="second")
    assert store.claim(request("second")).generation == 1


@pytest.mark.parametrize(
    ("state", "key"), [(State.ACCEPTED, "used"), (State.UNKNOWN, "used"), (State.WAITING, "used"), (State.DEAD, "used")]
)
def test_what_has_gone_or_may_have_is_left_alone(store, state, key):
    put(store)
    settle(store, store.claim(request("first")), request("first"), state=state, key=key, delay=seconds(9))
    before = store.get(ID)
    assert put(store, "at noon", word="second") == ("gone", state)
    assert store.get(ID) == before


def test_what_is_being_handed_over_is_left_alone(store):
    put(store)
    lease = store.claim(request("first"))
    assert put(store, "at noon", word="second") == ("gone", State.SUBMITTING)
    assert not store.settle(ID, lease.token, outcome(State.ACCEPTED)).fenced


def test_a_job_is_published_with_the_content_and_not_without(store, client):
    job = QueuedJobs("sms", ("a job",))
    new = NewMessage(ID, "print", content("at ten"))
    store.replace(new, "normal", "first", job)
    store.replace(new, "normal", "again", job)
    assert client.llen("sms") == 1


def test_a_stop_of_the_number_that_it_went_to_before_does_not_end_it(store):
    put(store)
    store.claim(request("first", hold_until=TEN, marketing=True, opt_outs={A: hashes(A, KEYS)}))
    store.replace(NewMessage(ID, "other", content("at ten", B)), "normal", "second")
    store.claim(request("second", fingerprint="other", hold_until=TEN, marketing=True, opt_outs={B: hashes(B, KEYS)}))
    store.opt_outs.add(hashes(A, KEYS), OptOut("stop"))
    assert store.get(ID).state is State.SCHEDULED
    store.opt_outs.add(hashes(B, KEYS), OptOut("stop"))
    assert store.get(ID).state is State.CANCELLED


def test_what_was_backlogged_leaves_its_backlog(store, client):
    store.flow_control.pause("all")
    put(store)
    store.claim(request("first"))
    assert client.zcard("ow:backlog:normal:transactional") == 1
    put(store, "at noon", word="second", lane="urgent")
    assert client.zcard("ow:backlog:normal:transactional") == 0
    assert store.get(ID).lane == "urgent"


def test_the_life_of_an_appointment(store):
    """Booked, saved again, moved, cancelled, cancelled, booked again, sent; then nothing moves it."""
    put(store, word="a")
    assert put(store, word="b")[0] == "same"
    store.claim(request("a", hold_until=TEN))
    assert put(store, "at noon", word="c", fingerprint="other")[0] == "replaced"
    store.claim(request("c", fingerprint="other", hold_until=NOON))
    store.cancel(ID)
    assert put(store, "at noon", word="d", fingerprint="other")[0] == "replaced"
    assert [type(store.claim(request(old, fingerprint=mark))) for old, mark in [("a", "print"), ("c", "other")]] == [
        Superseded,
        Superseded,
    ]
    submitted(store, request("d", fingerprint="other"))
    assert put(store, "at one", word="e", fingerprint="third") == ("gone", State.ACCEPTED)
    assert isinstance(store.claim(request("d", fingerprint="other")), Done)
    assert states(store.get(ID)) == [
        *(State.QUEUED, State.SCHEDULED, State.QUEUED, State.SCHEDULED, State.CANCELLED),
        *(State.QUEUED, State.SUBMITTING, State.ACCEPTED),
    ]
