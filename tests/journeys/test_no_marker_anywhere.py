"""After everything that can happen to a message, its number, its text and the key of the account stand nowhere but in its record.

Flower's own pages are searched by test_flower.py, `make check-flower`.
"""

from __future__ import annotations

import urllib.request

import pytest
from celery import Celery
from harness import API_KEY, LOGIN, NUMBER, TEXT, everything, listening, own_port, until

from octoworker.sms.record import State

OTHERS = tuple(f"+3361234570{n}" for n in range(6))
WELL, AGAIN, REFUSED, MAYBE, CRASHED, PLAIN = OTHERS
MARKERS = (*(number[3:] for number in (NUMBER, *OTHERS)), "MARKER", TEXT, API_KEY, LOGIN)
SECRET = {"reference": "MARKERREFERENCE"}
"""The producer's own word for a message: `octoworker list` shows it to a person; nothing else does."""


@pytest.fixture
def plain(house):
    """Celery as a web app has it that knows nothing of us."""
    app = Celery("shop", broker=house.redis_url, backend=house.redis_url)
    yield app
    app.close()


def everything_happens(house, plain, start):
    """Success, retry, refusal by us and by Octopush, a lost answer, a worker killed in mid-call, and odd jobs."""
    first = start()
    accepted = [house.enqueue(WELL, **SECRET, idempotency_key="MARKERIDEMPOTENCY")]
    house.sandbox.fault(fault="code", code="153", times=1, recipient=AGAIN)
    house.sandbox.fault(fault="reset_after", times=1, recipient=MAYBE)
    accepted += [house.enqueue(AGAIN, **SECRET), house.enqueue(MAYBE, **SECRET)]
    accepted += house.client.enqueue_many(
        [{"recipients": WELL, "text": f"{TEXT} {n}", "transactional": True, "lane": "bulk"} for n in range(8)]
    )
    house.sandbox.fault(fault="code", code="151", times=1, recipient=REFUSED)
    rejected = [house.enqueue(REFUSED, **SECRET), house.enqueue(NUMBER, text=TEXT, transactional=False)]
    for message_id in accepted:
        assert house.ended(message_id).state is State.ACCEPTED
    for message_id in rejected:
        assert house.ended(message_id).state is State.REJECTED
    odd = [
        plain.send_task("octoworker.send_sms", kwargs=kwargs, args=args, queue="sms")
        for args, kwargs in (
            ((), {"recipients": PLAIN, "text": TEXT, "transactional": True}),
            ((), {"recipients": [PLAIN, "12"], "text": TEXT, "bogus": TEXT}),
            ((PLAIN, TEXT), {}),
            ((), {"recipients": {"who": PLAIN}, "text": [TEXT], "send_at": TEXT, "lane": TEXT, "sender": PLAIN}),
        )
    ]
    plain.send_task("octoworker.send_many", kwargs={"ids": [PLAIN, TEXT]}, queue="sms.bulk")
    plain.send_task("octoworker.send_many", args=[{"text": TEXT}], queue="sms.bulk")
    plain.send_task("octoworker.no_such_task", kwargs={"recipients": PLAIN, "text": TEXT}, queue="sms")
    for job in odd:
        until(job.ready)
    house.sandbox.fault(fault="gate", name="door", when="after", recipient=CRASHED)
    crashed = house.enqueue(CRASHED, **SECRET)
    house.sandbox.gate_reached("door")
    first.kill()
    house.sandbox.open_gate("door")
    start()
    assert house.ended(crashed).state is State.ACCEPTED
    until(lambda: house.redis.hlen("unacked") == 0)


def found(text):
    return [marker for marker in MARKERS if marker in text]


@pytest.mark.parametrize(
    ("pool", "shape", "level"),
    [("threads", "json", "DEBUG"), ("prefork", "console", "DEBUG")],
)
def test_a_number_a_text_and_a_key_stand_nowhere_but_in_the_record(house, plain, pool, shape, level):
    port = own_port()
    settings = {
        "OCTOWORKER_LOG_FORMAT": shape,
        "OCTOWORKER_LOG_LEVEL": level,
        "OCTOWORKER_METRICS_PORT": str(port),
        "OCTOWORKER_CAP_HOUR": "1000",
    }
    with listening(plain, house.redis) as events:
        everything_happens(house, plain, lambda: house.worker("-E", settings=settings, pool=pool))
        until(lambda: {"task-received", "task-failed"} <= {event["type"] for event in events})
    assert found(str(events)) == []
    assert found(house.logs()) == []
    # The one job that no worker knows is kept for an operator as it came, for a week: no record holds what it asked for.
    (aside,) = house.redis.lrange("ow:jobs-set-aside", 0, -1)
    assert "octoworker.no_such_task" in aside
    assert house.redis.ttl("ow:jobs-set-aside") > 0
    house.redis.delete("ow:jobs-set-aside")
    for key, value in everything(house.redis).items():
        # A record holds what is to be sent; nothing else does.
        assert key.startswith("ow:message:") or found(key + value) == [], key
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        assert found(answer.read().decode()) == []
    for command in (("list",), ("stats",), ("stats", "--json")):
        done = house.command(*command)
        assert found((done.stdout + done.stderr).replace(SECRET["reference"], "")) == [], command


def test_the_search_would_find_a_marker(house):
    """What is searched for is there to be found: the record holds it, and so does the request."""
    message_id = house.enqueue(WELL, **SECRET)
    assert set(found(str(house.redis.hgetall(f"ow:message:{message_id}")))) >= {WELL[3:], "MARKER", TEXT}
