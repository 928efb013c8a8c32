"""The broker may be another Redis than that of the records: then no script can write both, and Celery publishes the jobs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import harness
import pytest

from octoworker.sms import jobs


@pytest.fixture
def apart(tmp_path):
    """Records in one database, jobs in another."""
    with harness.embedded.Server() as server, harness.Sandbox(user_login=harness.LOGIN, api_key=harness.API_KEY) as box:
        broker = server.url.rsplit("/", 1)[0] + "/1"
        house = harness.House(server.url, box, tmp_path, {"CELERY_BROKER_URL": broker})
        yield house
        house.close()


def test_one_message_and_many_are_sent_once(apart):
    apart.worker()
    alone = apart.enqueue()
    crowd = [
        {"recipients": f"+3361234{n:04}", "text": "Bonjour", "transactional": True} for n in range(jobs.BULK_SIZE + 5)
    ]
    ids = apart.client.enqueue_many(crowd)
    for message_id in (alone, *ids):
        assert apart.ended(message_id).state == "accepted"
    assert all(len(rung) == 1 for rung in apart.sandbox.handsets().values())


def test_the_scheduler_publishes_what_comes_due(apart):
    apart.worker()
    message_id = apart.enqueue(send_at=datetime.now(UTC) + timedelta(hours=1), hold=True)
    apart.ended(message_id, "scheduled")
    apart.command("reschedule", message_id, "--at", (datetime.now(UTC) + timedelta(seconds=5)).isoformat())
    assert apart.ended(message_id).state == "accepted"
    assert apart.texts() == [harness.TEXT]


def test_a_record_whose_job_was_never_published_is_found(apart):
    message_id = harness.Client({**apart.environ, "CELERY_BROKER_URL": "redis://127.0.0.1:1/1"}).enqueue(
        {"recipients": harness.NUMBER, "text": harness.TEXT, "transactional": True}
    )
    apart.worker()
    assert apart.ended(message_id).state == "accepted"
    assert apart.texts() == [harness.TEXT]
