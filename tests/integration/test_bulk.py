"""Many messages in one job: each as safe as a single one."""

from __future__ import annotations

import signal

import pytest
from harness import NUMBER, TEXT, until

from octoworker.client.client import Client
from octoworker.errors import KeyConflictError
from octoworker.sms import identity, jobs
from octoworker.sms.record import State


def people(count, start=0):
    return [f"+336123{n:05d}" for n in range(start, start + count)]


def messages(count, **more):
    return [{"recipients": n, "text": TEXT, "transactional": True, "lane": "bulk", **more} for n in people(count)]


def test_many_messages_go_out_once_each_and_keep_their_own_records(house):
    house.worker()
    ids = house.client.enqueue_many(messages(250))
    assert len(set(ids)) == 250
    house.sandbox.wait(handsets=250)
    assert {house.ended(m).state for m in ids} == {State.ACCEPTED}
    assert [len(house.texts(n)) for n in people(250)] == [1] * 250
    assert len({house.record(m).ticket for m in ids}) == 250


def test_a_bad_message_does_not_take_the_others_along(house):
    house.worker()
    wanted = messages(10)
    wanted[3]["recipients"] = "+33112345678"
    wanted[5]["text"] = ""
    ids = house.client.enqueue_many(wanted)
    states = [house.ended(m).state for m in ids]
    assert [n for n, state in enumerate(states) if state is State.REJECTED] == [3, 5]
    assert states.count(State.ACCEPTED) == 8


NO_BULK_JOB = (
    ([], {}),
    ([], {"ids": "0" * 32}),
    ([["0" * 32]], {}),
    ([], {"ids": [], TEXT: 1}),
    ([], {"ids": [], "version": 99}),
    ([], {"ids": ["0" * 32] * 101}),
)


def test_what_is_no_bulk_job_of_ours_costs_one_line_of_the_log(house):
    worker = house.worker()
    for args, kwargs in NO_BULK_JOB:
        house.client.app.send_task(jobs.BULK_TASK, args=args, kwargs=kwargs, queue="sms.bulk")
    until(lambda: worker.log().count("job.unreadable") == len(NO_BULK_JOB))
    assert "Traceback" not in worker.log()
    assert TEXT not in worker.log()
    assert house.store.get("0" * 32) is None
    assert house.ended(house.enqueue()).state is State.ACCEPTED


def test_what_fails_for_now_is_tried_again_alone(house):
    house.worker()
    for number in people(4):
        house.sandbox.fault(fault="code", code="153", times=2, recipient=number)
    house.sandbox.fault(fault="reset_after", times=3)
    ids = house.client.enqueue_many(messages(40))
    assert {house.ended(m).state for m in ids} == {State.ACCEPTED}
    assert [len(house.texts(n)) for n in people(40)] == [1] * 40


def test_each_lane_has_its_own_jobs(house):
    wanted = [*messages(3), *({**each, "lane": "urgent"} for each in messages(2))]
    house.client.enqueue_many(wanted)
    assert (house.redis.llen("sms.bulk"), house.redis.llen("sms.urgent")) == (1, 1)


def test_the_same_keys_again_are_the_same_messages(house):
    wanted = [{**each, "idempotency_key": f"k{n}"} for n, each in enumerate(messages(5))]
    first = house.client.enqueue_many(wanted)
    assert house.client.enqueue_many(wanted) == first
    assert house.redis.llen("sms.bulk") == 1


def test_a_key_of_another_message_is_named_and_the_others_are_taken(house):
    house.client.enqueue_many([{**messages(1)[0], "idempotency_key": "k"}])
    wanted = [*messages(2), {**messages(1)[0], "text": "another", "idempotency_key": "k"}]
    with pytest.raises(KeyConflictError, match="message 3"):
        house.client.enqueue_many(wanted)
    assert house.redis.zcard("ow:due") == 3


def test_a_bulk_job_that_was_lost_is_found_by_the_clock(house):
    ids = house.client.enqueue_many(messages(20))
    house.redis.delete("sms.bulk")
    house.worker()
    assert {house.ended(m).state for m in ids} == {State.ACCEPTED}


def test_slow_answers_are_waited_for_side_by_side(house):
    house.sandbox.fault(fault="gate", name="stand", times=-1)
    house.worker()
    house.client.enqueue_many(messages(40))
    until(lambda: house.sandbox.gate_reached("stand") >= 4)
    house.sandbox.clear_faults()
    house.sandbox.wait(handsets=40)


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_worker_killed_in_a_bulk_job_loses_and_repeats_nothing(house, moment):
    house.sandbox.fault(fault="gate", name="stand", when=moment, times=-1)
    first = house.worker()
    ids = house.client.enqueue_many(messages(60))
    house.sandbox.gate_reached("stand")
    first.kill()
    house.sandbox.clear_faults()
    house.worker()
    assert {house.ended(m).state for m in ids} == {State.ACCEPTED}
    assert [len(house.texts(n)) for n in people(60)] == [1] * 60


def test_a_worker_that_is_stopped_ends_its_bulk_job_first(house):
    worker = house.worker()
    ids = house.client.enqueue_many(messages(100))
    house.sandbox.wait(handsets=1)
    worker.signal(signal.SIGTERM)
    worker.wait()
    house.worker()
    assert {house.ended(m).state for m in ids} == {State.ACCEPTED}
    assert [len(house.texts(n)) for n in people(100)] == [1] * 100


def test_waiting_bulk_is_rung_together_when_it_may_go(house):
    house.command("pause", "--lane", "bulk")
    house.worker()
    ids = house.client.enqueue_many(messages(30))
    until(lambda: house.redis.zcard("ow:backlog:bulk:transactional") == 30)
    house.command("resume")
    assert {house.ended(m).state for m in ids} == {State.ACCEPTED}


def test_a_bulk_job_carries_ids_alone(house):
    house.client.enqueue_many(messages(3))
    job = house.redis.lindex("sms.bulk", 0)
    import base64  # noqa: PLC0415 - here alone
    import json  # noqa: PLC0415 - here alone

    body = base64.b64decode(json.loads(job)["body"]).decode()
    assert "612300000" not in body
    assert TEXT not in body


def test_a_list_of_more_than_one_call_takes_rings_each_person_once_in_whatever_spelling(house):
    numbers = [f"+336123{n:05d}" for n in range(700)]
    again = ["06 12 30 00 00", "612300000.0 ", "'33612300000,00", numbers[1]]
    ids = house.client.enqueue_many([{"recipients": [*numbers, *again], "text": TEXT, "transactional": True}])
    house.worker()
    for each in ids:
        house.ended(each)
    rings = [text for number in house.sandbox.handsets() for text in house.texts(number)]
    assert (len(ids), len(rings)) == (2, 700)


def test_a_long_list_that_goes_on_for_another_region_rings_each_person_once(house):
    """The first part was taken, the second was not: it does not name again who is in the first by another spelling."""
    numbers = ["0612345678", *(f"+336123{n:05d}" for n in range(600)), "+33612345678"]
    asked = {"recipients": numbers, "text": TEXT, "transactional": True, "idempotency_key": "k"}
    first, second = (new for _, new in house.client.parts(asked))
    assert set(first.form["recipients"]).isdisjoint(second.form["recipients"])
    house.client.take([first.as_message(identity.message_id_for_key("k#1"))], "normal")
    later = Client({**house.environ, "OCTOWORKER_REGION": "BE"})
    ids = later.enqueue_many([asked])
    later.close()
    house.worker()
    for each in ids:
        house.ended(each)
    rings = [text for number in house.sandbox.handsets() for text in house.texts(number)]
    assert len(rings) == 601


def test_a_long_key_on_a_long_list_is_the_same_messages_again(house):
    asked = {
        "recipients": [f"06123{n:05d}" for n in range(501)],
        "text": TEXT,
        "transactional": True,
        "idempotency_key": "k" * 199,
    }
    ids = house.client.enqueue_many([asked])
    assert house.client.enqueue_many([asked]) == ids
    house.worker()
    assert {house.ended(each).state for each in ids} == {State.ACCEPTED}


def test_a_landline_in_a_list_costs_the_others_nothing(house):
    (mixed,) = house.client.enqueue_many([{"recipients": ["0112345678", NUMBER], "text": TEXT, "transactional": True}])
    alone = house.enqueue(["0112345678", NUMBER, None, "06 12 34 56 78"])
    house.worker()
    for each in (mixed, alone):
        found = house.ended(each)
        assert found.state is State.ACCEPTED
        assert found.recipients[NUMBER]["state"] == "accepted"
        assert found.recipients["0112345678"]["state"] == "rejected"
        assert "fixed line" in found.recipients["0112345678"]["reason"]
    assert house.texts() == [TEXT, TEXT]


@pytest.mark.parametrize(
    "settings", [{"OCTOWORKER_REGION": "BE"}, {"OCTOWORKER_SENDER": "Other"}, {"OCTOWORKER_SMS_TYPE": "WWW"}]
)
@pytest.mark.parametrize("door", ["enqueue", "enqueue_many"])
def test_the_same_call_is_the_same_message_after_a_setting_has_changed(house, door, settings):
    asked = {"recipients": "06 12 34 56 78", "text": TEXT, "transactional": True, "idempotency_key": "k"}
    first = house.client.enqueue(asked)
    later = Client({**house.environ, **settings})
    assert (later.enqueue(asked) if door == "enqueue" else later.enqueue_many([asked])[0]) == first
    with pytest.raises(KeyConflictError):
        later.enqueue({**asked, "text": "another"}) if door == "enqueue" else later.enqueue_many(
            [{**asked, "text": "another"}]
        )
    later.close()
    house.worker()
    house.ended(first)
    assert house.texts() == [TEXT]
