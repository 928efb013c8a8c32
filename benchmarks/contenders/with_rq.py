"""rq with two workers that do not fork for each job: its quickest mode."""

from __future__ import annotations

import sys

from redis import Redis
from rq import Queue

from contenders import sending


def prepare(count):
    queue = Queue(connection=Redis.from_url(sending.REDIS_URL))
    jobs = [Queue.prepare_data(sending.send, (number, sending.TEXT)) for number in sending.numbers(count)]
    queue.enqueue_many(jobs)


def run():
    worker = ["-m", "rq.cli", "worker", "-u", sending.REDIS_URL, "-w", "rq.worker.SimpleWorker", "-q"]
    return [[sys.executable, *worker], [sys.executable, *worker]]
