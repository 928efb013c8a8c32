"""Jobs outlive records: one of ours whose message's record is gone is recorded, shown, and not sent."""

from __future__ import annotations

from harness import NUMBER, TEXT

from octoworker.sms.record import State


def goes(house, message_id):
    """As when it was kept for long enough."""
    house.redis.delete(f"ow:message:{message_id}")
    house.redis.zrem("ow:due", message_id)


def test_a_cancelled_message_whose_record_is_gone_is_not_sent_by_its_job(house):
    message_id = house.enqueue()
    house.store.cancel(message_id)
    goes(house, message_id)
    house.worker()
    record = house.ended(message_id)
    assert (record.state, record.maybe_sent) == (State.DEAD, True)
    assert house.texts() == []
    house.command("replay", message_id, "--force")
    house.ended(message_id, State.ACCEPTED)
    assert house.texts() == [TEXT]


def test_one_of_many_whose_record_is_gone_does_not_take_the_others_along(house):
    numbers = [f"+336123{n:05d}" for n in range(20)]
    ids = house.client.enqueue_many([{"recipients": each, "text": TEXT, "transactional": True} for each in numbers])
    goes(house, ids[7])
    house.worker()
    states = [house.ended(each).state for each in ids]
    assert [n for n, state in enumerate(states) if state is State.DEAD] == [7]
    assert [len(house.texts(each)) for each in numbers] == [1] * 7 + [0] + [1] * 12


def test_a_stranger_s_job_needs_no_record(house):
    house.worker()
    job = house.client.app.send_task(
        "octoworker.send_sms",
        kwargs={"recipients": NUMBER, "text": TEXT, "transactional": True, "sender": "Octo"},
        queue="sms",
    )
    assert house.ended(job.id.replace("-", "")).state is State.ACCEPTED
