"""What ended workers by themselves in the long run, or could have: each of it once, and the worker lives."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest
import redis
from harness import Worker, until

from octoworker.record import State


def children(worker):
    found = subprocess.run(
        ["pgrep", "-P", str(worker.process.pid)], capture_output=True, text=True, check=False
    ).stdout.split()
    return [int(pid) for pid in found]


def is_dead(pid):
    """A child that was killed and that its parent has not looked at yet."""
    return "State:\tZ" in Path(f"/proc/{pid}/status").read_text()


def test_a_prefork_child_that_dies_before_the_worker_is_ready_is_replaced(house):
    """celery 5.7.0 ends here with "Could not start worker processes". Redis is away, so that there is a before."""
    house.server.kill()
    worker = Worker(house.environ, house.folder / "early.log", pool="prefork")
    house.workers.append(worker)
    until(lambda: len(children(worker)) == 4)
    os.kill(children(worker)[0], signal.SIGKILL)
    house.server.start()
    worker.ready()
    ids = [house.enqueue(text=f"message {n}") for n in range(8)]
    assert all(house.ended(message_id).state is State.ACCEPTED for message_id in ids)
    assert worker.process.poll() is None
    until(lambda: len(children(worker)) == 4)


@pytest.mark.parametrize("house", [{"OCTOWORKER_CONCURRENCY": "2"}], indirect=True)
def test_a_redis_that_refuses_while_dead_children_are_cleared_away_does_not_stop_the_worker(house):
    """celery 5.7.0 forgets a dead child's descriptor, is interrupted, and then stumbles over it at every new start."""
    house.sandbox.fault(fault="gate", name="door", when="before", times=2)
    worker = house.worker(pool="prefork")
    ids = [house.enqueue(text=f"message {n}") for n in range(2)]
    house.sandbox.gate_reached("door")
    first, last = sorted(children(worker))
    worker.signal(signal.SIGSTOP)
    os.kill(first, signal.SIGKILL)
    house.sandbox.open_gate("door")
    until(lambda: [house.redis.get(f"celery-task-meta-{message_id}") for message_id in ids].count(None) == 1)
    admin = redis.Redis.from_url(house.redis_url)
    admin.execute_command("REPLICAOF", "127.0.0.1", "1")
    os.kill(last, signal.SIGKILL)
    until(lambda: is_dead(first) and is_dead(last))
    worker.signal(signal.SIGCONT)
    until(lambda: "read only replica" in worker.log())
    admin.execute_command("REPLICAOF", "NO", "ONE")
    admin.close()
    ids.append(house.enqueue(text="after it"))
    assert all(house.ended(message_id).state is State.ACCEPTED for message_id in ids)
    assert worker.process.poll() is None
    assert len(house.texts()) == len(ids)


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
