"""The log of a worker: one event per change of state, with what a person needs to follow a message; and never a failed send."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time

import pytest
from celery import Celery
from harness import API_KEY, NUMBER, TEXT, until

from octoworker import correlation
from octoworker.sms.record import State
from octoworker.telemetry import log

DEBUG = {"OCTOWORKER_LOG_LEVEL": "DEBUG"}


def events(worker, message_id=None):
    """The worker's events, of one message or all."""
    found = []
    for line in worker.log().splitlines():
        if line.startswith("{"):
            event = json.loads(line)
            if message_id in (None, event.get("message_id")):
                found.append(event)
    return found


def told(worker, message_id, *names):
    """The events of a message, once all of these have been told: a worker tells a move after it has been made."""
    assert names, "what is to be waited for"
    until(lambda: {event["event"] for event in events(worker, message_id)} >= set(names))
    return events(worker, message_id)


def test_an_accepted_message_is_one_event_with_all_that_tells_it_apart(house):
    worker = house.worker()
    message_id = house.enqueue()
    record = house.ended(message_id)
    (event,) = told(worker, message_id, "sms.accepted")
    assert (event["lane"], event["attempt"], event["code"], event["level"]) == ("urgent", 1, "000", "info")
    assert event["ticket"] == record.ticket
    assert event["job_id"] == message_id
    assert event["ms"] >= 0


def test_every_move_is_told_at_debug(house):
    # Told by two threads, each after the fact: without the two seconds between them they might tell in another order.
    house.sandbox.fault(fault="status", status=429, retry_after=2, times=1)
    worker = house.worker(settings=DEBUG)
    message_id = house.enqueue()
    moves = [move.state for move in house.ended(message_id).history]
    told(worker, message_id, "sms.accepted")
    assert [event["event"] for event in events(worker, message_id)] == [f"sms.{state}" for state in moves[1:]]


@pytest.mark.parametrize("pool", ["threads", "prefork"])
def test_a_worker_that_is_told_to_end_writes_nothing_but_events(house, pool):
    worker = house.worker(pool=pool)
    house.ended(house.enqueue())
    worker.stop()
    lines = [json.loads(line) for line in worker.log().splitlines()]
    assert [line["event"] for line in lines].count("worker.ending") == 1


def test_a_refused_message_is_told_with_the_reason_and_without_its_number(house):
    worker = house.worker()
    message_id = house.enqueue("06 12 34 56 78", sender="x")
    house.ended(message_id)
    (event,) = told(worker, message_id, "sms.rejected")
    assert "sender" in event["reason"]
    assert "12 34 56" not in worker.log()


def test_the_web_requests_id_is_in_every_event_of_its_message_also_after_a_retry(house):
    house.sandbox.fault(fault="code", code="153", times=2)
    worker = house.worker(settings=DEBUG)
    with correlation.bound("request 4711\n"):
        message_id = house.enqueue()
    other = house.enqueue(text="another")
    house.ended(message_id)
    house.ended(other)
    mine = told(worker, message_id, "sms.accepted")
    assert len(mine) > 4
    assert {event["correlation"] for event in mine} == {"request4711"}
    assert all("correlation" not in event for event in told(worker, other, "sms.accepted"))


def test_the_id_goes_with_bulk_jobs_and_with_jobs_of_other_programs(house):
    worker = house.worker()
    with correlation.bound("r-1"):
        ids = house.client.enqueue_many(
            [{"recipients": NUMBER, "text": f"n {n}", "transactional": True} for n in range(6)]
        )
    with Celery("shop", broker=house.redis_url, set_as_current=False) as shop:
        job = shop.send_task(
            "octoworker.send_sms",
            kwargs={"recipients": NUMBER, "text": TEXT, "transactional": True},
            queue="sms",
            headers={correlation.HEADER: "r-2"},
        )
    plain = job.id.replace("-", "")
    for message_id, wanted in [*((each, "r-1") for each in ids), (plain, "r-2")]:
        until(lambda message_id=message_id: house.record(message_id))
        house.ended(message_id)
        assert {event["correlation"] for event in told(worker, message_id, "sms.accepted")} == {wanted}
        assert house.record(message_id).correlation == wanted


def test_the_job_carries_the_id_in_its_headers(house):
    with correlation.bound("r-1"):
        house.enqueue()
    (job,) = house.redis.lrange("sms.urgent", 0, -1)
    assert json.loads(job)["headers"][correlation.HEADER] == "r-1"


def test_the_same_message_asked_for_by_two_requests_is_the_same_message(house):
    with correlation.bound("r-1"):
        first = house.enqueue(idempotency_key="order-17")
    with correlation.bound("r-2"):
        assert house.enqueue(idempotency_key="order-17") == first
    assert house.record(first).correlation == "r-1"


@pytest.mark.parametrize("house", [{"OCTOWORKER_MAX_CRASHES": "5"}], indirect=True)
def test_moves_that_took_no_call_are_told_too(house):
    worker = house.worker()
    held = house.enqueue(send_at=time.time() + 3600, hold=True)
    (event,) = told(worker, held, "sms.scheduled")
    assert event["due_at"]
    house.store.flow_control.pause("all")
    waiting = house.enqueue(text="paused")
    (event,) = told(worker, waiting, "sms.waiting")
    assert event["reason"] == "paused by an operator"
    expires = house.enqueue(text="expires in line", expires_at=time.time() + 4)
    house.ended(expires, State.EXPIRED)
    told(worker, expires, "sms.waiting", "sms.expired")
    late = house.enqueue(text="late", expires_at=time.time() - 5)
    end = house.ended(late, State.EXPIRED, State.REJECTED)
    told(worker, late, f"sms.{end.state}")


def test_a_worker_that_did_not_come_back_is_told_with_its_message(house):
    house.sandbox.fault(fault="gate", name="door", when="before")
    doomed = house.worker()
    with correlation.bound("r-1"):
        message_id = house.enqueue()
    house.sandbox.gate_reached("door")
    doomed.kill()
    house.sandbox.open_gate("door")
    worker = house.worker()
    house.ended(message_id)
    mine = told(worker, message_id, "scheduler.found", "sms.unknown", "sms.accepted")
    assert {event["correlation"] for event in mine} == {"r-1"}


def test_what_a_web_app_does_goes_to_its_own_log(house, caplog):
    with caplog.at_level("INFO", logger="octoworker"), correlation.bound("r-1"):
        message_id = house.enqueue(send_at=time.time() + 3600, hold=True)
        house.store.cancel(message_id)
    told_ = [(record.message, record.message_id, record.correlation) for record in caplog.records]
    assert told_ == [("sms.queued", message_id, "r-1"), ("sms.cancelled", message_id, "r-1")]
    assert NUMBER not in caplog.text


def _closed_pipe():
    reader, writer = os.pipe()
    os.close(reader)
    return writer


SINKS = {
    "a full disk": lambda: os.open("/dev/full", os.O_WRONLY),
    "a closed pipe": _closed_pipe,
    "nothing": lambda: None,
}


@pytest.mark.parametrize("pool", ["threads", "prefork"])
@pytest.mark.parametrize("sink", SINKS)
def test_logging_that_fails_does_not_touch_a_send(house, sink, pool):
    out = SINKS[sink]()
    command = [sys.executable, "-m", "octoworker", "worker", "-P", pool]
    if out is None:
        command = ["sh", "-c", 'exec "$@" >&- 2>&-', "sh", *command]
    with subprocess.Popen(command, env=house.environ | DEBUG, stdout=out, stderr=out, start_new_session=True) as worker:
        try:
            house.sandbox.fault(fault="code", code="153", times=1)
            ids = [house.enqueue(text=f"message {n}") for n in range(20)]
            assert {house.ended(message_id).state for message_id in ids} == {State.ACCEPTED}
            assert worker.poll() is None
        finally:
            worker.terminate()
            worker.wait(30)
            if out is not None:
                os.close(out)
    assert len(house.texts()) == 20


def test_a_renderer_that_fails_drops_the_line(capsys):
    from octoworker.telemetry import log  # noqa: PLC0415 - configured here alone

    class Unprintable:
        def __repr__(self):
            raise ValueError(API_KEY)

    log.configure("json", "INFO")
    log.event("sms.accepted", odd=Unprintable())
    log.event("sms.accepted")
    assert capsys.readouterr().err.count("\n") <= 1


def test_a_bug_is_told_by_its_place_and_not_by_its_words():
    with pytest.raises(ValueError, match=TEXT) as bug:
        int(TEXT)
    assert log.where(bug.value).startswith(f"{__file__}:")
    assert TEXT not in log.where(bug.value)
