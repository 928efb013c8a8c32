"""claim.lua: what the rules of its countries say of a message stands in its record, and whom they refuse gets none."""

from __future__ import annotations

import json
from dataclasses import replace

from store_kit import A, B, request, seconds, submitted

from octoworker.sms.opt_outs import hashes
from octoworker.sms.record import State
from octoworker.store import Lease
from octoworker.store.opt_outs import OptOut

REMARK = {"kind": "shortener", "country": "FR", "does": "warn", "people": 1, "says": "Use another link."}
REFUSED = "destination:shortener"


def judged(recipients=(A, B), refused=(), **more):
    payload = json.dumps({"recipients": list(recipients), "text": "hi"})
    return replace(
        request(1, payload=payload, **more),
        opt_outs={each: hashes(each, ()) for each in recipients},
        refused=dict.fromkeys(refused, REFUSED),
        refusal="FR: Use another link.",
        remarks=[REMARK],
    )


def test_what_is_warned_of_stands_in_the_record_and_goes_all_the_same(store):
    each = judged()
    assert isinstance(store.claim(each), Lease)
    assert list(store.get(each.message_id).remarks) == [REMARK]


def test_whom_a_rule_refuses_gets_none_and_the_others_theirs(store):
    lease = store.claim(judged(refused=[A]))
    assert lease.pending == (B,)
    assert lease.earlier == {A: {"state": "rejected", "reason": REFUSED}}


def test_a_message_whose_people_are_all_refused_is_rejected_with_what_to_do(store):
    done = store.claim(judged(refused=[A, B]))
    assert (done.record.state, done.record.reason) == (State.REJECTED, "FR: Use another link.")


def test_of_who_said_stop_that_is_the_reason(store):
    store.opt_outs.add(hashes(A, ()), OptOut("stop"))
    lease = store.claim(judged(refused=[A], marketing=True))
    assert lease.earlier[A]["reason"] == "opted_out"


def test_a_message_that_may_have_been_sent_is_asked_for_again_as_it_was(store):
    each = judged()
    submitted(store, each, state=State.UNKNOWN, delay=seconds(0))
    assert store.claim(judged(refused=[A, B])).pending == ()


def test_the_event_says_what_the_record_says(store, client):
    store.outbox.is_wanted()
    submitted(store, judged())
    ((_, fields),) = client.xrange("ow:outbox")
    assert json.loads(fields["content"])["data"]["remarks"] == [REMARK]
