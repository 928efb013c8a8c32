"""An append-only file of a while ago is restored under workers and producers: nobody is rung twice, and what is left to an
operator is counted."""

from __future__ import annotations

import json
import shutil

import pytest
from harness import API_KEY, LOGIN, TEXT, House, until

from octoworker import EnqueueError
from octoworker.sandbox import Sandbox
from octoworker.sms.record import State
from octoworker.store import embedded

EARLIER = [f"+3361234560{n}" for n in range(5)]
LATER = [f"+3361234561{n}" for n in range(5)]


@pytest.fixture
def here(tmp_path):
    """A house whose Redis keeps its data in a folder that a test may put back."""
    folder = tmp_path / "redis"
    folder.mkdir()
    with embedded.Server(folder, appendfsync="always") as server, Sandbox(user_login=LOGIN, api_key=API_KEY) as sandbox:
        it = House(server.url, sandbox, tmp_path)
        it.server, it.data, it.backup = server, folder, tmp_path / "backup"
        try:
            yield it
        finally:
            it.close()


def backed_up(here):
    here.server.kill()
    shutil.copytree(here.data, here.backup)
    here.server.start()


def restore(here):
    here.server.kill()
    shutil.rmtree(here.data)
    shutil.copytree(here.backup, here.data)
    here.server.start()


def enqueued(here, number):
    """A producer that repeats its key until it is taken."""

    def try_it():
        try:
            return here.enqueue(number, idempotency_key=f"to-{number}")
        except EnqueueError:
            return None

    return until(try_it)


def sent_before_the_loss(here):
    """Some stand in the backup, as they were before they went; the others came later. The first of all was refused once."""
    earlier = [enqueued(here, number) for number in EARLIER]
    backed_up(here)
    here.sandbox.fault(fault="code", code="153", times=1, recipient=EARLIER[0])
    here.worker()
    later = [enqueued(here, number) for number in LATER]
    for message_id in (*earlier, *later):
        here.ended(message_id, State.ACCEPTED)
    return earlier, later


def left_to_an_operator(here, ids):
    for message_id in ids:
        here.ended(message_id, State.UNKNOWN)
        until(lambda found=message_id: here.record(found).due_at is None)


def test_a_producer_that_repeats_its_keys_rings_nobody_twice(here):
    earlier, later = sent_before_the_loss(here)
    restore(here)
    assert [enqueued(here, number) for number in (*EARLIER, *LATER)] == [*earlier, *later]
    left_to_an_operator(here, (*earlier, *later))
    for number in (*EARLIER, *LATER):
        assert here.texts(number) == [TEXT]
    listed = json.loads(here.command("list", "--rolled-back", "--json").stdout)
    assert {each["message_id"] for each in listed} >= set(earlier)
    findings = json.loads(here.command("doctor", "--json", check=False).stdout)
    (found,) = (each for each in findings if each["name"] == "rolled back")
    assert f"{len(listed)} messages were left to a person" in found["says"]


def test_after_a_restore_without_workers_an_operator_says_so(here):
    earlier, _ = sent_before_the_loss(here)
    here.workers[0].stop()
    restore(here)
    assert json.loads(here.command("restored", "--dry-run", "--json").stdout)["needs_review"] == len(earlier)
    assert "5 messages wait for a person" in here.command("restored").stdout
    here.worker()
    left_to_an_operator(here, earlier)
    for number in EARLIER:
        assert here.texts(number) == [TEXT]
