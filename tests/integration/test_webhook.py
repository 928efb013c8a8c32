"""Events are posted to an address of the web app as Standard Webhooks: signed, never redirected, and beside the sending."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from harness import NUMBER, TEXT, own_port, until
from standardwebhooks.webhooks import Webhook, WebhookVerificationError
from webhook_receiver import Address

from octoworker.web.webhook import LONGEST_REST, WebApp, key_of, signature
from octoworker.worker.webhook_sender import DELAYS, delay_after

SECRET, NEXT = "whsec_" + "b2N0b3dvcmtlci10ZXN0LXNlY3JldC0wMDE=", "whsec_" + "c2Vjb25kLW9jdG93b3JrZXItc2VjcmV0LTAwMg=="
NOW = datetime(2026, 11, 26, 8, tzinfo=UTC)


@pytest.fixture
def address():
    there = Address()
    yield there
    there.close()


def posted(address, *, secrets=(SECRET,), now=NOW, event_id="evt_1", body=b"{}"):
    web_app = WebApp(address.url, secrets, 1)
    try:
        return web_app.post(event_id, body, now)
    finally:
        web_app.close()


def test_the_signature_is_that_of_the_known_example():
    body = b'{"type":"sms.delivered","timestamp":"2026-11-26T08:00:00Z","data":{"message_id":"m1"}}'
    found = signature(key_of(SECRET), "msg_1", "1795680000", body)
    assert found == "v1,n60IsgW9S8JN4BU2N7jsRRs6PGI6oKnDn8XtI8GFU8Y="


@pytest.mark.parametrize("secret", [SECRET, NEXT])
def test_while_secrets_are_rotated_their_own_library_accepts_it_under_each(address, secret):
    body = json.dumps({"type": "sms.accepted", "data": {"reason": "é"}}).encode()
    assert posted(address, secrets=(SECRET, NEXT), now=datetime.now(UTC), body=body).taken
    ((headers, came),) = address.got
    assert Webhook(secret).verify(came, headers) == json.loads(body)
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(came + b" ", headers)


@pytest.mark.parametrize(("status", "taken"), [(200, True), (204, True), (302, False), (410, False), (500, False)])
def test_only_a_status_of_success_says_that_it_was_taken(address, status, taken):
    address.answers = [(status, {})]
    found = posted(address)
    assert (found.status, found.taken) == (status, taken)


def test_a_redirect_is_followed_nowhere(address):
    address.answers = [(307, {"Location": address.url})]
    assert posted(address).status == 307
    assert len(address.got) == 1


@pytest.mark.parametrize(
    ("said", "rest"),
    [
        ("30", timedelta(seconds=30)),
        (format_datetime(NOW + timedelta(minutes=2), usegmt=True), timedelta(minutes=2)),
        ("99999999", LONGEST_REST),
        ("soon", timedelta(0)),
        ("-5", timedelta(0)),
    ],
)
def test_an_address_that_asks_to_wait_is_heard(address, said, rest):
    address.answers = [(503, {"Retry-After": said})]
    assert posted(address).rest == rest


def test_an_address_where_nobody_listens_is_a_failure_and_no_error():
    web_app = WebApp(f"http://127.0.0.1:{own_port()}/", (SECRET,), 1)
    found = web_app.post("evt_1", b"{}", NOW)
    assert (found.status, found.taken, found.fault) == (None, False, "ConnectionError")


def test_ten_tries_take_three_days_on_average_and_each_wait_is_drawn():
    assert sum(DELAYS, timedelta()) == timedelta(hours=75, minutes=35, seconds=5)
    waits = {delay_after(1) for _ in range(50)}
    assert len(waits) > 1
    assert timedelta(0) <= min(waits) <= max(waits) <= 2 * DELAYS[0]


def events(address):
    """What came, each verified by the library for whoever receives them."""
    return [Webhook(SECRET).verify(body, headers) for headers, body in address.got]


@pytest.fixture
def posting(house, address):
    house.environ |= {"OCTOWORKER_EVENT_URL": address.url, "OCTOWORKER_EVENT_SECRET": SECRET}
    house.worker()
    until(lambda: house.redis.exists("ow:webhooks-to"))
    return house


def test_a_message_that_ends_is_posted_with_the_callers_own_words_and_no_number(posting, address):
    message_id = posting.enqueue(reference="order 4711")
    (event,) = until(lambda: events(address))
    assert (event["id"], event["type"]) == (f"evt_{message_id}_1", "sms.accepted")
    assert (event["data"]["message_id"], event["data"]["reference"]) == (message_id, "order 4711")
    assert not {NUMBER, TEXT} & set(str(event).split())
    until(lambda: posting.redis.exists("ow:webhooks:due") == 0)


def test_an_event_that_is_not_taken_comes_again_under_the_same_id(posting, address):
    address.answers = [(503, {"Retry-After": "3600"})]
    message_id = posting.enqueue()
    posting.ended(message_id)
    until(lambda: posting.redis.hget("ow:webhooks:tries", f"evt_{message_id}_1") == "1")
    assert f"evt_{message_id}_1" in posting.command("events", "list").stdout
    assert posting.command("events", "replay", "--since", "2020-01-01T00:00Z").stdout == "1 events are sent again.\n"
    until(lambda: len(address.got) == 2)
    assert {headers["webhook-id"] for headers, _ in address.got} == {f"evt_{message_id}_1"}


def test_a_web_app_that_answers_nobody_slows_no_sms(posting, address):
    address.answering.clear()
    ids = [posting.enqueue(text=f"nr {n}") for n in range(20)]
    for each in ids:
        posting.ended(each)
    # All of them have gone while no post was answered.
    assert posting.redis.zcard("ow:webhooks:due") == len(ids)
