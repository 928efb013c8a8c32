"""How late messages start, in seconds: `lateness.py ours|plain COUNT RATE`, against REDIS_URL. Prints p50 and p99 as JSON.

Both ways run two real workers with threads that post to OCTOPUSH_URL, and measure the same thing: from the due instant
to the start of the task's work (for ours: its claim, as Redis' clock wrote it into the record; for plain Celery: the
first line of the task).
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import redis
import requests
from celery import Celery

URL = os.environ["REDIS_URL"]
TEXT = "Bonjour, votre rendez-vous est demain a 9 h 15. A bientot !"
WORKERS = 2
plain = Celery("plain", broker=URL)
plain.conf.task_ignore_result = True
plain.conf.worker_prefetch_multiplier = 1


@plain.task(name="plain.send")
def send(due):
    late = time.time() - due
    account = {"user_login": os.environ["OCTOPUSH_USER_LOGIN"], "api_key": os.environ["OCTOPUSH_API_KEY"]}
    sms = {
        "sms_recipients": "+33612345678",
        "sms_text": TEXT,
        "sms_type": "FR",
        "sms_sender": "Octo",
        "transactional": "1",
    }
    requests.post(f"{os.environ['OCTOPUSH_URL']}/sms/json", data={**account, **sms}, timeout=10)
    _record(late)


def _record(late, _connection=[]):  # noqa: B006 - one connection for the process
    if not _connection:
        _connection.append(redis.Redis.from_url(URL))
    _connection[0].rpush("late", late)


def started(command, log):
    processes = [
        subprocess.Popen([*command, "-n", f"w{n}@%h"], stdout=log, stderr=log, cwd=Path(__file__).parent)
        for n in range(WORKERS)
    ]
    while Path(log.name).read_bytes().count(b" ready.") < WORKERS:
        time.sleep(0.1)
    return processes


def stopped(processes):
    for process in processes:
        process.send_signal(signal.SIGTERM)
    for process in processes:
        process.wait(60)


def summary(late):
    late = sorted(late)
    return {"n": len(late), "p50": late[len(late) // 2], "p99": late[int(len(late) * 0.99)]}


def run_plain(count, rate, log):
    client = redis.Redis.from_url(URL)
    command = ["-m", "celery", "-A", "lateness:plain", "worker", "-P", "threads", "-c", "16", "-l", "INFO"]
    workers = started([sys.executable, *command], log)
    first = time.time() + count / 1000 + 8
    for n in range(count):
        due = first + n / rate
        send.apply_async((due,), eta=datetime.fromtimestamp(due, UTC))
    while client.llen("late") < count:
        time.sleep(0.2)
    stopped(workers)
    return summary([float(value) for value in client.lrange("late", 0, -1)])


def run_ours(count, rate, log):
    from held import KEPT, filled  # noqa: PLC0415 - the other way does not need it

    from octoworker.store import Store, connect  # noqa: PLC0415 - the same

    client = connect(URL)
    store = Store(client, **KEPT, max_crashes=5)
    first = time.time() + count / 1000 + 8
    for_later = filled(store, count, first)
    dues = {message_id: first + n / rate for n, message_id in enumerate(for_later)}
    with client.pipeline(transaction=False) as pipe:
        for message_id, due in dues.items():
            pipe.hset(f"ow:message:{message_id}", "due", int(due * 1000))
            pipe.zadd("ow:due", {message_id: due * 1000})
        pipe.execute()
    workers = started([sys.executable, "-m", "octoworker", "worker"], log)
    while client.zcard("ow:due"):
        time.sleep(0.2)
    stopped(workers)
    late = []
    for message_id, due in dues.items():
        moves = store.get(message_id).history
        late.append(max(0.0, next(move.at.timestamp() for move in moves if move.state == "submitting") - due))
    return summary(late)


if __name__ == "__main__":
    way, count, rate = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    with tempfile.NamedTemporaryFile() as log:
        print(json.dumps({"ours": run_ours, "plain": run_plain}[way](count, rate, log)))
