"""What Octopush holds for later is taken back and moved by real workers, whatever becomes of the call and of the worker."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest
from harness import NUMBER, STEADY, TEXT, until

from octoworker.errors import RefusedError
from octoworker.sms.record import State

HOUR = 3600.0
V1 = pytest.mark.parametrize("house", [{"OCTOPUSH_API": "v1"}], indirect=True, ids=["v1"])


@pytest.fixture
def held(house):
    """A message that Octopush holds, and a worker."""
    house.worker()
    message_id = house.enqueue(send_at=time.time() + HOUR)
    house.ended(message_id)
    return message_id


def come_of(house, message_id, *states):
    """The record once its recall stands so; None stands for "over"."""

    def there():
        record = house.record(message_id)
        return record if (record.recall.state if record.recall else None) in states else None

    return until(there)


def when_all_is_out(house):
    house.sandbox.advance(3 * HOUR)
    return house.texts()


@V1
def test_a_cancel_is_asked_for_and_octopush_cancels_it(house, held):
    house.sandbox.settings(cancel_again="refuse")
    assert house.client.store.cancel(held).state is State.ACCEPTED
    assert house.ended(held, State.CANCELLED).reason == "Octopush cancelled it"
    assert when_all_is_out(house) == []


@V1
@pytest.mark.parametrize("fault", ["reset_before", "hang_after"])
def test_a_lost_answer_is_asked_for_again_and_says_what_is_known(house, held, fault):
    house.sandbox.settings(cancel_again="accept")
    options = {"seconds": 3} if fault == "hang_after" else {}
    house.sandbox.fault(fault=fault, call="cancel", **options)
    house.client.store.cancel(held)
    record = house.ended(held, State.CANCELLED)
    assert any("may have cancelled" in move.reason for move in record.history)
    assert when_all_is_out(house) == []


@V1
def test_a_second_cancel_that_is_refused_proves_nothing_and_an_operator_decides(house, held):
    house.sandbox.settings(cancel_again="refuse")
    house.sandbox.fault(fault="reset_after", call="cancel")
    house.client.store.cancel(held)
    come_of(house, held, "needs_review")
    assert held in house.command("list", "--recalled").stdout
    assert "1 message may have been cancelled at Octopush" in house.command("doctor", check=False).stdout
    assert "look there" in house.command("status", held).stdout
    house.command("decide", held, "cancelled")
    assert house.record(held).state is State.CANCELLED
    assert when_all_is_out(house) == []


@V1
@pytest.mark.parametrize(
    ("fault", "again"),
    [(None, "refuse"), ("reset_before", "refuse"), ("reset_after", "refuse"), ("reset_after", "accept")],
)
def test_what_is_moved_rings_once_and_never_while_the_old_one_may_be_there(house, held, fault, again):
    house.sandbox.settings(cancel_again=again)
    if fault:
        house.sandbox.fault(fault=fault, call="cancel")
    due = time.time() + 2 * HOUR
    done = house.command("reschedule", held, "--at", str(due))
    assert "asks Octopush to cancel it" in done.stderr
    if come_of(house, held, None, "needs_review").recall:
        assert when_all_is_out(house) == ([] if fault == "reset_after" else [TEXT])
        return
    house.ended(held, State.ACCEPTED)
    assert abs(house.record(held).deliver_at.timestamp() - due) < 1
    house.sandbox.advance(1.5 * HOUR)
    assert house.texts() == [], "the old one is gone"
    assert when_all_is_out(house) == [TEXT]


@V1
@pytest.mark.parametrize("step", ["before_recall", "before_recall_settle"])
@pytest.mark.parametrize("moved", [False, True], ids=["cancelled", "moved"])
def test_a_worker_killed_with_it_rings_nobody_twice(house, step, moved):
    house.sandbox.settings(cancel_again="accept")
    house.worker()
    message_id = house.enqueue(send_at=time.time() + HOUR)
    house.ended(message_id)
    house.workers[0].kill()
    if moved:
        house.command("reschedule", message_id, "--at", str(time.time() + 2 * HOUR))
    else:
        house.client.store.cancel(message_id)
    flag = house.folder / "crash"
    flag.touch()
    crash = {"CRASH_AT": step, "CRASH_FLAG": str(flag), "CRASH_SIGNAL": "SIGKILL"}
    doomed = house.worker(settings={**crash, "PYTHONPATH": str(Path(__file__).parent)}, app="crashing")
    doomed.wait()
    assert house.record(message_id).state is State.ACCEPTED
    house.worker()
    come_of(house, message_id, None)
    house.ended(message_id, State.ACCEPTED if moved else State.CANCELLED)
    assert when_all_is_out(house) == ([TEXT] if moved else [])


@pytest.mark.parametrize("house", [{"OCTOPUSH_API": "v1", **STEADY}], indirect=True, ids=["v1"])
def test_a_worker_that_ends_ends_its_call_and_leaves_no_doubt(house, held):
    house.sandbox.fault(fault="gate", name="door", when="after", call="cancel")
    house.client.store.cancel(held)
    house.sandbox.gate_reached("door")
    house.workers[0].signal(signal.SIGTERM)
    house.sandbox.open_gate("door")
    house.workers[0].wait()
    record = house.record(held)
    assert (record.state, record.recall) == (State.CANCELLED, None)


@V1
def test_octopush_says_no_in_a_sentence(house, held):
    house.sandbox.settings(cancels_a_month=0)
    house.client.store.cancel(held)
    record = come_of(house, held, "refused")
    assert "1,000 times a month" in record.recall.reason
    assert when_all_is_out(house) == [TEXT]


@V1
def test_what_goes_to_three_cannot_be_taken_back(house):
    house.worker()
    numbers = [NUMBER, "+33612345679", "+33612345670"]
    message_id = house.enqueue(recipients=numbers, send_at=time.time() + HOUR)
    house.ended(message_id)
    with pytest.raises(RefusedError, match="fewer than 3 numbers"):
        house.client.store.cancel(message_id)


def test_the_older_api_says_why_it_cannot(house, held):
    done = house.command("cancel", held, check=False)
    assert (done.returncode, "whose API knows no cancel" in done.stderr) == (1, True)
    assert when_all_is_out(house) == [TEXT]


@pytest.mark.parametrize("house", [{"OCTOPUSH_API": "v1", "OCTOWORKER_HOURS": "off"}], indirect=True, ids=["v1"])
def test_an_opt_out_reaches_what_octopush_holds_and_leaves_the_other_person_theirs(house):
    other = "+33612345679"
    advert = {"text": "Soldes STOP au 30101", "transactional": False, "send_at": time.time() + HOUR}
    house.worker()
    to_one, to_two = house.enqueue(**advert), house.enqueue(recipients=[NUMBER, other], **advert)
    house.ended(to_one)
    house.ended(to_two)
    said = house.command("optout", "add", NUMBER).stdout
    assert "asks Octopush to cancel 2 more" in said
    assert house.ended(to_one, State.CANCELLED).reason == "opted_out: Octopush cancelled it"
    until(lambda: [move.state for move in house.record(to_two).history].count(State.SUBMITTING) == 2)
    house.ended(to_two, State.ACCEPTED)
    house.sandbox.advance(2 * HOUR)
    assert (house.texts(), len(house.texts(other))) == ([], 1)
