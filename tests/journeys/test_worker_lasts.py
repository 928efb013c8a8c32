"""What ended workers by themselves in the long run, or could have: each of it once, and the worker lives."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
import redis
from harness import Worker, until

from octoworker.sms.record import State


def test_a_prefork_child_that_dies_before_the_worker_is_ready_is_replaced(house):
    """celery 5.7.0 ends here with "Could not start worker processes". Redis is away, so that there is a before."""
    house.server.kill()
    worker = Worker(house.environ, house.folder / "early.log", pool="prefork")
    house.workers.append(worker)
    until(lambda: len(worker.children()) == 4)
    os.kill(worker.children()[0], signal.SIGKILL)
    house.server.start()
    worker.ready()
    ids = [house.enqueue(text=f"message {n}") for n in range(8)]
    assert all(house.ended(message_id).state is State.ACCEPTED for message_id in ids)
    assert worker.process.poll() is None
    until(lambda: len(worker.children()) == 4)


def test_a_prefork_child_that_dies_while_redis_refuses_the_first_connection_is_replaced(house):
    """celery 5.7.0 ends here with StopIteration: it looks for a pipe for the successor, and none was given back."""
    house.redis.config_set("maxmemory", "1")
    worker = Worker(house.environ, house.folder / "refused.log", pool="prefork")
    house.workers.append(worker)
    until(lambda: "Connection to broker lost" in worker.log())
    first = worker.children()[0]
    os.kill(first, signal.SIGKILL)
    refused = worker.log().count("Connection to broker lost")
    until(lambda: worker.log().count("Connection to broker lost") > refused + 1 or worker.process.poll() is not None)
    house.redis.config_set("maxmemory", "0")
    worker.ready()
    ids = [house.enqueue(text=f"message {n}") for n in range(8)]
    assert all(house.ended(message_id).state is State.ACCEPTED for message_id in ids)
    until(lambda: len(set(worker.children()) - {first}) == 4)


def test_a_prefork_worker_that_lost_two_children_at_once_outlives_a_lost_connection(house):
    """celery 5.7.0 takes the second one's death for that of its successor, and ends at the next reconnect."""
    worker = house.worker(pool="prefork")
    before = worker.children()
    worker.signal(signal.SIGSTOP)
    for child in before[:3]:
        os.kill(child, signal.SIGKILL)
    until(lambda: all("\tZ" in Path(f"/proc/{child}/status").read_text() for child in before[:3]))
    worker.signal(signal.SIGCONT)
    until(lambda: len(set(worker.children()) - set(before)) == 3)
    message_id = house.enqueue()
    assert house.ended(message_id).state is State.ACCEPTED
    admin = redis.Redis.from_url(house.redis_url)
    admin.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    admin.close()
    until(lambda: "Connection to broker lost" in worker.log())
    second = house.enqueue(text="after it")
    assert house.ended(second).state is State.ACCEPTED
    assert worker.process.poll() is None
    assert "worker.reconnects" not in worker.log()


def stammering(house, *, at):
    """A prefork worker of which one child dies in the middle of a word, at this step."""
    flag = house.folder / "crash"
    flag.touch()
    environ = {"CRASH_AT": at, "CRASH_FLAG": str(flag), "OCTOWORKER_CONCURRENCY": "1"}
    environ["PYTHONPATH"] = str(Path(__file__).parent)
    worker = house.worker(settings=environ, app="stammering", pool="prefork")
    return worker, flag


def test_a_prefork_child_that_dies_in_the_middle_of_a_word_is_replaced(house):
    """celery 5.7.0 ends with UnpicklingError, or waits for ever for a successor that reads on behind the half word."""
    worker, flag = stammering(house, at="before_settle")
    first = house.enqueue()
    until(lambda: not flag.exists())
    assert house.ended(first).state is State.ACCEPTED
    ids = [house.enqueue(text=f"message {n}") for n in range(4)]
    assert all(house.ended(message_id).state is State.ACCEPTED for message_id in ids)
    assert worker.process.poll() is None
    assert len(worker.children()) == 1
    assert house.times_told("worker.child_unreadable")


def test_a_prefork_child_that_dies_in_the_middle_of_a_word_while_redis_is_away_is_replaced(house):
    """As a child does that the time limit kills in a long outage. celery 5.7.0 ends with UnpicklingError then."""
    house.sandbox.fault(fault="gate", name="door", when="before")
    worker, flag = stammering(house, at="before_settle")
    first = house.enqueue()
    house.sandbox.gate_reached("door")
    house.server.kill()
    until(lambda: "Connection to broker lost" in worker.log())
    house.sandbox.open_gate("door")
    until(lambda: not flag.exists())
    house.server.start()
    assert house.ended(first).state is State.ACCEPTED
    second = house.enqueue(text="after it")
    assert house.ended(second).state is State.ACCEPTED
    assert worker.process.poll() is None
    assert len(worker.children()) == 1


@pytest.mark.parametrize("pool", ["threads", "prefork"])
def test_a_redis_that_refuses_a_new_connection_is_asked_again(house, pool):
    """As one with a full disk does: it answers PING with an error, which kombu does not count as a lost connection."""
    worker = house.worker(pool=pool)
    admin = redis.Redis.from_url(house.redis_url)
    admin.execute_command("ACL", "SETUSER", "default", "-ping")
    admin.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    until(lambda: "Connection to broker lost" in worker.log())
    until(lambda: worker.log().count("no permissions") > 1 or worker.process.poll() is not None)
    admin.execute_command("ACL", "SETUSER", "default", "+ping")
    admin.close()
    message_id = house.enqueue()
    assert house.ended(message_id).state is State.ACCEPTED
    until(lambda: house.redis.llen("sms.urgent") == 0)
    assert worker.process.poll() is None


def test_a_worker_that_cannot_go_on_says_so_with_its_exit_status(house):
    """Celery's `worker_main` ends with 0 whatever happened: a supervisor would not start the worker again."""
    pidfile = house.folder / "worker.pid"
    house.worker("--pidfile", str(pidfile))
    second = house.command("worker", "--pidfile", str(pidfile), check=False)
    assert second.returncode not in (0, None)
