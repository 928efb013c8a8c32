"""Calls that come while Redis is away are on the disk before they are answered, and in the record once it is back."""

from __future__ import annotations

import re
import subprocess
import sys
from urllib.request import Request, urlopen

import pytest
from harness import NUMBER, until
from store_kit import A, id_of, open_store, request, submitted

from octoworker.errors import StoreError
from octoworker.sending.inbound import Inbound
from octoworker.sms.record import State
from octoworker.store import connect, embedded
from octoworker.store.inbox import Arrival
from octoworker.web.spool import Spool, Spooling

TOKEN = "t" * 24


class Process:
    """`octoworker receive` as a process of its own."""

    def __init__(self, environ, log):
        self._log = log.open("ab+")
        command = [sys.executable, "-m", "octoworker", "receive", "--host", "127.0.0.1", "--port", "0"]
        self.process = subprocess.Popen(command, env=environ, stdout=self._log, stderr=self._log)
        said = until(lambda: re.search(r"127.0.0.1:(\d+)/octopush", self.said(log)) or self.process.poll() is not None)
        self.url = f"http://127.0.0.1:{said[1]}/octopush/{TOKEN}"

    @staticmethod
    def said(log):
        return log.read_text().rpartition("receiving on ")[2]

    def call(self, ticket, number=NUMBER):
        body = f"message_id={ticket}&number={number[1:]}&status=DELIVERED".encode()
        with urlopen(Request(self.url, data=body), timeout=10) as answer:
            return answer.status, answer.read()

    def kill(self):
        self.process.kill()
        self.process.wait()
        self._log.close()


@pytest.fixture
def environ(house, tmp_path):
    (tmp_path / "spool").mkdir()
    return {
        **house.environ,
        "OCTOWORKER_INBOUND_TOKEN": TOKEN,
        "OCTOWORKER_INBOUND_SPOOL": str(tmp_path / "spool"),
    }


def test_calls_answered_while_redis_was_away_reach_their_messages_though_the_receiver_was_killed(
    house, environ, tmp_path
):
    worker = house.worker()
    tickets = [house.ended(house.enqueue(text=f"nr {n}")).ticket for n in range(6)]
    worker.stop()
    first = Process(environ, tmp_path / "first.log")
    assert first.call(tickets[0]) == (200, b"")
    house.server.kill()
    assert [first.call(each) for each in tickets[1:]] == [(200, b"")] * 5
    first.kill()
    assert TOKEN not in (tmp_path / "first.log").read_text()

    house.server.start()
    second = Process(environ, tmp_path / "second.log")
    until(lambda: not list((tmp_path / "spool").iterdir()))
    house.worker()
    until(lambda: house.redis.xlen("ow:inbox") == 0)
    second.process.terminate()
    assert second.process.wait(10) == 0
    second.kill()
    assert {record.state for record in house.store.latest(10)} == {State.DELIVERED}


def test_a_call_that_is_fed_in_twice_is_applied_once(redis_client, tmp_path):
    """The feeder was killed after Redis had taken it, and before its file was gone."""
    store = open_store(redis_client, keep_for=1000)
    accepted = {"ticket": "api1", "outcomes": f'{{"{A}": {{"state": "accepted"}}}}'}
    submitted(store, request(1, payload=f'{{"recipients": "{A}"}}'), fields=accepted)
    content = f'{{"kind": "receipt", "ticket": "api1", "number": "{A}", "word": "DELIVERED"}}'
    Spool(tmp_path).keep([Arrival(content, "e1", "receipt")])
    for name in Spool(tmp_path).waiting():
        kept = name.read_text()
        Spool(tmp_path).feed(store.inbox.put)
        name.write_text(kept)
    Spool(tmp_path).feed(store.inbox.put)
    Inbound(store, "FR").process(store.inbox.take("one", 0))
    record = store.get(id_of(1))
    assert [move.state for move in record.history].count(State.DELIVERED) == 1
    assert list(tmp_path.iterdir()) == []


def test_what_was_half_written_was_not_answered_and_is_not_fed_in(tmp_path):
    (tmp_path / "1.half").write_text('[{"id"')
    put = []
    assert not Spool(tmp_path).feed(put.append)
    assert put == []


@pytest.mark.parametrize("odd", ["", "{", "[1]", '[{"id": "e1"}]', "[" * 100_000])
def test_a_file_that_is_no_call_stays_for_an_operator_and_keeps_no_other_back(tmp_path, odd):
    (tmp_path / "0.call").write_text(odd)
    Spool(tmp_path).keep([Arrival("{}", "e2", "receipt")])
    put = []
    Spool(tmp_path).feed(put.extend)
    assert [each.event_id for each in put] == ["e2"]
    assert [each.name for each in tmp_path.iterdir()] == ["0.odd"]


def test_a_spool_that_cannot_be_written_refuses_the_call(tmp_path):
    def away(_):
        raise StoreError("away")

    with pytest.raises(StoreError):
        Spooling(away, Spool(tmp_path / "missing"))([Arrival("{}", "e1", "receipt")])


def test_calls_go_to_redis_again_once_the_spool_is_empty(tmp_path):
    with embedded.Server() as server:
        client = connect(server.url, timeout=0.5, retries=0)
        store = open_store(client)
        spooling = Spooling(store.inbox.put, Spool(tmp_path))
        server.kill()
        spooling([Arrival("{}", "e1", "receipt")])
        assert len(Spool(tmp_path).waiting()) == 1
        server.start()
        until(lambda: not Spool(tmp_path).waiting())
        spooling([Arrival("{}", "e2", "receipt")])
        assert [fields["id"] for _, fields in client.xrange("ow:inbox")] == ["e1", "e2"]
        store.close()
