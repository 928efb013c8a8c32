"""The scripts as functions of Redis, for whoever may run no script."""

from __future__ import annotations

import pytest
import redis
from store_kit import ID, PAYLOAD, open_store

from octoworker.errors import StoreError
from octoworker.store import functions

USER = ("reset", "on", ">pw", "~*", "+@all", "-eval", "-evalsha", "-script", "-function")


@pytest.fixture
def shut_out(redis_client, redis_server):
    """A user who may run no script."""
    redis_client.execute_command("ACL", "SETUSER", "shut-out", *USER)
    client = redis.Redis.from_url(redis_server.url.replace("//", "//shut-out:pw@"), decode_responses=True)
    yield client
    client.close()
    redis_client.execute_command("ACL", "DELUSER", "shut-out")


@pytest.fixture(autouse=True)
def _no_functions(redis_client):
    redis_client.function_flush()


def calls(client, command):
    return client.info("commandstats").get(f"cmdstat_{command}", {}).get("calls", 0)


def create(store):
    return store.create(ID, "print", "normal", PAYLOAD)


def test_a_function_does_what_the_script_does(redis_client, shut_out):
    functions.load(redis_client)
    store = open_store(shut_out, by_function=True)
    assert [create(store), create(store)] == ["created", "same"]
    assert store.cancel(ID).state.value == "cancelled"


def test_every_script_is_a_function(redis_client):
    functions.load(redis_client)
    ((_, _, _, _, _, listed),) = [tuple(each) for each in redis_client.function_list("octoworker")]
    assert len(listed) == functions.library().count("redis.register_function(")


def test_without_functions_the_scripts_are_run(redis_client):
    before = calls(redis_client, "evalsha")
    assert create(open_store(redis_client, by_function=True)) == "created"
    assert calls(redis_client, "evalsha") > before


def test_the_functions_of_another_release_are_not_called(redis_client):
    library = functions.library().replace("~= '", "~= 'f")
    redis_client.function_load(library, replace=True)
    assert functions.loaded(redis_client) == "another"
    assert create(open_store(redis_client, by_function=True)) == "created"


def test_who_may_not_run_scripts_is_told_what_is_missing_and_goes_on_once_it_is_there(redis_client, shut_out):
    store = open_store(shut_out, by_function=True)
    with pytest.raises(StoreError, match="octoworker functions load"):
        create(store)
    functions.load(redis_client)
    assert functions.loaded(redis_client) == "this"
    assert create(store) == "created"
