"""The short way to Redis: it answers as the long one does, and what goes wrong on it is nobody else's answer."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis
from harness import until

from octoworker.errors import RecordError
from octoworker.store import connect
from octoworker.store.connections import MOST, Talk
from octoworker.store.scripts import Scripts


@pytest.fixture
def client(redis_server, redis_client):
    del redis_client  # the database is empty
    client = connect(redis_server.url)
    yield client
    client.close()


def test_several_commands_are_answered_in_their_order(client):
    talk = Talk(client.connection_pool)
    assert talk.ask_all([("SET", "a", "1"), ("INCR", "a"), ("GET", "a")]) == ["OK", 2, "2"]


def test_an_answer_that_is_an_error_leaves_no_answer_behind_for_the_next(client):
    talk = Talk(client.connection_pool)
    with pytest.raises(redis.ResponseError):
        talk.ask_all([("SET", "a", "1"), ("LPUSH", "a", "x"), ("GET", "a")])
    assert talk.ask("GET", "a") == "1"


def test_one_that_fails_among_several_leaves_the_others_their_answers(client):
    talk = Talk(client.connection_pool)
    first, failed, last = talk.ask_each([("SET", "a", "1"), ("LPUSH", "a", "x"), ("GET", "a")])
    assert (first, type(failed), last) == ("OK", redis.ResponseError, "1")
    assert talk.ask("GET", "a") == "1"


def test_of_many_scripts_the_one_that_fails_is_told_apart(client, redis_client):
    redis_client.set("ow:message:wrong", "no record")
    calls = [([f"ow:message:{each}"], [each, "{}"]) for each in ("x", "wrong", "y")]
    first, failed, last = Scripts(client).run_many("cancel", calls)
    assert (first[0], type(failed), last[0]) == ("absent", RecordError, "absent")


def test_a_connection_that_redis_closed_is_replaced(client, redis_client):
    scripts = Scripts(client)
    for _ in range(2):
        assert scripts.run("cancel", ["ow:message:x"], ["x", "{}"])[0] == "absent"
        for each in redis_client.client_list(_type="normal"):
            if each["name"] == "octoworker":
                redis_client.client_kill_filter(_id=each["id"])


def test_a_connection_that_redis_closed_is_replaced_for_many_scripts(client, redis_client):
    scripts = Scripts(client)
    for _ in range(2):
        assert [each[0] for each in scripts.run_many("cancel", [(["ow:message:x"], ["x", "{}"])] * 3)] == ["absent"] * 3
        for each in redis_client.client_list(_type="normal"):
            if each["name"] == "octoworker":
                redis_client.client_kill_filter(_id=each["id"])


def test_scripts_that_redis_forgot_are_loaded_again(client, redis_client):
    scripts = Scripts(client)
    scripts.run("cancel", ["ow:message:x"], ["x", "{}"])
    redis_client.script_flush()
    assert scripts.run("cancel", ["ow:message:x"], ["x", "{}"])[0] == "absent"


def test_threads_get_their_own_answers(client):
    talk, wrong = Talk(client.connection_pool), []

    def ask(name):
        asked = [f"{name} {n}" for n in range(200)]
        wrong.extend(each for each in asked if talk.ask("ECHO", each) != each)

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(2 * MOST)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_child_process_does_not_talk_over_its_parents_connections(client):
    talk = Talk(client.connection_pool)
    parent = talk.ask("CLIENT", "ID")
    ours, theirs = os.pipe()
    if not (child := os.fork()):
        os.write(theirs, str(talk.ask("CLIENT", "ID")).encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert int(os.read(ours, 64)) != parent
    assert talk.ask("CLIENT", "ID") == parent
    os.close(ours)
    os.close(theirs)


def test_connections_go_back_to_the_pool(redis_server):
    client = connect(redis_server.url, connections=1)
    talk = Talk(client.connection_pool)
    talk.ask("PING")
    talk.close()
    assert client.ping()
    client.close()


def test_what_is_kept_at_hand_leaves_the_others_of_its_pool_connections(redis_server, redis_client):
    """As many ask at once as there are connections: not all of them may be idle for ever after."""
    few = connect(redis_server.url, connections=4)
    talk = Talk(few.connection_pool)
    with ThreadPoolExecutor(4) as threads:
        asked = [threads.submit(talk.ask, "BLPOP", f"k{n}", 0) for n in range(4)]
        until(lambda: redis_client.info("clients")["blocked_clients"] == len(asked))
        for n in range(4):
            redis_client.rpush(f"k{n}", "v")
        assert all(each.result() for each in asked)
    assert few.get("a plain command of redis-py") is None
    talk.close()
    few.close()
