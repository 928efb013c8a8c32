"""Celery as a user who has read about speed runs it: a session, no results, none of the workers' chatter."""

from __future__ import annotations

import sys

from celery import Celery

from contenders import sending

app = Celery("tuned", broker=sending.REDIS_URL)
app.conf.task_ignore_result = True
app.conf.worker_prefetch_multiplier = 16


@app.task
def send(number, text):
    sending.send(number, text)


def prepare(count):
    with app.producer_pool.acquire(block=True) as producer:
        for number in sending.numbers(count):
            send.apply_async((number, sending.TEXT), producer=producer)


def run():
    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    command = ["-m", "celery", "-A", "contenders.tuned_celery:app", "worker", "-P", "prefork", "-c", "2", *quiet]
    return [[sys.executable, *command]]
