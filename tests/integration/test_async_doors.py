"""The doors for coroutines: the same messages, answers and errors as their twins, and no loop that stands still."""

from __future__ import annotations

import asyncio
import socket
import threading
from datetime import UTC, datetime, timedelta

import pytest

import octoworker
from octoworker import acancel, aclose, aenqueue, aenqueue_many, areschedule, astatus
from octoworker.client.client import close
from octoworker.errors import EnqueueError, KeyConflictError, RefusedError, StoreError, UnknownMessageError
from octoworker.store import functions
from octoworker.testing import outbox

NUMBER = "+33612345678"
KEYED = {"recipients": NUMBER, "text": "Rendez-vous", "transactional": True, "idempotency_key": "reminder-1"}


@pytest.fixture
def app(redis_server, redis_client, monkeypatch):
    """A web app with a Redis, and no worker."""
    monkeypatch.setenv("REDIS_URL", redis_server.url)
    close()
    yield redis_client
    close()


@pytest.fixture
def hanging(monkeypatch):
    """A Redis that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as server:
        taken = []

        def take():
            while True:
                try:
                    taken.append(server.accept()[0])
                except OSError:
                    return

        thread = threading.Thread(target=take)
        thread.start()
        monkeypatch.setenv("REDIS_URL", f"redis://127.0.0.1:{server.getsockname()[1]}/0")
        close()
        yield
        server.shutdown(socket.SHUT_RDWR)
    thread.join()
    for each in taken:
        each.close()
    close()


def run(act):
    """In a loop of its own, as a web app's server has one."""

    async def main():
        try:
            return await act()
        finally:
            await aclose()

    return asyncio.run(main())


def test_a_message_taken_by_one_door_is_the_same_by_the_other(app):
    async def act():
        message_id = await aenqueue(**KEYED)
        assert octoworker.enqueue(**KEYED) == message_id
        assert await aenqueue(**{**KEYED, "recipients": "06 12 34 56 78"}) == message_id
        assert await astatus(message_id) == octoworker.status(message_id)
        with pytest.raises(KeyConflictError):
            await aenqueue(**{**KEYED, "text": "another"})

    run(act)
    assert app.llen("sms.urgent") == 1


def test_the_life_of_an_appointment(app):
    async def act():
        assert await acancel(octoworker.message_id("reminder-1"), missing_ok=True) is None
        with pytest.raises(UnknownMessageError):
            await acancel("f" * 32)
        message_id = await aenqueue(**KEYED, replace=True)
        assert (await acancel(message_id))["state"] == "cancelled"
        assert (await acancel(message_id, missing_ok=True))["state"] == "cancelled"
        assert (await aenqueue(**KEYED)).over
        await aenqueue(**{**KEYED, "text": "another"}, replace=True)
        assert (await astatus(message_id))["history"][-1]["reason"] == "taken again by its caller"
        with pytest.raises(RefusedError):
            await areschedule(message_id, datetime.now(UTC) + timedelta(days=1))

    run(act)


def test_a_held_message_is_moved(app):
    async def act():
        message_id = await aenqueue(recipients=NUMBER, text="hi", transactional=True)
        app.hset(f"ow:message:{message_id}", mapping={"state": "scheduled", "due": 4e12})
        tomorrow = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
        return tomorrow, await areschedule(message_id, tomorrow)

    tomorrow, record = run(act)
    assert record["state"] == "scheduled"
    assert datetime.fromisoformat(record["due_at"]) == tomorrow


def test_who_may_run_no_script_calls_functions(app, redis_server, monkeypatch):
    app.execute_command(
        "ACL", "SETUSER", "shut-out", "reset", "on", ">pw", "~*", "+@all", "-eval", "-evalsha", "-script"
    )
    monkeypatch.setenv("REDIS_URL", redis_server.url.replace("//", "//shut-out:pw@"))
    app.function_flush()
    with pytest.raises(EnqueueError, match="functions"):
        run(lambda: aenqueue(**KEYED))
    functions.load(app)
    run(lambda: aenqueue(**KEYED))
    assert app.llen("sms.urgent") == 1
    app.function_flush()
    app.execute_command("ACL", "DELUSER", "shut-out")


def test_many_at_once_in_one_call(app):
    messages = [{"recipients": f"+336123{n:05}", "text": "hi", "transactional": True} for n in range(450)]
    ids = run(lambda: aenqueue_many(messages))
    assert len(set(ids)) == 450
    assert app.zcard("ow:due") == 450


def test_wrong_arguments_are_refused_at_once_as_by_the_twin():
    async def act():
        with pytest.raises(TypeError, match="did you mean recipients"):
            await aenqueue(recipient=NUMBER, text="hi")
        with pytest.raises(TypeError, match="idempotency_key"):
            await aenqueue(recipients=NUMBER, text="hi", replace=True)

    run(act)


def test_five_thousand_wait_at_once(app):
    async def act():
        calls = (aenqueue(recipients=f"+336123{n:05}", text="hi", transactional=True) for n in range(5000))
        return await asyncio.gather(*calls)

    assert len(set(run(act))) == 5000
    assert app.zcard("ow:due") == 5000


def test_a_redis_that_hangs_stops_no_loop_and_all_hear_of_it(hanging):
    async def act():
        waiting = [asyncio.ensure_future(aenqueue(recipients=NUMBER, text="hi")) for _ in range(5000)]
        turns = 0
        while not all(each.done() for each in waiting):
            await asyncio.sleep(0.01)
            turns += 1
        with pytest.raises(StoreError):
            await astatus("f" * 32)
        return turns, await asyncio.gather(*waiting, return_exceptions=True)

    turns, found = run(act)
    assert turns > 1
    assert {type(each) for each in found} == {EnqueueError}


def test_a_caller_that_gives_up_takes_nobody_along(app):
    async def act():
        waiting = [asyncio.ensure_future(aenqueue(recipients=NUMBER, text="hi")) for _ in range(10)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        found = await asyncio.gather(*waiting, return_exceptions=True)
        return [each for each in found if isinstance(each, str)]

    assert len(run(act)) == 9


def test_an_outbox_takes_what_coroutines_send():
    async def act():
        await aenqueue(**KEYED)
        return await astatus(octoworker.message_id("reminder-1"))

    with outbox() as box:
        assert run(act)["state"] == "accepted"
        assert box.only().text == "Rendez-vous"


def test_two_loops_in_two_threads_have_connections_of_their_own(app):
    ids = []
    threads = [threading.Thread(target=lambda: ids.append(run(lambda: aenqueue(**KEYED)))) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(ids) == 4
    assert len(set(ids)) == 1
