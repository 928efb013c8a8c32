"""A person asks to be forgotten: what goes, what stays, and what has to be waited for."""

from __future__ import annotations

import base64
import json

import pytest
from harness import NUMBER, TEXT, everything, until
from store_kit import told

from octoworker.sms.record import State
from octoworker.store.erasure import Person

OTHER = "+33612345679"


BESIDE = ("traces", "waiting", "elsewhere", "unreadable")


def forget(house, *arguments):
    """What became of the messages."""
    return {name: it for name, it in forgotten(house, *arguments).items() if name not in BESIDE}


def forgotten(house, *arguments):
    """The same, and what became of all that is no message."""
    done = house.command("forget", *arguments, "--json", check=False)
    told = json.loads(done.stdout)
    assert done.returncode == bool(told["left"] or told["waiting"] or told["unreadable"])
    return told


def all_of(house):
    """Every key and value of the store, as one text."""
    return "".join(key + value for key, value in everything(house.redis, "ow:*").items())


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
    until(lambda: house.redis.zcard("ow:due") == 0)
    assert forget(house, NUMBER, "--everywhere") == {"looked_at": 1101, "forgotten": 1, "left": []}
    assert house.record(message_id).recipients == {}


def test_those_to_others_are_not_looked_at(house):
    house.worker()
    house.client.enqueue_many([{"recipients": OTHER, "text": f"{n}", "transactional": True} for n in range(100)])
    sent(house)
    until(lambda: house.redis.zcard("ow:due") == 0)
    assert forget(house, NUMBER) == {"looked_at": 1, "forgotten": 1, "left": []}


def test_what_no_worker_has_seen_is_named_or_forgotten(house):
    waiting, cancelled = house.enqueue(text="one"), house.enqueue(text="two")
    house.store.cancel(cancelled)
    assert forget(house, NUMBER) == {"looked_at": 2, "forgotten": 1, "left": [waiting]}


def test_who_could_not_be_read_beside_others_is_forgotten_too(house):
    house.worker()
    message_id = sent(house, [OTHER, "06 12 34 56 78 poste 12"]).message_id
    assert forget(house, NUMBER)["forgotten"] == 1
    assert list(house.record(message_id).recipients) == [OTHER]


@pytest.mark.parametrize("house", [{"OCTOWORKER_NUMBER_KEYS": "o" * 32}], indirect=True)
def test_what_was_noted_under_a_key_that_is_gone_is_found_everywhere(house):
    house.worker()
    sent(house)
    house.environ["OCTOWORKER_NUMBER_KEYS"] = "n" * 32
    assert forget(house, NUMBER)["forgotten"] == 0
    assert forget(house, NUMBER, "--everywhere")["forgotten"] == 1


def test_half_a_number_is_refused(house):
    done = house.command("forget", "4711", check=False)
    assert done.returncode == 1
    assert "+33612345678" in done.stderr


@pytest.mark.parametrize(
    "written",
    [
        "06\u202f12\u202f34\u202f56\u202f78",
        "+33\u00a06\u00a012\u00a034\u00a056\u00a078",
        "06\u201012\u201034\u201056\u201078",
        "+33 (0)6 12 34 56 78",
    ],
)
def test_separators_of_a_word_processor_hide_no_number(house, written):
    house.worker()
    message_id = sent(house, written).message_id
    assert forget(house, NUMBER)["forgotten"] == 1
    assert house.record(message_id).arguments.get("recipients") is None


@pytest.mark.parametrize(
    "arguments",
    [
        {"recipients": 33612345678},
        {"recipients": "+33612345678;+33612345679"},
        {"recipients": "06 12 34 56 78 poste 12"},
        {"recipients": "\uff10\uff16 12 34 56 78"},
        {"phone": "06 12 34 56 78"},
        {"recipients": {"number": NUMBER}},
    ],
)
def test_a_number_that_could_not_be_read_is_forgotten_too(house, arguments):
    house.worker()
    job = house.client.app.send_task(
        "octoworker.send_sms", kwargs={"text": TEXT, "transactional": True, **arguments}, queue="sms"
    )
    message_id = job.id.replace("-", "")
    assert house.ended(message_id).state is State.REJECTED
    assert forget(house, NUMBER)["forgotten"] == 1
    stored = json.dumps(house.redis.hgetall(f"ow:message:{message_id}"), ensure_ascii=False)
    assert [part for part in ("612345678", "12 34 56", "12345678", TEXT) if part in stored] == []


def test_cancelling_takes_no_message_away_from_its_other_recipients(house):
    house.worker()
    later = {"send_at": "2027-01-05T10:00:00+01:00", "hold": True}
    alone, shared = house.enqueue(**later), house.enqueue([NUMBER, OTHER], **later)
    for message_id in (alone, shared):
        house.ended(message_id, State.SCHEDULED)
    assert forget(house, NUMBER, "--cancel")["left"] == [shared]
    assert house.record(alone).state is State.CANCELLED
    assert house.record(shared).state is State.SCHEDULED
    assert house.record(shared).arguments["recipients"] == [NUMBER, OTHER]


@pytest.mark.parametrize("house", [{"OCTOWORKER_CAP_SAME_TEXT": "60"}], indirect=True)
def test_what_the_caps_keep_of_a_text_is_found_by_the_text_as_it_was_sent(house):
    house.worker()
    sent(house, text=f"{TEXT}\r\nligne 2")
    assert house.redis.keys("ow:cap:same:*") != []
    forget(house, NUMBER)
    assert house.redis.keys("ow:cap:*") == []


def test_a_later_word_on_delivery_does_not_bring_the_number_back(house):
    house.worker()
    alone, shared = sent(house).message_id, sent(house, [NUMBER, OTHER]).message_id
    forget(house, NUMBER)
    for message_id in (alone, shared):
        told(house.store, NUMBER, ticket=house.record(message_id).ticket)
    assert NUMBER[3:] not in all_of(house)
    told(house.store, OTHER, ticket=house.record(shared).ticket)
    assert house.record(shared).state is State.DELIVERED
    assert house.record(alone).state is State.ACCEPTED


def test_a_parked_message_is_named_and_given_up_only_when_asked(house):
    house.worker()
    message_id = sent(house).message_id
    house.redis.hset(f"ow:message:{message_id}", mapping={"state": "unknown", "needs_review": "1"})
    house.redis.persist(f"ow:message:{message_id}")
    assert forget(house, NUMBER)["left"] == [message_id]
    assert forget(house, NUMBER, "--cancel") == {"looked_at": 1, "forgotten": 1, "left": []}
    record = house.record(message_id)
    assert record.state is State.DEAD
    assert "given up" in record.reason
    assert house.texts() == [TEXT]


def test_a_forgotten_key_among_new_messages_does_not_ring_again(house):
    house.worker()
    message_id = sent(house, idempotency_key="order 4711").message_id
    forget(house, NUMBER)
    again = {"recipients": NUMBER, "text": TEXT, "transactional": True, "idempotency_key": "order 4711"}
    ids = house.client.enqueue_many(
        [again, {"recipients": OTHER, "text": "neu", "transactional": True, "lane": "urgent"}]
    )
    assert ids[0] == message_id
    house.ended(ids[1])
    until(lambda: house.redis.zcard("ow:due") == 0)
    assert house.texts() == [TEXT]
    assert NUMBER[3:] not in all_of(house)


def test_a_word_on_delivery_that_comes_meanwhile_is_kept(house):
    house.worker()
    record = sent(house, [NUMBER, OTHER])
    message_id = record.message_id

    def is_them(written):
        told(house.store, OTHER, ticket=record.ticket)
        return written == NUMBER

    done = house.store.people.forget(Person(is_them, NUMBER[-6:], lambda _: []))
    assert done.records == 1
    assert {number: fate["state"] for number, fate in house.record(message_id).recipients.items()} == {
        OTHER: "delivered"
    }


def test_a_user_of_redis_who_may_touch_our_keys_alone_can_forget(house):
    house.worker()
    sent(house)
    house.redis.acl_setuser(
        "person", enabled=True, passwords=["+pw"], keys=["ow:*"], channels=["*"], commands=["+@all", "-keys", "-config"]
    )
    house.environ["REDIS_URL"] = house.redis_url.replace("redis://", "redis://person:pw@")
    assert forget(house, NUMBER)["forgotten"] == 1


def packed(number):
    """A job as a plain producer writes it; its arguments stand in base64."""
    body = base64.b64encode(json.dumps([[], {"recipients": number, "text": TEXT}, {}]).encode()).decode()
    return json.dumps({"body": body, "headers": {"id": "a" * 32}, "properties": {"delivery_tag": "t"}})


def call(number, **more):
    return json.dumps({"kind": "receipt", "number": number.removeprefix("+"), "word": "DELIVERED", **more})


def test_nothing_is_left_in_what_nobody_could_read_or_took(house):
    aside = [
        json.dumps({"at": 1, "queue": "sms", "reason": "unreadable", "job": packed(each)}) for each in (NUMBER, OTHER)
    ]
    raw = json.dumps({"at": 2, "queue": "sms", "reason": "unreadable", "job": f"2026-12-01 06.12.34.56.78 {TEXT}"})
    house.redis.rpush("ow:jobs-set-aside", *aside, raw)
    for event, number in (("event-1", NUMBER), ("event-2", OTHER)):
        house.redis.xadd("ow:unreadable", {"reason": "a reply", "content": call(number, text="non merci")})
        house.redis.rpush("ow:early:api9", json.dumps({"id": "e", "content": call(number)}))
        house.redis.hset("ow:webhooks", event, json.dumps({"data": {"number": number}}))
        house.redis.zadd("ow:webhooks:dead", {event: 1})
        house.redis.xadd("ow:events", {"id": event, "content": json.dumps({"data": {"number": number}})})
    assert forgotten(house, NUMBER)["traces"] == 6
    stored = all_of(house)
    assert [each for each in (NUMBER[3:], "06.12.34", packed(NUMBER)) if each in stored] == []
    assert stored.count(OTHER[3:]) == 4
    assert house.redis.lrange("ow:jobs-set-aside", 0, -1) == [aside[1]]


def test_what_is_still_to_be_processed_is_counted_and_left(house, tmp_path):
    spool = tmp_path / "spool"
    spool.mkdir()
    (spool / "1.call").write_text(json.dumps([{"id": "e", "kind": "receipt", "content": call(NUMBER)}]))
    house.environ["OCTOWORKER_INBOUND_SPOOL"] = str(spool)
    house.redis.xadd("ow:inbox", {"id": "e", "kind": "stop", "content": call(NUMBER)})
    house.redis.xadd("ow:inbox", {"id": "f", "kind": "stop", "content": call(OTHER)})
    assert forgotten(house, NUMBER)["waiting"] == 2
    assert house.redis.xlen("ow:inbox") == 2


def test_what_cannot_be_looked_at_is_said(house):
    compressed = packed(NUMBER).replace(json.loads(packed(NUMBER))["body"], base64.b64encode(b"\x9c\xff" * 9).decode())
    house.redis.rpush(
        "ow:jobs-set-aside", json.dumps({"at": 1, "queue": "sms", "reason": "unreadable", "job": compressed})
    )
    house.redis.lpush("sms", "a job")
    house.redis.set(f"ow:message:{'b' * 32}", "no record")
    house.redis.zadd("ow:broken-records", {"b" * 32: 1})
    house.environ["OCTOWORKER_INBOUND_SPOOL"] = str(house.folder / "of another machine")
    told = forgotten(house, NUMBER)
    assert told["unreadable"] == ["b" * 32]
    assert [any(word in each for each in told["elsewhere"]) for word in ("set aside", "in queues", "spool")] == [
        True
    ] * 3
    said = house.command("forget", NUMBER, check=False).stdout
    assert said.count("Not looked at: ") == 3
    assert NUMBER[3:] not in said


def test_whoever_said_stop_stays_opted_out_when_they_are_forgotten(house):
    house.command("optout", "add", NUMBER)
    forgotten(house, NUMBER)
    assert json.loads(house.command("optout", "why", NUMBER, "--json").stdout)["source"] == "operator"
