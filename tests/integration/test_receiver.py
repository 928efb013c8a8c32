"""The address that Octopush calls: what it answers, what it has stored by then, and what becomes of it.

The sandbox calls the receiver over a socket, as Octopush would; a real worker processes what came.
"""

from __future__ import annotations

import asyncio
import io
import re
import threading
import time
from contextlib import contextmanager
from urllib.error import HTTPError
from urllib.request import Request, urlopen
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
from harness import EITHER_API, NUMBER, own_port, until

from octoworker.errors import SettingsError
from octoworker.sms import sizes
from octoworker.sms.record import State
from octoworker.web.mounting import ASGI, WSGI, asgi, wsgi
from octoworker.web.receiver import Receiver

TOKEN, OLD = "t" * 24 + "-new_1", "t" * 24 + "-old_1"
RECEIPT = b"message_id=api1&number=0033612345678&status=DELIVERED&delivery_date=2026-11-26+09:00:04"


class Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        pass


@contextmanager
def serving(environ):
    """The receiver as a web app of its own; its address with the new token."""
    with make_server("127.0.0.1", 0, wsgi(environ), handler_class=Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/octopush/{TOKEN}"
        finally:
            server.shutdown()
            thread.join()


def of(url, **more):
    return {"REDIS_URL": url, "OCTOWORKER_INBOUND_TOKEN": f"{TOKEN}, {OLD}", **more}


@pytest.fixture
def address(redis_client, redis_server):
    with serving(of(redis_server.url)) as it:
        yield it


def call(url, body=None, method=None):
    """Status and body of the answer."""
    try:
        with urlopen(Request(url, data=body, method=method), timeout=10) as answer:
            return answer.status, answer.read()
    except HTTPError as refused:
        return refused.code, refused.read()


def inbox(client):
    return [fields["kind"] for _, fields in client.xrange("ow:inbox")]


# --- the answer


@pytest.mark.parametrize("below", ["", "/", "/receipt", "/reply", "/stop"])
def test_a_call_with_the_token_is_stored_and_answered_200_with_nothing(address, redis_client, below):
    assert call(address + below, RECEIPT) == (200, b"")
    assert inbox(redis_client) == ["receipt"]


def test_both_tokens_are_good_while_one_replaces_the_other(address, redis_client):
    assert call(address.replace(TOKEN, OLD), RECEIPT) == (200, b"")
    assert inbox(redis_client) == ["receipt"]


@pytest.mark.parametrize(
    "path", ["", "x", f"{TOKEN}x", TOKEN[:-1], f"{TOKEN}/other", f"{TOKEN}/receipt/more", f"x/{TOKEN}"]
)
def test_whoever_has_no_token_finds_nothing_and_stores_nothing(address, redis_client, path):
    assert call(address.replace(TOKEN, path), RECEIPT) == (404, b"")
    assert inbox(redis_client) == []


def test_the_address_can_be_tried_with_a_get_which_stores_nothing(address, redis_client):
    assert call(address) == (200, b"")
    assert call(address, method="HEAD") == (200, b"")
    assert call(address, b"", method="DELETE") == (405, b"")
    assert redis_client.keys() == []


@pytest.mark.parametrize(
    "body",
    [b"", b"hello", b"[[[", b"number=1", rb'{"text": "\ud800"}', b"x" * (sizes.WEBHOOK_BODY + 1)],
    ids=["nothing", "a word", "brackets", "no callback", "half of a pair", "too long"],
)
def test_what_cannot_be_read_is_kept_and_answered_like_all_else(address, redis_client, body):
    assert call(address, body) == (200, b"")
    ((_, kept),) = redis_client.xrange("ow:unreadable")
    assert kept["reason"]
    assert len(kept["content"]) <= sizes.UNREADABLE
    assert inbox(redis_client) == []


def test_a_call_that_cannot_be_stored_is_not_answered_200():
    began = time.monotonic()
    with serving(of(f"redis://127.0.0.1:{own_port()}/0")) as address:
        assert call(address, RECEIPT) == (503, b"")
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("token", ["", "short", "with a blank in it, which no address has", f"{TOKEN},short"])
def test_a_receiver_without_a_token_that_nobody_can_guess_does_not_start(token):
    with pytest.raises(SettingsError, match="OCTOWORKER_INBOUND_TOKEN"):
        wsgi({"OCTOWORKER_INBOUND_TOKEN": token})


def test_the_token_may_be_a_mounted_secret(redis_client, redis_server, tmp_path):
    (tmp_path / "token").write_text(TOKEN + "\n")
    environ = {"REDIS_URL": redis_server.url, "OCTOWORKER_INBOUND_TOKEN_FILE": str(tmp_path / "token")}
    with serving(environ) as address:
        assert call(address, RECEIPT) == (200, b"")


@pytest.mark.parametrize("pieces", [[RECEIPT], [RECEIPT[:9], RECEIPT[9:]], [b"x" * 40_000] * 3])
def test_an_asgi_app_takes_a_body_in_pieces_and_mounts_it_anywhere(redis_client, redis_server, pieces):
    events = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
    coming = iter([*events, {"type": "http.request", "body": b"", "more_body": False}])
    sent = []

    async def receive():
        return next(coming)

    async def send(event):
        sent.append(event)

    scope = {"type": "http", "method": "POST", "path": f"/sms/octopush/{TOKEN}"}
    asyncio.run(asgi(of(redis_server.url))(scope, receive, send))
    assert [each.get("status", each.get("body")) for each in sent] == [200, b""]
    assert len(inbox(redis_client)) + redis_client.xlen("ow:unreadable") == 1


def test_a_wsgi_app_reads_a_body_that_comes_in_chunks_and_has_no_length():
    put = []
    app = WSGI(Receiver([TOKEN], put.extend))
    environ = {"REQUEST_METHOD": "POST", "PATH_INFO": f"/octopush/{TOKEN}", "wsgi.input_terminated": True}
    app({**environ, "wsgi.input": io.BytesIO(RECEIPT)}, lambda *_: None)
    app({**environ, "wsgi.input": io.BytesIO(b"x" * 10 * sizes.WEBHOOK_BODY)}, lambda *_: None)
    assert [(each.kind, bool(each.reason)) for each in put] == [("receipt", False), ("", True)]


def test_a_call_that_is_cut_off_is_not_read_as_if_it_were_whole():
    put, sent = [], []
    coming = iter([{"type": "http.request", "body": RECEIPT[:50], "more_body": True}, {"type": "http.disconnect"}])

    async def receive():
        return next(coming)

    async def send(event):
        sent.append(event)

    scope = {"type": "http", "method": "POST", "path": f"/octopush/{TOKEN}"}
    asyncio.run(ASGI(Receiver([TOKEN], put.extend))(scope, receive, send))
    assert (put, sent) == ([], [])


# --- from the handset to the record


def received(house, **settings):
    """The sandbox calls us from now on."""
    it = serving(of(house.redis_url))
    house.sandbox.settings(receipt_delay=0, **settings)
    return it


def test_a_receipt_of_octopush_moves_its_message_to_delivered(house):
    with received(house) as address:
        house.sandbox.settings(callback_url=address)
        house.worker()
        record = house.ended(house.enqueue(), State.DELIVERED)
    assert (record.recipients[NUMBER]["word"], record.recipients[NUMBER]["state"]) == ("DELIVERED", "delivered")
    assert record.recipients[NUMBER]["word_at"]
    until(lambda: house.redis.xlen("ow:inbox") == 0)
    assert NUMBER not in house.logs()


@EITHER_API
def test_it_is_counted_by_country_lane_and_sender_how_soon_a_handset_has_its_sms(house):
    port = own_port()
    page = f"http://127.0.0.1:{port}/metrics"

    def counted():
        found = urlopen(page, timeout=10).read().decode()
        soon = 'octoworker_to_handset_seconds_count{country="FR"} 1.0' in found
        return soon and re.search(
            r'octoworker_handsets_total\{(?=.*says="delivered")(?=.*lane="urgent").*\} 1.0', found
        )

    with received(house) as address:
        house.sandbox.settings(callback_url=address)
        house.worker(settings={"OCTOWORKER_METRICS_PORT": str(port), "OCTOWORKER_METRICS_HOST": "127.0.0.1"})
        house.ended(house.enqueue(), State.DELIVERED)
        until(counted)


def test_a_receipt_that_says_why_not_moves_its_message_to_undelivered(house):
    with received(house, receipts={"undelivered": 1.0}, undelivered_word="EXPIRED") as address:
        house.sandbox.settings(callback_url=address)
        house.worker()
        record = house.ended(house.enqueue(), State.UNDELIVERED)
    assert record.reason == "EXPIRED: the handset was not reached in time"


def test_receipts_that_come_before_the_answer_of_the_call_find_their_message_all_the_same(house):
    with received(house, receipts={"early": 1.0, "twice": 1.0, "swapped": 1.0}) as address:
        house.sandbox.settings(callback_url=address)
        house.worker()
        ids = [house.enqueue(text=f"nr {n}") for n in range(5)]
        assert [house.ended(each, State.DELIVERED).state for each in ids] == [State.DELIVERED] * 5
    until(lambda: house.redis.xlen("ow:inbox") == 0)
    assert house.redis.keys("ow:early:*") == []


def test_a_word_that_nobody_knows_moves_nothing_and_is_shown(house):
    with received(house, receipts={"unknown": 1.0}) as address:
        house.sandbox.settings(callback_url=address)
        house.worker()
        message_id = house.enqueue()
        record = until(
            lambda: (found := house.record(message_id)) and "word" in found.recipients.get(NUMBER, {}) and found
        )
    assert record.state is State.ACCEPTED


def test_what_a_worker_took_when_it_was_killed_is_processed_by_another(house):
    """It has taken the entry, as the stream tells, and never comes to processing it."""
    house.worker()
    ticket = house.ended(house.enqueue()).ticket
    for worker in house.workers:
        worker.kill()
    body = f"message_id={ticket}&number={NUMBER[1:]}&status=DELIVERED".encode()
    with serving(of(house.redis_url)) as address:
        assert call(address, body)[0] == 200
    assert len(house.store.inbox.take("a worker that dies", 0)) == 1
    house.worker()
    until(lambda: house.redis.xlen("ow:inbox") == 0)
    assert [record.state for record in house.store.latest(1)] == [State.DELIVERED]
