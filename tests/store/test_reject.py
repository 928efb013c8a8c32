"""reject.lua: what can never be sent is kept with its reason."""

from __future__ import annotations

from store_kit import REQUEST, id_of, request, woken

from octoworker.sms.record import State
from octoworker.store import Lease


def test_an_invalid_message_is_kept_with_its_reason(store):
    record = store.reject(REQUEST, "text: write something.", "107").record
    assert (record.state, record.reason, record.error_code) == (State.REJECTED, "text: write something.", "107")


def test_a_message_that_got_further_cannot_be_rejected_by_a_late_job(store):
    store.claim(REQUEST)
    assert store.reject(REQUEST, "nonsense", None).record.state is State.SUBMITTING


def test_a_rejected_message_leaves_its_backlog(store, client):
    store.flow_control.pause("all")
    store.claim(request(1))
    store.reject(request(1), "sender: set OCTOWORKER_SENDER.", None)
    store.flow_control.resume("all")
    assert client.zcard("ow:backlog:normal:transactional") == 0
    assert woken(store) == []
    store.replay(id_of(1), force=False)
    assert type(store.claim(request(1))) is Lease
