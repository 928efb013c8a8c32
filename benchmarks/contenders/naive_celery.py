"""Celery as its first tutorial has it: `requests.post` in a task, Redis for jobs and results, two prefork children."""

from __future__ import annotations

import os
import sys

import requests
from celery import Celery

from contenders import sending

app = Celery("naive", broker=sending.REDIS_URL, backend=sending.REDIS_URL)

QUEUE = "celery"

POOL = ("-P", os.environ.get("NAIVE_POOL", "prefork"), "-c", os.environ.get("NAIVE_CONCURRENCY", "2"))


@app.task
def send(number, text):
    return sending.ticket(requests.post(sending.ADDRESS, data=sending.form(number, text), timeout=sending.TIMEOUT))


def prepare(count):
    for number in sending.numbers(count):
        send.delay(number, sending.TEXT)


def handing_over():
    """What takes one message, for `feed`."""
    return lambda message: send.delay(message["recipients"], message["text"])


def run():
    return [[sys.executable, "-m", "celery", "-A", "contenders.naive_celery:app", "worker", "-l", "INFO", *POOL]]
