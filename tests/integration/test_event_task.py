"""A web app's own Celery task is called with each event, by its name, in the web app's own queue."""

from __future__ import annotations

import base64
import json

import pytest
from harness import NUMBER, TEXT, until

from octoworker.sms.record import State

TOLD = {"OCTOWORKER_EVENT_TASK": "shop.sms_event", "OCTOWORKER_EVENT_QUEUE": "shop"}


def calls(house):
    """(name of the task, its arguments) of each job that stands in the web app's queue, oldest first."""
    found = []
    for text in reversed(house.redis.lrange("shop", 0, -1)):
        job = json.loads(text)
        (arguments, _, _) = json.loads(base64.b64decode(job["body"]))
        found.append((job["headers"]["task"], arguments))
    return found


@pytest.mark.parametrize("house", [TOLD], indirect=True)
def test_a_message_that_ends_is_told_with_the_callers_own_words(house):
    house.worker()
    until(lambda: house.redis.exists("ow:events-to"))
    message_id = house.enqueue(reference="order 4711")
    house.ended(message_id)
    ((task, (event,)),) = until(lambda: calls(house))
    assert (task, event["id"], event["type"]) == ("shop.sms_event", f"evt_{message_id}_1", "sms.accepted")
    assert event["data"] == {
        "message_id": message_id,
        "state": "accepted",
        "reason": "",
        "error_code": "000",
        "recipient_index": None,
        "campaign": None,
        "sequence": 1,
        "reference": "order 4711",
    }
    assert NUMBER not in str(event)
    assert TEXT not in str(event)
    until(lambda: house.redis.xlen("ow:outbox") == 0)


@pytest.mark.parametrize("house", [TOLD], indirect=True)
def test_events_that_a_worker_took_when_it_was_killed_are_sent_by_another_under_the_same_id(house):
    house.store.outbox.is_wanted()
    held = house.enqueue(send_at="2027-01-04T10:00:00+01:00", hold=True)
    house.client.store.cancel(held)
    assert len(house.store.outbox.take("a worker that dies", 0)) == 1
    house.worker()
    ((_, (event,)),) = until(lambda: calls(house))
    assert (event["id"], event["type"]) == (f"evt_{held}_1", "sms.cancelled")


@pytest.mark.parametrize("house", [TOLD], indirect=True)
def test_kills_lose_no_event_and_repeat_them_only_under_the_same_id(house):
    """Workers are killed while forty messages go; each message has exactly the events of its moves."""
    house.store.outbox.is_wanted()
    ids = [house.enqueue(text=f"nr {n}") for n in range(40)]
    for _ in range(3):
        worker = house.worker()
        before = len(calls(house))
        until(lambda before=before: len(calls(house)) > before or house.redis.zcard("ow:due") == 0)
        worker.kill()
    house.worker()
    for each in ids:
        assert house.ended(each).state is State.ACCEPTED
    until(lambda: house.redis.xlen("ow:outbox") == 0)
    events = {event["id"]: event for _, (event,) in calls(house)}
    accepted = [event["data"]["message_id"] for event in events.values() if event["type"] == "sms.accepted"]
    assert sorted(accepted) == sorted(ids)


@pytest.mark.parametrize("house", [TOLD], indirect=True)
def test_a_web_app_that_lost_what_it_had_taken_gets_it_again_under_the_same_id(house):
    house.worker()
    until(lambda: house.redis.exists("ow:events-to"))
    message_id = house.enqueue()
    house.ended(message_id)
    until(lambda: calls(house))
    house.redis.delete("shop")
    assert "can be sent again: 1 events" in house.command("events", "list").stdout
    assert house.command("events", "replay", "--since", "2020-01-01T00:00Z", "--failed").stdout.startswith("0 ")
    assert house.command("events", "replay", "--since", "2020-01-01T00:00Z").stdout == "1 events are sent again.\n"
    ((_, (event,)),) = until(lambda: calls(house))
    assert event["id"] == f"evt_{message_id}_1"


def test_without_the_setting_nothing_is_written(house):
    house.worker()
    house.ended(house.enqueue())
    assert house.redis.keys("ow:outbox") == []


def test_a_queue_of_our_own_is_refused(house):
    house.environ.update(TOLD, OCTOWORKER_EVENT_QUEUE="sms")
    done = house.command("settings", check=False)
    assert done.returncode == 2
    assert "OCTOWORKER_EVENT_QUEUE" in done.stderr
