"""Single messages of which several wait: a worker takes them together, and each is as safe as alone."""

from __future__ import annotations

import json

import pytest
from harness import NUMBER, TEXT, until

from octoworker import correlation
from octoworker.client import publish
from octoworker.errors import StoreError
from octoworker.sms import jobs
from octoworker.sms.record import State
from octoworker.store import keys
from octoworker.store.scripts import Scripts

PEOPLE = [f"+336123{n:05d}" for n in range(24)]


def crowd(house, **more):
    """Messages of single `enqueue` calls, which stand in the queue of their lane."""
    return [house.enqueue(recipients=number, **more) for number in PEOPLE]


def taken_together(house):
    """How often several were: only that cuts a queue."""
    return house.redis.info("commandstats").get("cmdstat_ltrim", {}).get("calls", 0)


def rings(house):
    return [len(house.texts(number)) for number in PEOPLE]


@pytest.mark.parametrize("lane", ["urgent", "normal", "bulk"])
def test_a_crowd_goes_out_together_and_each_message_once(house, lane):
    ids = crowd(house, lane=lane)
    house.worker()
    assert {house.ended(each).state for each in ids} == {State.ACCEPTED}
    assert rings(house) == [1] * len(PEOPLE)
    assert taken_together(house) > 0
    until(lambda: house.redis.hlen("unacked") == house.redis.zcard("unacked_index") == 0)


def test_a_message_alone_goes_by_itself(house):
    house.worker()
    for number in PEOPLE[:4]:
        assert house.ended(house.enqueue(recipients=number)).state is State.ACCEPTED
    assert taken_together(house) == 0


def test_one_that_is_cancelled_refused_or_gone_takes_no_other_along(house):
    ids = crowd(house)
    house.store.cancel(ids[3])
    ids[5] = house.enqueue(recipients=PEOPLE[5], sender="a sender that is much too long")
    house.redis.delete(keys.record(ids[7]))
    house.redis.zrem(keys.DUE, ids[7])
    house.worker()
    states = {number: house.ended(each).state for number, each in zip(PEOPLE, ids, strict=True)}
    other = {PEOPLE[3]: State.CANCELLED, PEOPLE[5]: State.REJECTED, PEOPLE[7]: State.DEAD}
    assert states == dict.fromkeys(PEOPLE, State.ACCEPTED) | other
    assert taken_together(house) > 0
    assert [len(house.texts(number)) for number in (PEOPLE[3], PEOPLE[7])] == [0, 0]


def test_each_keeps_the_web_request_that_asked_for_it(house):
    ids = {}
    for number in PEOPLE:
        with correlation.bound(f"request-{number}"):
            ids[number] = house.enqueue(recipients=number)
    house.worker()
    for number, message_id in ids.items():
        assert house.ended(message_id).correlation == f"request-{number}"
    accepted = [json.loads(line) for line in house.logs().splitlines() if '"sms.accepted"' in line]
    assert {each["message_id"]: each["correlation"] for each in accepted} == {
        message_id: f"request-{number}" for number, message_id in ids.items()
    }


def test_one_whose_result_somebody_holds_and_one_of_an_older_producer_go_along_by_themselves(house):
    ids = crowd(house)
    kwargs = {"recipients": NUMBER, "text": TEXT, "transactional": True}
    result = house.client.app.send_task(jobs.TASK, kwargs=kwargs, queue="sms.urgent")
    older = json.loads(house.redis.lindex("sms.urgent", -1))
    del older["headers"][jobs.TOGETHER]
    house.redis.lset("sms.urgent", -1, json.dumps(older))
    house.worker()
    assert {house.ended(each).state for each in (*ids, result.id.replace("-", ""))} == {State.ACCEPTED}
    assert rings(house) == [1] * len(PEOPLE)
    until(lambda: house.redis.exists(f"celery-task-meta-{result.id}"))


STRANGE = {
    "nested deep": {"recipients": json.loads("[" * 900 + "]" * 900)},
    "half of a surrogate pair": {"reference": "\ud800", "recipients": []},
    "no numbers": {"text": 5, "recipients": {"a": 1}, "lane": ["urgent"]},
}


def of_a_stranger(message_id, arguments, **headers):
    """A job that says of itself that it may go together with others."""
    (text,) = publish.single(message_id, json.dumps(arguments), "urgent").jobs
    job = json.loads(text)
    return json.dumps({**job, "headers": {**job["headers"], **headers}})


def test_jobs_of_a_stranger_take_none_of_a_crowd_along(house):
    ids = crowd(house)
    for n, arguments in enumerate(STRANGE.values()):
        house.redis.rpush("sms.urgent", of_a_stranger(f"{n:032d}", arguments))
    house.redis.rpush("sms.urgent", of_a_stranger("3" * 32, {}, id=["3"]))
    house.worker()
    assert {house.ended(each).state for each in ids} == {State.ACCEPTED}
    assert taken_together(house) > 0
    until(lambda: house.redis.hlen("unacked") == house.redis.llen("sms.urgent") == 0)
    assert "sms.store_unavailable" not in house.logs()


ENTRY = {"id": "1" * 32, "arguments": {"message_id": "1" * 32, "recipients": NUMBER, "text": TEXT}, "headers": {}}

NO_ENTRIES = {
    "one that could be ours": [ENTRY],
    "no list": 5,
    "no dicts": [[ENTRY]],
    "nothing in them": [{}],
    "headers that are none": [{**ENTRY, "headers": ["x"]}],
    "an id that is none": [{**ENTRY, "id": ["x"]}],
    "arguments without a message": [{**ENTRY, "arguments": {"message_id": 5}}],
    "thousands": [ENTRY] * 5000,
}


def test_a_job_of_many_that_no_worker_made_is_set_aside_and_sends_nothing(house):
    worker = house.worker()
    for some in NO_ENTRIES.values():
        house.client.app.send_task(jobs.TOGETHER_TASK, kwargs={"some": some}, queue="sms.urgent")
    house.client.app.send_task(jobs.TOGETHER_TASK, args=[1], kwargs={"other": 1}, queue="sms.urgent")
    in_old_form = {"task": jobs.TOGETHER_TASK, "id": "4" * 32, "args": [], "kwargs": {"some": [ENTRY]}}
    with house.client.app.producer_or_acquire() as producer:
        producer.publish(in_old_form, routing_key="sms.urgent", exchange="", serializer="json")
    message_id = house.enqueue()
    sent = len(NO_ENTRIES) + 2
    until(lambda: house.redis.llen(keys.JOBS_SET_ASIDE) == sent)
    assert house.ended(message_id).state is State.ACCEPTED
    assert house.texts() == [TEXT]
    assert house.record("1" * 32) is None
    until(lambda: house.logs().count("job.unreadable") == sent)
    assert "Traceback" not in worker.log()
    until(lambda: house.redis.hlen("unacked") == house.redis.zcard("unacked_index") == 0)


def test_a_crowd_that_is_paused_waits_and_goes_on(house):
    house.store.flow_control.pause("all")
    ids = crowd(house, lane="normal")
    house.worker()
    until(lambda: {house.record(each).state for each in ids} == {State.WAITING})
    house.store.flow_control.resume("all")
    assert {house.ended(each).state for each in ids} == {State.ACCEPTED}
    assert rings(house) == [1] * len(PEOPLE)


def test_a_full_redis_takes_no_job_of_a_crowd_away(house):
    crowd(house)
    waiting = house.redis.lrange("sms.urgent", 0, -1)
    places = ["unacked_index", "unacked", keys.DELIVERIES, keys.JOBS_SET_ASIDE, "sms.urgent"]
    sharing = [jobs.TOGETHER, jobs.VERSION, jobs.BULK_TASK, 1, 1_000_000]
    house.redis.config_set("maxmemory", 1)
    with pytest.raises(StoreError):
        Scripts(house.redis).run("take", places, [3, 1000, 10, *sharing, 100])
    house.redis.config_set("maxmemory", 0)
    assert house.redis.lrange("sms.urgent", 0, -1) == waiting
    assert house.redis.exists("unacked", "unacked_index") == 0
