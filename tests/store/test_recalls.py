"""take_recall.lua and settle_recall.lua: what Octopush holds for later is taken back, and only when Octopush says so."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from threading import Timer

import pytest
from store_kit import (
    LEASE,
    A,
    B,
    at,
    id_of,
    open_store,
    record_of,
    request,
    seconds,
    seconds_of,
    settle,
    submitted,
    told,
    woken,
)
from structlog.testing import capture_logs

from octoworker.errors import MaybeSentError, RefusedError, StoreError
from octoworker.sending.recall import Recaller
from octoworker.sending.retry import Policy
from octoworker.sending.rules import Budgets
from octoworker.sms.opt_outs import hashes
from octoworker.sms.record import State
from octoworker.store import Done, Lease, NewMessage, Word
from octoworker.store.campaigns import Stop
from octoworker.store.keys import RECALLS
from octoworker.store.limits import Caps, cap_request_of
from octoworker.store.opt_outs import OptOut

ACCOUNT, OTHER = "v1-4e5f6071", "legacy-0a1b2c3d"
HOUR, NOTICE = 3600, 600
ID = id_of(1)
PAYLOAD = json.dumps({"recipients": A, "text": "secret words", "send_at": 1.5, "expires_at": 1795680000.123457})
GONE, NO, NOTHING = Word("gone"), Word("no", "Octopush answered 157"), Word("nothing", "no answer", seconds(5))
LATER = Word("later", "no connection", seconds(5))


@pytest.fixture
def store(client):
    return open_store(client, account=ACCOUNT)


@pytest.fixture
def held(store, client):
    """Handed over, to go out in an hour."""
    hand_over(store, client)
    return store


def hand_over(store, client, **facts):
    out_at = at(seconds_of(client) + HOUR)
    each = request(1, payload=PAYLOAD, deliver_at=out_at)
    store.create(ID, each.fingerprint, "normal", PAYLOAD)
    fields = {"ticket": "sms_1", "outcomes": json.dumps({A: {"state": "accepted"}})}
    submitted(store, each, fields=fields, deliver_at=out_at, **{"recall_until": out_at - seconds(NOTICE), **facts})


def recall(store, word):
    """A worker takes it, asks Octopush, and writes what that said."""
    return store.recalls.settle(store.recalls.take(), word)


def cancelled(store, *words):
    store.cancel(ID)
    for word in words:
        recall(store, word)
    return store.get(ID)


def test_what_octopush_holds_stays_accepted_until_octopush_says_that_it_is_gone(held):
    record = held.cancel(ID)
    assert (record.state, record.recall.state) == (State.ACCEPTED, "requested")
    taken = held.recalls.take()
    assert (taken.ticket, taken.tries, held.get(ID).recall.state) == ("sms_1", 1, "calling")
    record = held.recalls.settle(taken, GONE)
    assert (record.state, record.recall) == (State.CANCELLED, None)
    assert record.recipients[A]["state"] == "cancelled"
    assert list(held.recalled(9)) == []


def test_a_web_app_is_told_once_when_octopush_has_cancelled_it(held, client):
    held.outbox.is_wanted()
    held.cancel(ID)
    assert not client.exists("ow:outbox"), "nothing has come of it yet"
    recall(held, GONE)
    ((_, fields),) = client.xrange("ow:outbox")
    assert json.loads(fields["content"])["type"] == "sms.cancelled"


def test_it_is_taken_by_one_worker_of_its_own_account(held, client):
    held.cancel(ID)
    assert open_store(client, account=OTHER).recalls.take() is None
    assert held.recalls.take() is not None
    assert held.recalls.take() is None


def test_a_no_leaves_it_with_octopush_and_says_why(held):
    record = cancelled(held, NO)
    assert (record.state, record.recall.state, record.recall.reason) == (State.ACCEPTED, "refused", NO.reason)
    assert list(held.recalls.open(9)) == []
    assert NO.reason in record.reason
    assert held.recalls.take() is None
    assert held.cancel(ID).recall.state == "requested", "it may be tried again"


def test_a_call_that_never_left_is_made_again_and_its_no_counts(held, still):
    assert cancelled(held, LATER).recall.state == "requested"
    assert held.recalls.take() is None
    still.shift(5)
    assert recall(held, NO).recall.state == "refused"


def test_a_lost_answer_is_a_doubt_and_octopush_is_asked_again(held, still):
    record = cancelled(held, NOTHING)
    assert (record.state, record.recall.state) == (State.ACCEPTED, "in_doubt")
    assert held.recalls.take() is None, "not at once"
    still.shift(5)
    assert recall(held, GONE).state is State.CANCELLED


@pytest.mark.parametrize("word", [LATER, NOTHING])
def test_a_doubt_stays_one_whatever_else_goes_wrong(held, still, word):
    cancelled(held, NOTHING)
    for _ in range(2):
        still.shift(5)
        assert recall(held, word).recall.state == "in_doubt"


def test_a_no_after_a_doubt_proves_nothing_so_an_operator_must_look(held, still):
    cancelled(held, NOTHING)
    still.shift(5)
    record = recall(held, NO)
    assert (record.state, record.recall.state) == (State.ACCEPTED, "needs_review")
    assert [each.message_id for each in held.recalled(9)] == [ID]
    assert held.recalls.take() is None
    for change in (held.cancel, lambda it: held.reschedule(it, at(4e9), "{}", max_ahead=seconds(1e10))):
        with pytest.raises(RefusedError, match="may have cancelled it"):
            change(ID)


@pytest.fixture
def reviewed(held, still):
    cancelled(held, NOTHING)
    still.shift(5)
    recall(held, NO)
    return held


def test_an_operator_who_found_it_at_octopush_leaves_it_there(reviewed):
    record = reviewed.decide(ID, sent=True)
    assert (record.state, record.recall.state, list(reviewed.recalled(9))) == (State.ACCEPTED, "refused", [])
    assert record.history[-1].reason == "an operator found it at Octopush: not cancelled"


def test_that_octopush_may_have_cancelled_it_is_said_once_and_at_once(held, still):
    def times_said():
        return sum("may have cancelled it" in move.reason for move in held.get(ID).history)

    cancelled(held, NOTHING)
    assert times_said() == 1
    still.shift(5)
    recall(held, NOTHING)
    assert times_said() == 1


def test_an_operator_who_did_not_find_it_ends_it_as_cancelled(reviewed):
    record = reviewed.decide(ID, cancelled=True)
    assert (record.state, record.recall, list(reviewed.recalled(9))) == (State.CANCELLED, None, [])


def test_what_was_to_be_moved_goes_out_when_an_operator_did_not_find_the_old_one(held, client, still):
    due = at(seconds_of(client) + 2 * HOUR)
    move(held, due)
    recall(held, NOTHING)
    still.shift(5)
    recall(held, NO)
    record = held.decide(ID, cancelled=True)
    assert (record.state, record.arguments["send_at"]) == (State.WAITING, due.timestamp())
    assert woken(held) == [1]
    assert held.claim(request(1, payload=PAYLOAD)).generation == 1


def test_it_cannot_be_given_up_for_dead(reviewed):
    with pytest.raises(RefusedError):
        reviewed.decide(ID)


def test_nothing_else_is_decided_to_be_cancelled(held):
    with pytest.raises(RefusedError):
        held.decide(ID, cancelled=True)


def test_a_receipt_ends_the_doubt(reviewed):
    told(reviewed, A, ticket="sms_1")
    record = reviewed.get(ID)
    assert (record.state, record.recall.state, list(reviewed.recalled(9))) == (State.DELIVERED, "refused", [])


def test_a_worker_that_dies_with_it_leaves_a_doubt(held, still):
    held.cancel(ID)
    held.recalls.take()
    still.shift(LEASE)
    assert recall(held, NO).recall.state == "needs_review"


def test_gone_is_a_fact_whoever_has_it_by_now(held, still):
    held.cancel(ID)
    first = held.recalls.take()
    still.shift(LEASE)
    recall(held, NO)
    held.decide(ID, sent=True)
    assert held.recalls.settle(first, GONE).state is State.CANCELLED


def test_any_other_word_of_a_worker_that_lost_it_is_fenced(held, still):
    held.cancel(ID)
    first = held.recalls.take()
    still.shift(LEASE)
    held.recalls.take()
    assert held.recalls.settle(first, NO) is None
    assert held.get(ID).recall.state == "calling"


def test_the_same_word_twice_changes_nothing_more(held):
    held.cancel(ID)
    taken = held.recalls.take()
    held.recalls.settle(taken, GONE)
    before = held.get(ID)
    assert held.recalls.settle(taken, GONE) is None
    assert held.get(ID) == before


def test_what_goes_out_too_soon_is_not_asked_for(held, still):
    still.shift(HOUR - NOTICE)
    with pytest.raises(RefusedError, match=r"cancelled it until .* and no longer"):
        held.cancel(ID)


def test_what_was_asked_for_in_time_and_not_called_in_time_is_refused(held, still):
    held.cancel(ID)
    still.shift(HOUR - NOTICE)
    assert held.recalls.take() is None
    assert "too late" in held.get(ID).recall.reason


@pytest.mark.parametrize(("word", "then"), [(LATER, "refused"), (NOTHING, "needs_review")])
def test_when_it_has_gone_out_no_machine_asks_any_more_not_even_of_an_account_without_workers(
    held, client, still, word, then
):
    cancelled(held, word)
    still.shift(HOUR)
    open_store(client, account=OTHER).recalls.take()
    assert held.get(ID).recall.state == then
    assert held.recalls.take() is None


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({"recall_until": None}, "to be sent at once"),
        ({"recall_until": None, "fields": {"no_recall": "whose API knows no cancel"}}, "knows no cancel"),
        ({"fields": {"ticket": ""}}, "at once"),
    ],
)
def test_what_cannot_be_taken_back_says_why(store, client, facts, why):
    fields = {"ticket": "sms_1", **facts.pop("fields", {})}
    out_at = at(seconds_of(client) + HOUR)
    each = request(1, payload=PAYLOAD)
    submitted(store, each, fields=fields, **{"recall_until": out_at - seconds(NOTICE), **facts})
    with pytest.raises(RefusedError, match=f"handed over to Octopush, .*{why}"):
        store.cancel(ID)


def move(store, due):
    return store.reschedule(ID, due, "{}", max_ahead=seconds(1e10))


def test_what_is_moved_goes_out_again_only_when_the_old_one_is_gone_and_under_the_next_key(held, client):
    due = at(seconds_of(client) + 2 * HOUR)
    record = move(held, due)
    assert (record.state, record.recall.send_at) == (State.ACCEPTED, due)
    assert isinstance(held.claim(request(1, payload=PAYLOAD)), Done), "the old one is still there"
    record = recall(held, GONE)
    assert (record.state, record.ticket, record.recall) == (State.WAITING, None, None)
    assert record.arguments == {**json.loads(PAYLOAD), "send_at": due.timestamp()}
    assert woken(held) == [1]
    lease = held.claim(request(1, payload=PAYLOAD))
    assert (type(lease), lease.generation, lease.key_used_before) == (Lease, 1, False)


@pytest.mark.parametrize("words", [[NO], [NOTHING, NO], [NOTHING], [LATER]])
def test_what_is_not_surely_gone_is_not_sent_again(held, client, still, words):
    move(held, at(seconds_of(client) + 2 * HOUR))
    for word in words:
        recall(held, word)
        still.shift(5)
    assert held.get(ID).state is State.ACCEPTED
    assert isinstance(held.claim(request(1, payload=PAYLOAD)), Done)


def test_the_last_word_counts_also_while_octopush_is_asked(held, client):
    first, second = (at(seconds_of(client) + n * HOUR) for n in (2, 3))
    move(held, first)
    taken = held.recalls.take()
    move(held, second)
    assert held.recalls.settle(taken, GONE).arguments["send_at"] == second.timestamp()


def test_a_cancel_counts_more_than_a_move(held, client):
    due = at(seconds_of(client) + 2 * HOUR)
    move(held, due)
    taken = held.recalls.take()
    held.cancel(ID)
    with pytest.raises(RefusedError, match="asked to cancel it"):
        move(held, due)
    assert held.recalls.settle(taken, GONE).state is State.CANCELLED


def test_a_receipt_of_the_old_one_says_nothing_of_the_new_one(held, client):
    move(held, at(seconds_of(client) + 2 * HOUR))
    recall(held, GONE)
    assert told(held, A, ticket="sms_1").outcome == "unmatched"


def test_a_message_whose_recipient_was_forgotten_is_cancelled_and_not_sent_again(held, client):
    move(held, at(seconds_of(client) + 2 * HOUR))
    client.hset(f"ow:message:{ID}", "forgotten", 1)
    assert recall(held, GONE).state is State.CANCELLED


def test_it_is_not_replayed_while_octopush_is_asked(held):
    held.cancel(ID)
    with pytest.raises(RefusedError, match="asked to cancel it"):
        held.replay(ID, force=True)


def test_what_was_cancelled_at_octopush_can_be_replayed_without_force(held):
    cancelled(held, GONE)
    assert held.replay(ID, force=False).state is State.QUEUED


def test_what_an_operator_replays_waits_for_no_word_on_its_cancel_any_more(reviewed):
    reviewed.replay(ID, force=True)
    assert (reviewed.get(ID).recall, list(reviewed.recalled(9))) == (None, [])


def test_a_late_gone_of_before_a_replay_says_nothing_of_what_goes_now(held, still):
    held.cancel(ID)
    taken = held.recalls.take()
    still.shift(LEASE)
    recall(held, NO)
    held.replay(ID, force=True)
    assert held.recalls.settle(taken, GONE) is None
    assert held.get(ID).state is State.QUEUED


def test_what_the_caps_counted_is_given_back(client):
    caps = Caps(same_text=seconds(9999))
    store = open_store(client, account=ACCOUNT, caps=caps)
    now = datetime.fromtimestamp(seconds_of(client), UTC)
    out_at = now + seconds(HOUR)
    counted = cap_request_of({A: "FR"}, "text", 1, caps, now)
    each = request(1, payload=PAYLOAD, cap_request=counted)
    submitted(store, each, fields={"ticket": "sms_1"}, deliver_at=out_at, recall_until=out_at - seconds(NOTICE))
    cancelled(store, GONE)
    assert isinstance(store.claim(request(2, cap_request=counted)), Lease)


# --- who wants no more, and whose campaign is over


def advertised(store, client, recipients=(A,), *, campaign=None):
    """Marketing that Octopush holds for an hour: as it is asked for, and the word of the call that handed it over."""
    out_at = at(seconds_of(client) + HOUR)
    payload = json.dumps({"recipients": list(recipients), "text": "Soldes STOP au XXXXX"})
    asked_of = {each: hashes(each, ()) for each in recipients}
    each = request(1, payload=payload, marketing=True, deliver_at=out_at, opt_outs=asked_of)
    store.create_many("normal", [NewMessage(ID, each.fingerprint, payload)], campaign=campaign)
    facts = {
        "fields": {"ticket": "sms_1", "outcomes": json.dumps({each: {"state": "accepted"} for each in recipients})},
        "deliver_at": out_at,
        "recall_until": out_at - seconds(NOTICE),
        "opt_outs": asked_of,
    }
    return each, facts


def says_stop(store, number=A):
    return store.opt_outs.add(hashes(number, ()), OptOut("stop"))


def test_a_stop_has_what_octopush_holds_for_that_number_taken_back(store, client):
    each, facts = advertised(store, client)
    submitted(store, each, **facts)
    assert says_stop(store, B).recalled == []
    assert says_stop(store).recalled == [ID]
    assert "opted_out: Octopush is asked" in store.get(ID).reason
    record = recall(store, GONE)
    assert (record.state, record.reason) == (State.CANCELLED, "opted_out: Octopush cancelled it")


def test_a_stop_that_comes_while_it_is_handed_over_has_it_taken_back_at_once(store, client):
    each, facts = advertised(store, client)
    lease = store.claim(each)
    says_stop(store)
    assert settle(store, lease, each, **facts).record.recall.state == "requested"
    assert recall(store, GONE).state is State.CANCELLED


def test_of_two_people_the_other_one_gets_it_all_the_same_at_its_time(store, client):
    each, facts = advertised(store, client, [A, B])
    submitted(store, each, **facts)
    assert says_stop(store).recalled == [ID]
    record = recall(store, GONE)
    assert (record.state, record.arguments["send_at"]) == (State.WAITING, facts["deliver_at"].timestamp())
    assert woken(store) == [1]
    lease = store.claim(each)
    assert (lease.pending, lease.earlier[A]["reason"]) == ((B,), "opted_out")


def test_a_stop_that_comes_too_late_for_octopush_says_so(store, client, still):
    each, facts = advertised(store, client)
    submitted(store, each, **facts)
    still.shift(HOUR - NOTICE)
    assert says_stop(store).recalled == []
    assert "too late" in store.get(ID).reason


def test_a_stop_leaves_what_has_gone_out(store, client, still):
    each, facts = advertised(store, client)
    submitted(store, each, **facts)
    still.shift(HOUR)
    before = store.get(ID)
    assert says_stop(store).recalled == []
    assert store.get(ID) == before


def test_what_somebody_moves_is_cancelled_by_a_stop(store, client):
    each, facts = advertised(store, client)
    submitted(store, each, **facts)
    move(store, at(seconds_of(client) + 2 * HOUR))
    says_stop(store)
    assert recall(store, GONE).state is State.CANCELLED


def test_the_end_of_a_campaign_has_what_octopush_holds_of_it_taken_back(store, client):
    store.campaigns.open("autumn", "")
    each, facts = advertised(store, client, campaign="autumn")
    submitted(store, each, **facts)
    assert store.campaigns.cancel("autumn") == Stop(0, 1, 0)
    assert recall(store, GONE).state is State.CANCELLED


def test_so_it_is_with_what_was_just_being_handed_over(store, client):
    store.campaigns.open("autumn", "")
    each, facts = advertised(store, client, campaign="autumn")
    lease = store.claim(each)
    assert store.campaigns.cancel("autumn") == Stop(0, 0, 1)
    assert "its campaign was cancelled" in settle(store, lease, each, **facts).record.reason
    assert recall(store, GONE).reason == "its campaign was cancelled: Octopush cancelled it"


def test_octopush_is_asked_no_more_often_in_a_month_than_it_grants(client, still):
    store = open_store(client, account=ACCOUNT, recalls_a_month=1)
    hand_over(store, client)
    cancelled(store, GONE)
    store.replay(ID, force=False)
    out_at = at(seconds_of(client) + HOUR)
    submitted(store, request(1, payload=PAYLOAD), deliver_at=out_at, recall_until=out_at, fields={"ticket": "sms_2"})
    store.cancel(ID)
    assert store.recalls.take() is None
    assert "cancels 1 messages a month, and has cancelled so many" in store.get(ID).recall.reason


def test_each_cancel_counts_once_of_what_octopush_grants(client):
    store = open_store(client, account=ACCOUNT, recalls_a_month=2)
    hand_over(store, client)
    cancelled(store, GONE)
    store.replay(ID, force=False)
    out_at = at(seconds_of(client) + HOUR)
    submitted(store, request(1, payload=PAYLOAD), deliver_at=out_at, recall_until=out_at, fields={"ticket": "sms_2"})
    assert cancelled(store, GONE).state is State.CANCELLED


@pytest.mark.parametrize("over", [False, True], ids=["while it may be cancelled", "when it is over"])
def test_a_record_that_is_none_keeps_no_other_back_and_is_set_apart(held, client, still, over):
    """Also one that goes out before it."""
    held.cancel(ID)
    for key in (RECALLS, f"{RECALLS}:{ACCOUNT}"):
        client.zadd(key, {id_of(2): 1})
    client.set(record_of(2), "no hash")
    if over:
        still.shift(HOUR + 1)
        assert held.recalls.take() is None
        assert "it went out before" in held.get(ID).reason
    else:
        assert held.recalls.take().message_id == ID
    assert client.zrange("ow:broken-records", 0, -1) == [id_of(2)]
    assert client.zscore(RECALLS, id_of(2)) is None


def test_what_was_set_apart_and_is_mended_is_asked_for_again(held, client):
    held.cancel(ID)
    client.rename(record_of(1), "kept")
    client.set(record_of(1), "no hash")
    assert held.recalls.take() is None
    client.rename("kept", record_of(1))
    assert held.recalls.take() is None
    held.cancel(ID)
    assert held.recalls.take().message_id == ID


class Octopush:
    """What Octopush is asked to take back, and an answer to it."""

    def __init__(self, answer=None):
        self.asked = []
        self.answer = answer

    def cancel(self, ticket):
        self.asked.append(ticket)
        if self.answer is not None:
            raise self.answer


PATIENCE = Policy(seconds(2), seconds(300), seconds(300), 5, account_wait=seconds(60), key_window=seconds(300))
BUDGETS = Budgets(lease=30, send=10, record=10)


def recaller(store, octopush, budgets=BUDGETS, **more):
    return Recaller(store, octopush, PATIENCE, budgets, None, **more)


class Died(BaseException):
    """The worker, at a step."""


def dies_at(fatal):
    def at_step(step):
        if step == fatal:
            raise Died

    return at_step


def test_a_worker_asks_octopush_and_writes_what_it_said(held):
    octopush = Octopush()
    worker = recaller(held, octopush)
    assert not worker.step(), "nobody wants anything taken back"
    held.cancel(ID)
    with capture_logs() as said:
        assert worker.step()
    assert (octopush.asked, held.get(ID).state) == (["sms_1"], State.CANCELLED)
    assert "sms.recall" in {each["event"] for each in said}


def test_a_worker_writes_that_the_answer_was_lost(held):
    held.cancel(ID)
    assert recaller(held, Octopush(MaybeSentError("no answer"))).step()
    assert held.get(ID).recall.state == "in_doubt"


def test_no_call_is_made_when_its_lease_might_end_before_the_answer_comes(held):
    """It took longer to take the recall than the lease leaves beside the call."""
    held.cancel(ID)
    octopush = Octopush()
    assert recaller(held, octopush, Budgets(lease=10, send=10, record=10)).step()
    assert (octopush.asked, held.get(ID).recall.state) == ([], "calling")


@pytest.mark.parametrize(("step", "asked"), [("before_recall", []), ("before_recall_settle", ["sms_1"])])
def test_a_worker_that_dies_on_the_way_leaves_a_doubt_when_its_lease_ends(held, still, step, asked):
    held.cancel(ID)
    octopush = Octopush()
    with pytest.raises(Died):
        recaller(held, octopush, at_step=dies_at(step)).step()
    assert octopush.asked == asked
    still.shift(LEASE + 1)
    assert recall(held, NO).recall.state == "needs_review", "a no after a doubt proves nothing"


def test_what_octopush_said_is_written_as_soon_as_redis_is_back(held, server):
    held.cancel(ID)
    back = Timer(0.3, lambda: setattr(server, "connected", True))

    def at_step(step):
        if step == "before_recall_settle":
            server.connected = False
            back.start()

    assert recaller(held, Octopush(), at_step=at_step).step()
    assert held.get(ID).state is State.CANCELLED


def test_a_worker_gives_up_writing_it_when_its_time_is_over(held, server):
    held.cancel(ID)

    def at_step(step):
        server.connected = step != "before_recall_settle"

    with pytest.raises(StoreError):
        recaller(held, Octopush(), Budgets(lease=30, send=10, record=0), at_step=at_step).step()
