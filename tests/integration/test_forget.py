"""A person asks to be forgotten: what goes, what stays, and what has to be waited for."""

from __future__ import annotations

import json

import pytest
from harness import NUMBER, TEXT, until

from octoworker.record import State

OTHER = "+33612345679"


def forget(house, *arguments):
    return json.loads(house.command("forget", *arguments, "--json").stdout)


def all_of(house):
    """Every key and value of the store, as one text."""
    read = {
        "string": house.redis.get,
        "hash": house.redis.hgetall,
        "zset": lambda key: house.redis.zrange(key, 0, -1),
        "list": lambda key: house.redis.lrange(key, 0, -1),
    }
    return "".join(key + str(read[house.redis.type(key)](key)) for key in house.redis.scan_iter("ow:*"))


def sent(house, recipients=NUMBER, **more):
    return house.ended(house.enqueue(recipients, **more))


@pytest.mark.parametrize("house", [{"OCTOWORKER_CAP_HOUR": "100", "OCTOWORKER_CAP_SAME_TEXT": "60"}], indirect=True)
def test_an_ended_message_loses_number_text_and_reference_and_keeps_its_story(house):
    house.worker()
    before = sent(house, reference="MARKERREFERENCE", idempotency_key="MARKERIDEMPOTENCY")
    assert forget(house, "06 12 34 56 78")["forgotten"] == 1
    after = house.record(before.message_id)
    stored = all_of(house)
    assert [marker for marker in (NUMBER[3:], "MARKER", TEXT) if marker in stored] == []
    assert house.redis.keys("ow:cap:*") == []
    assert (after.state, after.ticket, after.cost, after.history) == (
        before.state,
        before.ticket,
        before.cost,
        before.history,
    )
    assert after.forgotten_at is not None
    assert house.command("status", before.message_id).returncode == 0


@pytest.mark.parametrize("written", ["0612345678", "+33 6 12 34 56 78", "0033612345678", "06.12.34.56.78"])
def test_the_number_is_found_however_it_was_written(house, written):
    house.worker()
    message_id = sent(house, written).message_id
    assert forget(house, NUMBER)["forgotten"] == 1
    assert house.record(message_id).arguments.get("recipients") is None


def test_only_that_person_goes_out_of_a_message_to_several(house):
    house.worker()
    message_id = sent(house, [NUMBER, OTHER]).message_id
    forget(house, NUMBER)
    record = house.record(message_id)
    assert list(record.recipients) == [OTHER]
    assert record.arguments["recipients"] == [OTHER]
    assert record.arguments["text"] == TEXT


def test_a_refused_message_is_forgotten_too(house):
    house.worker()
    assert sent(house, "+33142278186").state is State.REJECTED
    assert forget(house, "01 42 27 81 86")["forgotten"] == 1


def test_what_is_on_its_way_is_named_and_left_and_cancelled_when_asked(house):
    house.worker()
    message_id = house.enqueue(send_at="2027-01-05T10:00:00+01:00", hold=True)
    house.ended(message_id, State.SCHEDULED)
    assert forget(house, NUMBER) == {"looked_at": 1, "forgotten": 0, "left": [message_id]}
    assert house.record(message_id).arguments["recipients"] == NUMBER
    assert forget(house, NUMBER, "--cancel") == {"looked_at": 1, "forgotten": 1, "left": []}
    assert house.record(message_id).state is State.CANCELLED


def test_forgetting_twice_changes_nothing_more_and_others_are_left_alone(house):
    house.worker()
    other = sent(house, OTHER)
    sent(house)
    assert forget(house, NUMBER)["forgotten"] == 1
    assert forget(house, NUMBER)["forgotten"] == 0
    assert house.record(other.message_id) == other


def test_the_same_message_asked_for_again_does_not_ring_again(house):
    house.worker()
    message_id = sent(house, idempotency_key="order 4711").message_id
    forget(house, NUMBER)
    assert house.enqueue(idempotency_key="order 4711") == message_id
    witness = house.enqueue(OTHER)
    house.ended(witness)
    assert house.texts() == [TEXT]


def test_a_message_without_a_recipient_cannot_be_replayed(house):
    house.worker()
    message_id = sent(house).message_id
    forget(house, NUMBER)
    done = house.command("replay", message_id, "--force", check=False)
    assert done.returncode == 1
    assert "forgotten" in done.stderr
    assert house.texts() == [TEXT]


def test_a_forgotten_record_goes_in_its_time(house):
    house.worker()
    message_id = sent(house).message_id
    forget(house, NUMBER)
    assert house.redis.pttl(f"ow:message:{message_id}") > 0


def test_more_records_than_one_look_reads_are_walked_through(house):
    house.worker()
    house.client.enqueue_many([{"recipients": OTHER, "text": f"{n}", "transactional": True} for n in range(1100)])
    message_id = sent(house).message_id
    until(lambda: house.redis.zcard("ow:due") == 0, timeout=60)
    assert forget(house, NUMBER) == {"looked_at": 1101, "forgotten": 1, "left": []}
    assert house.record(message_id).recipients == {}


def test_half_a_number_is_refused(house):
    done = house.command("forget", "4711", check=False)
    assert done.returncode == 1
    assert "+33612345678" in done.stderr
