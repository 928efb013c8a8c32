"""A job that we write ourselves is the job that Celery would have written."""

from __future__ import annotations

import json
from base64 import b64decode
from datetime import timedelta

import pytest
from celery import Celery
from celery.signals import before_task_publish

from octoworker.client import elsewhere, publish
from octoworker.sms import jobs, lanes
from octoworker.store import Wakeup

CHANGES = ("delivery_tag", "reply_to", "origin", "eta")


def known(message):
    """A job without the parts that differ from one to the next, and its body."""
    body = json.loads(b64decode(message["body"]))
    parts = {**message, "body": None, "headers": dict(message["headers"]), "properties": dict(message["properties"])}
    for changing in CHANGES:
        parts["headers"][changing] = parts["properties"][changing] = None
    return parts, body


@pytest.mark.parametrize("arguments", [{}, {"recipients": ["+33612345678"], "text": 'Ça "coûte"\n5 € }{'}])
@pytest.mark.parametrize("delay", [timedelta(), timedelta(seconds=0.4)])
@pytest.mark.parametrize("lane", ["urgent", "normal", "bulk"])
def test_our_job_equals_celerys(redis_client, redis_server, arguments, delay, lane):
    app = Celery("octoworker", broker=redis_server.url, set_as_current=False)
    queue = lanes.queue_of(lane)
    app.send_task(
        jobs.TASK,
        kwargs=jobs.job_kwargs("a" * 32, arguments, published_at=17),
        task_id='job "17"',
        queue=queue,
        countdown=delay.total_seconds() or None,
        argsrepr="()",
        kwargsrepr=jobs.MASKED_KWARGS,
    )
    app.close()
    celerys = json.loads(redis_client.lpop(queue))
    wakeup = Wakeup("a" * 32, 'job "17"', lane, json.dumps(arguments), delay, published_at=17)
    (ours,) = publish.packed([wakeup], with_results=True)[queue]
    assert known(json.loads(ours)) == known(celerys)
    assert bool(json.loads(ours)["headers"]["eta"]) == bool(celerys["headers"]["eta"])


@pytest.mark.parametrize(
    ("by_job", "with_results", "ignored"), [(False, False, True), (True, False, False), (False, True, False)]
)
def test_a_job_leaves_a_result_where_somebody_may_hold_it(by_job, with_results, ignored):
    wakeup = Wakeup("a" * 32, "a" * 32, "normal", "{}", by_job=by_job)
    (job,) = publish.packed([wakeup], with_results=with_results)["sms"]
    assert bool(json.loads(job)["headers"]["ignore_result"]) is ignored
    elsewheres = elsewhere.woken(wakeup, with_results=with_results)
    assert elsewheres.with_result is not ignored


def test_each_job_has_a_delivery_of_its_own():
    wakeup = Wakeup("a" * 32, "job", "normal", "{}")
    first, second = (json.loads(job)["properties"]["delivery_tag"] for job in publish.packed([wakeup, wakeup])["sms"])
    assert first != second


def test_a_job_carries_what_belongs_to_it_and_no_other_does():
    heard = []

    def listening(headers=None, **_):
        headers["traceparent"] = "of the job that Celery made"
        heard.append(headers["id"])

    before_task_publish.connect(listening)
    jobs.CARRIERS.append(lambda headers: headers.update(traceparent="its own"))
    try:
        publish._template.cache_clear()  # noqa: SLF001 - a process that has not published yet
        first = publish.single("a" * 32, "{}", "urgent")
        jobs.CARRIERS.pop()
        second = publish.single("b" * 32, "{}", "urgent")
    finally:
        before_task_publish.disconnect(listening)
    assert heard
    assert json.loads(first.jobs[0])["headers"]["traceparent"] == "its own"
    assert "traceparent" not in json.loads(second.jobs[0])["headers"]


def crowd(size, lane="normal", apart=0.001, **changes):
    """So many messages that come due one after the other."""
    ids = [f"{n:032x}" for n in range(size)]
    return [
        Wakeup(each, changes.get("job_id", each), lane, "{}", timedelta(seconds=n * apart), published_at=17)
        for n, each in enumerate(ids)
    ]


def carried(lists):
    """The messages of each bulk job, and the instants of the bulk jobs, by queue."""
    found = {queue: [json.loads(job) for job in some] for queue, some in lists.items()}
    return {
        queue: [
            json.loads(b64decode(job["body"]))[1]["ids"] for job in some if job["headers"]["task"] == jobs.BULK_TASK
        ]
        for queue, some in found.items()
    }


def test_a_crowd_that_comes_due_shares_jobs_and_loses_nobody():
    wakeups = crowd(60, apart=0.001)
    shared = carried(publish.packed(wakeups))["sms"]
    assert sorted(each for some in shared for each in some) == [wakeup.message_id for wakeup in wakeups]
    instants = {wakeup.message_id: wakeup.delay for wakeup in wakeups}
    assert all(max(map(instants.get, some)) - min(map(instants.get, some)) <= publish.CLOSE for some in shared)
    assert len(shared) < 8


def test_a_few_that_come_due_have_jobs_of_their_own():
    lists = publish.packed(crowd(publish.CROWD - 1))
    assert len(lists["sms"]) == publish.CROWD - 1
    assert carried(lists) == {"sms": []}


def test_who_may_hold_the_result_of_a_job_of_their_own_keeps_it():
    lists = publish.packed(crowd(60, job_id="a job of the web app"))
    assert len(lists["sms"]) == 60
    assert carried(lists) == {"sms": []}


def test_lanes_do_not_share_a_job():
    lists = publish.packed([*crowd(50, "urgent"), *crowd(50, "normal"), *crowd(50, "bulk")])
    assert {queue: sum(map(len, some)) for queue, some in carried(lists).items()} == {
        "sms.urgent": 50,
        "sms": 50,
        "sms.bulk": 50,
    }
