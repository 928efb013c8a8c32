"""Single jobs that a worker takes together."""

from __future__ import annotations

import json
from base64 import b64encode

import pytest

from octoworker.client import publish
from octoworker.sms import jobs
from octoworker.worker import together

ID = "0123456789abcdef0123456789abcdef"
PAYLOAD = '{"recipients": ["+33612345678"], "text": "Bonjour"}'


def queued(**options):
    (text,) = publish.single(ID, PAYLOAD, "normal", **options).jobs
    return text.encode()


def with_body(body):
    envelope = json.loads(queued())
    return json.dumps({**envelope, "body": b64encode(json.dumps(body).encode()).decode()}).encode()


def test_a_job_of_enqueue_says_that_it_may_go_together_unless_somebody_wants_its_result():
    assert json.loads(queued())["headers"][jobs.TOGETHER] == jobs.VERSION
    assert jobs.TOGETHER not in json.loads(queued(with_result=True))["headers"]


def test_a_job_is_read_as_its_task_would_get_it():
    read = together.read(queued(incarnation="abcdef012345"))
    assert read["id"] == ID
    assert read["arguments"] == {
        **json.loads(PAYLOAD),
        "message_id": ID,
        "incarnation": "abcdef012345",
        "version": jobs.VERSION,
    }


def test_what_a_producer_sent_along_stays_with_its_own_message():
    envelope = json.loads(queued())
    envelope["headers"]["traceparent"] = "00-aa-bb-01"
    assert together.read(json.dumps(envelope).encode())["headers"]["traceparent"] == "00-aa-bb-01"


def with_headers(**headers):
    envelope = json.loads(queued())
    return json.dumps({**envelope, "headers": {**envelope["headers"], **headers}}).encode()


DEEP = "[" * 50 + "]" * 50

ODD = {
    "no body": [],
    "arguments by position": [["x"], {"message_id": ID}, {}],
    "no message's id": [[], {"text": "x"}, {}],
    "more to publish": [[], {"message_id": ID}, {"callbacks": [{"task": "x"}]}],
    "arguments that are a list": [[], [ID], {}],
    "an argument that is nested": [[], {"message_id": ID, "recipients": json.loads(DEEP)}, {}],
}


@pytest.mark.parametrize("kind", ODD)
def test_what_is_not_a_single_job_of_ours_goes_along_with_no_other(kind):
    with pytest.raises(together.UNREADABLE):
        together.read(with_body(ODD[kind]))


ODD_HEADERS = {
    "another task": {"task": jobs.BULK_TASK},
    "an id that is a list": {"id": [ID]},
    "an id that is a number": {"id": 5},
    "an id with half of a surrogate pair": {"id": "\ud800"},
    "an end that Celery keeps": {"expires": "2026-01-01T00:00:00+00:00"},
    "one that is nested": {"traceparent": json.loads(DEEP)},
}


@pytest.mark.parametrize("kind", ODD_HEADERS)
def test_a_job_with_odd_headers_goes_along_with_no_other(kind):
    with pytest.raises(together.UNREADABLE):
        together.read(with_headers(**ODD_HEADERS[kind]))


def test_a_body_that_is_written_in_another_way_is_left_to_celery():
    envelope = json.loads(queued())
    envelope["properties"]["body_encoding"] = None
    with pytest.raises(together.UNREADABLE):
        together.read(json.dumps(envelope).encode())


def test_celery_gets_one_job_that_shows_nothing_and_holds_them_all():
    some = [together.read(queued())]
    made = publish.together("sms", "tag", some)
    args, kwargs, _ = json.loads(made["body"])
    assert (args, kwargs["some"]) == ([], some)
    assert (made["headers"]["task"], made["headers"]["kwargsrepr"]) == (jobs.TOGETHER_TASK, jobs.MASKED_KWARGS)
    assert made["properties"]["delivery_tag"] == "tag"
    assert made["headers"]["id"] != publish.together("sms", "tag", some)["headers"]["id"]
