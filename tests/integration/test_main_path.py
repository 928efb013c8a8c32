"""An SMS goes from a producer through a real worker to the sandbox over HTTP, and its record is in a real server."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta

import pytest
from celery import Celery
from harness import API_KEY, EITHER_API, NUMBER, STEADY, TEXT, listening, until

from octoworker.sms.record import State

DUPLICATE = {"legacy": "120", "v1": "182"}
"""What each API answers to a key that it knows."""

SHAPES = [{"OCTOPUSH_FORMAT": "json"}, {"OCTOPUSH_FORMAT": "xml"}]


@pytest.fixture
def plain(house):
    """A web app that has Celery and nothing of ours."""
    app = Celery("shop", broker=house.redis_url, backend=house.redis_url, set_as_current=False)
    yield app
    app.close()


def send(plain, **kwargs):
    return plain.send_task("octoworker.send_sms", kwargs=kwargs, queue="sms")


@pytest.mark.older_api
@pytest.mark.parametrize("house", SHAPES, indirect=True, ids=["json", "xml"])
@pytest.mark.parametrize("pool", ["threads", "prefork"])
def test_a_message_is_sent_and_recorded(house, pool):
    house.worker(pool=pool)
    record = house.ended(house.enqueue(reference="order 17"))
    shown = record.as_json()
    assert house.texts() == [TEXT]
    assert shown["state"] == "accepted"
    assert (shown["error_code"], shown["reference"], shown["currency"]) == ("000", "order 17", "EUR")
    assert shown["ticket"].startswith("api")
    assert (shown["segments"], shown["attempts"]) == (1, 1)
    assert float(shown["cost"]) > 0
    assert shown["recipients"][NUMBER]["state"] == "accepted"
    assert [move["state"] for move in shown["history"]] == ["queued", "submitting", "accepted"]


V1 = pytest.mark.parametrize("house", [{"OCTOPUSH_API": "v1"}], indirect=True, ids=["v1"])


@V1
def test_v1_tells_nothing_of_single_recipients_and_the_record_says_no_more(house):
    other = "+33612345679"
    house.worker()
    record = house.ended(house.enqueue(recipients=[NUMBER, other]))
    shown = record.as_json()
    assert (house.texts(), house.texts(other)) == ([TEXT], [TEXT])
    assert (shown["state"], shown["error_code"], shown["currency"], shown["segments"]) == ("accepted", "000", "EUR", 2)
    assert shown["ticket"].startswith("sms_")
    assert shown["account"].startswith("v1-")
    assert [(it["state"], it["cost"], it["country"]) for it in shown["recipients"].values()] == [
        ("accepted", None, None)
    ] * 2


@V1
def test_v1_says_that_it_dropped_a_number(house):
    dropped = "+33612345679"
    house.sandbox.fault(fault="partial", codes={dropped: "181"}, times=1)
    house.worker()
    record = house.ended(house.enqueue(recipients=[NUMBER, dropped]))
    assert record.reason == "Octopush took 1 of 2 numbers, and does not say which"
    assert house.texts() == [TEXT]


@V1
def test_v1_is_told_when_to_send_and_says_nothing_back(house):
    house.worker()
    at = datetime.now(UTC).replace(microsecond=0) + timedelta(days=2)
    record = house.ended(house.enqueue(send_at=at))
    assert (record.state, record.reason, record.sending_date) == (State.ACCEPTED, "", None)
    assert record.goes_out_at == at
    assert house.texts() == []


@V1
@pytest.mark.parametrize("mention", ["STOP au XXXXX", "STOP au 30101"])
def test_v1_gets_marketing_with_the_mention_that_it_wants(house, mention):
    house.environ["OCTOWORKER_HOURS"] = "off"
    house.worker()
    record = house.ended(house.enqueue(text=f"Soldes {mention}", transactional=False))
    assert (record.state, house.texts()) == (State.ACCEPTED, ["Soldes STOP au 30101"])


@V1
def test_v1_takes_a_text_of_eight_segments(house):
    house.worker()
    record = house.ended(house.enqueue(text="a" * 1224))
    assert (record.state, record.segments) == (State.ACCEPTED, 8)
    assert house.ended(house.enqueue(text="a" * 1225)).error_code == "189"


@V1
def test_v1_is_sent_no_text_that_it_would_fill_in(house):
    house.worker()
    record = house.ended(house.enqueue(text="Bonjour {first_name}"))
    assert (record.state, "first_name" in record.reason) == (State.REJECTED, True)


@EITHER_API
def test_a_simulated_message_rings_nowhere(house):
    house.environ["OCTOWORKER_SIMULATE"] = "true"
    house.worker()
    assert house.ended(house.enqueue()).state is State.ACCEPTED
    assert house.texts() == []


@EITHER_API
@pytest.mark.parametrize("beyond", ["refuse", "queue"])
def test_an_octopush_that_works_one_call_at_a_time_gets_all_of_them(house, beyond):
    house.sandbox.settings(calls_at_once=1, beyond_calls_at_once=beyond, latency=0.05)
    house.worker()
    ids = [house.enqueue(f"+3361234567{n}") for n in range(8)]
    assert {house.ended(each).state for each in ids} == {State.ACCEPTED}
    assert all(house.texts(f"+3361234567{n}") == [TEXT] for n in range(8))


@EITHER_API
def test_the_balance_is_shown(house):
    shown = json.loads(house.command("balance", "--json").stdout)
    assert float(shown["credit"]) > 0
    assert set(shown["sms"]) == {"FR", "XXX"}


def test_the_key_is_the_message_id_and_a_letter(house):
    house.worker()
    message_id = house.enqueue()
    house.ended(message_id)
    (call,) = house.sandbox.calls()
    assert call["request_id"] == f"{message_id}a"


def test_a_plain_celery_job_is_sent_and_its_result_is_the_masked_record(house, plain):
    house.worker()
    job = send(plain, recipients="06 12 34 56 78", text=TEXT, transactional=True)
    result = job.get(timeout=30)
    assert job.state == "SUCCESS"
    assert result["message_id"] == job.id.replace("-", "")
    assert house.texts() == [TEXT]
    assert NUMBER not in json.dumps(result)
    assert house.record(result["message_id"]).state is State.ACCEPTED


def test_the_same_idempotency_key_is_the_same_message(house):
    first = house.enqueue(idempotency_key="order-17")
    assert house.enqueue(idempotency_key="order-17") == first
    house.worker()
    house.ended(first)
    assert house.enqueue(idempotency_key="order-17") == first
    assert house.texts() == [TEXT]


def test_other_content_under_the_same_key_is_refused_and_kept(house, plain):
    house.worker()
    house.ended(house.enqueue(idempotency_key="order-17"))
    job = send(plain, recipients=NUMBER, text="something else", transactional=True, idempotency_key="order-17")
    until(job.ready)
    assert job.state == "FAILURE"
    assert "already belongs" in str(job.result)
    assert house.record(job.id.replace("-", "")).state is State.REJECTED
    assert house.texts() == [TEXT]


@pytest.mark.parametrize(
    ("kwargs", "named"),
    [
        ({"recipients": NUMBER, "text": "hello", "sms_type": "FR"}, "STOP au "),
        ({"recipients": "12", "text": TEXT, "transactional": True}, "recipients"),
        ({"recipients": NUMBER, "text": TEXT, "transactional": True, "priority": 1}, "priority"),
        ({"recipients": NUMBER, "text": 7, "transactional": "yes"}, "transactional"),
        ({"recipients": NUMBER, "text": TEXT, "version": 99}, "version"),
        ({"recipients": None}, "text"),
        ({}, "recipients"),
    ],
)
def test_a_job_that_cannot_be_sent_is_recorded_with_its_reason(house, plain, kwargs, named):
    worker = house.worker()
    job = send(plain, **kwargs)
    until(job.ready)
    assert job.state == "FAILURE"
    record = house.record(job.id.replace("-", ""))
    assert record.state is State.REJECTED
    assert named in record.reason
    assert worker.process.poll() is None
    assert house.sandbox.calls() == []


def test_positional_arguments_are_refused_with_a_sentence(house, plain):
    house.worker()
    job = plain.send_task("octoworker.send_sms", args=[NUMBER, TEXT], queue="sms")
    until(job.ready)
    assert "positional" in house.record(job.id.replace("-", "")).reason


@EITHER_API
def test_a_transient_refusal_is_retried_with_the_next_key(house):
    house.sandbox.fault(fault="code", code="153", times=2)
    house.worker()
    record = house.ended(house.enqueue())
    assert (record.state, record.attempts) == (State.ACCEPTED, 3)
    assert [call["request_id"][-1] for call in house.sandbox.calls()] == ["a", "b", "c"]
    assert house.texts() == [TEXT]


@EITHER_API
def test_a_lost_answer_is_asked_for_again_with_the_same_key(house):
    house.sandbox.fault(fault="reset_after", times=1)
    house.worker()
    record = house.ended(house.enqueue())
    assert record.state is State.ACCEPTED
    assert record.reason == f"Octopush already had it ({DUPLICATE[house.api]}); unconfirmed"
    assert {call["request_id"][-1] for call in house.sandbox.calls()} == {"a"}
    assert house.texts() == [TEXT]


ON_THE_WAY = (
    {"fault": "hang_after", "seconds": 3},
    {"fault": "hang_before", "seconds": 3},
    {"fault": "reset_before"},
    {"fault": "drip", "seconds": 0.2},
    {"fault": "refuse", "seconds": 0.7},
)
"""Faults of the connection, which is one for both generations: with v1 only the sockets' own tests ask for them again."""

IN_THE_ANSWER = (
    {"fault": "cut"},
    {"fault": "html", "accept": True},
    {"fault": "html", "accept": False},
    {"fault": "status", "status": 500, "accept": True},
    {"fault": "status", "status": 503, "accept": False, "retry_after": 1},
    {"fault": "status", "status": 429, "retry_after": 1},
    {"fault": "code", "code": "500"},
)
"""Each generation reads its own answers."""

FAULTS = [("legacy", fault) for fault in (*ON_THE_WAY, *IN_THE_ANSWER)] + [("v1", fault) for fault in IN_THE_ANSWER]


@pytest.mark.parametrize(
    ("house", "fault"),
    [({"OCTOPUSH_API": api}, fault) for api, fault in FAULTS],
    indirect=["house"],
    ids=["-".join([api, *map(str, fault.values())]) for api, fault in FAULTS],
)
def test_whatever_octopush_does_the_handset_rings_once(house, fault):
    house.worker()
    house.sandbox.fault(**fault)
    record = house.ended(house.enqueue())
    assert record.state is State.ACCEPTED
    assert house.texts() == [TEXT]


@pytest.mark.older_api
def test_only_the_recipients_refused_for_now_go_again(house):
    other = "+33612345679"
    house.sandbox.fault(fault="partial", codes={other: "153"}, times=1)
    house.worker()
    record = house.ended(house.enqueue(recipients=[NUMBER, other]))
    assert record.state is State.ACCEPTED
    assert {number: fate["state"] for number, fate in record.recipients.items()} == {
        NUMBER: "accepted",
        other: "accepted",
    }
    assert (house.texts(), house.texts(other)) == ([TEXT], [TEXT])


@EITHER_API
def test_no_credit_holds_the_message_without_burning_attempts(house):
    house.sandbox.fault(fault="code", code="104", times=4)
    house.worker()
    record = house.ended(house.enqueue())
    assert (record.state, record.attempts) == (State.ACCEPTED, 1)
    assert [call["call"] for call in house.sandbox.calls()].count("sms") == 5


@EITHER_API
def test_an_unknown_code_is_held_for_a_person(house):
    house.sandbox.fault(fault="code", code="777", times=-1)
    house.worker()
    message_id = house.enqueue()
    record = house.ended(message_id, State.UNKNOWN)
    assert "777" in record.reason
    assert record.due_at is None
    assert len(house.sandbox.calls()) == 1


@EITHER_API
def test_a_key_that_octopush_knows_and_we_do_not_is_left_to_a_person(house):
    """Redis lost its data, and the producer repeats its idempotency key."""
    house.worker()
    message_id = house.enqueue(idempotency_key="order-17")
    house.ended(message_id)
    house.redis.flushall()
    assert house.enqueue(idempotency_key="order-17") == message_id
    record = house.ended(message_id, State.UNKNOWN)
    assert "never used here" in record.reason
    assert house.texts() == [TEXT]


@pytest.mark.older_api
def test_a_later_message_is_handed_over_with_a_plain_epoch(house):
    house.worker()
    at = datetime.now(UTC).replace(microsecond=0) + timedelta(days=2)
    record = house.ended(house.enqueue(send_at=at))
    assert (record.state, record.sending_date) == (State.ACCEPTED, int(at.timestamp()))
    assert record.reason == ""
    assert {"sms_mode", "sending_date"} <= set(house.sandbox.calls()[0]["fields"])


def test_a_message_whose_time_has_passed_is_refused(house):
    house.worker()
    record = house.ended(house.enqueue(send_at=datetime.now(UTC) - timedelta(hours=1)))
    assert record.state is State.REJECTED
    assert "send_at" in record.reason


def test_a_held_message_waits_here_and_goes_when_due(house):
    house.worker()
    message_id = house.enqueue(send_at=time.time() + 5, hold=True)
    house.ended(message_id, State.SCHEDULED)
    assert house.sandbox.calls() == []
    assert house.ended(message_id).state is State.ACCEPTED
    assert house.texts() == [TEXT]


def test_a_held_message_can_be_cancelled(house):
    house.worker()
    message_id = house.enqueue(send_at=time.time() + 3600, hold=True)
    house.ended(message_id, State.SCHEDULED)
    assert house.store.cancel(message_id).state is State.CANCELLED


def test_a_job_that_vanished_from_the_queue_is_found(house):
    message_id = house.enqueue()
    house.redis.delete("sms.urgent")
    house.worker()
    assert house.ended(message_id).state is State.ACCEPTED


def test_plain_celery_jobs_do_not_make_the_messages_behind_them_look_lost(house, plain):
    """Their records are made when they are claimed: that instant is behind every job that stands in the queue."""
    house.sandbox.fault(fault="gate", name="door", when="before")
    first = send(plain, recipients=NUMBER, text="plain", transactional=True, lane="normal")
    behind_it = house.enqueue(lane="normal")
    house.worker(settings={**STEADY, "OCTOWORKER_CONCURRENCY": "1"})
    house.sandbox.gate_reached("door")
    for _ in range(3):
        was = house.redis.zscore("ow:due", behind_it)
        until(lambda was=was: house.redis.zscore("ow:due", behind_it) > was)
    house.sandbox.open_gate("door")
    assert house.ended(behind_it).state is State.ACCEPTED
    assert first.get(timeout=30)["state"] == "accepted"
    assert "scheduler.found" not in house.logs()
    assert house.texts() == ["plain", TEXT]


def test_a_waiting_message_shows_as_retry_in_celery(house, plain):
    house.sandbox.fault(fault="code", code="104", times=-1)
    house.worker()
    job = send(plain, recipients=NUMBER, text=TEXT, transactional=True)
    until(lambda: job.state == "RETRY")
    house.sandbox.clear_faults()
    until(lambda: job.state == "SUCCESS")


def test_nothing_shows_a_number_a_text_or_the_key(house, plain):
    house.sandbox.fault(fault="code", code="153", times=1)
    house.sandbox.fault(fault="reset_after", times=1)
    house.worker("-E")
    jobs = [
        send(plain, recipients=NUMBER, text=TEXT, transactional=True),
        send(plain, recipients=NUMBER, text=TEXT + " no mention"),
        send(plain, recipients=[NUMBER, "12"], text=TEXT),
        send(plain, recipients=NUMBER, text=TEXT, bogus=TEXT),
    ]
    plain.send_task("octoworker.no_such_task", kwargs={"recipients": NUMBER, "text": TEXT}, queue="sms")
    for job in jobs:
        until(lambda job=job: job.ready())
    house.ended(house.enqueue())
    shown = house.logs() + "".join(plain.backend.get(f"celery-task-meta-{job.id}").decode() for job in jobs)
    for secret in (NUMBER, NUMBER[1:], "MARKERTEXT", API_KEY, "612345678"):
        assert secret not in shown


def test_events_show_masked_arguments_only(house, plain):
    with listening(plain, house.redis) as seen:
        house.worker("-E")
        job = send(plain, recipients=NUMBER, text=TEXT, transactional=True)
        until(lambda: any(event["type"] == "task-succeeded" and event["uuid"] == job.id for event in seen))
    received = next(event for event in seen if event["type"] == "task-received")
    assert received["kwargs"] == "{'sms': '***'}"
    assert "612345678" not in json.dumps(seen)
    assert "MARKERTEXT" not in json.dumps(seen)


def test_fifty_claims_of_one_message_make_one_call(house):
    for _ in range(3):
        house.worker(settings={"OCTOWORKER_CONCURRENCY": "16"})
    message_id = house.enqueue()
    arguments = house.record(message_id).arguments
    for _ in range(49):
        house.client.publish(message_id, arguments, "urgent")
    house.ended(message_id)

    def all_taken():
        return house.redis.llen("sms.urgent") == 0

    def all_acknowledged():
        return house.redis.hlen("unacked") == 0

    until(all_taken)
    until(all_acknowledged)
    assert len(house.sandbox.calls()) == 1


def test_the_default_queue_of_the_web_app_is_left_alone(house, plain):
    house.worker()
    plain.send_task("shop.clean_up", queue="celery")
    house.ended(house.enqueue())
    assert house.redis.llen("celery") == 1
