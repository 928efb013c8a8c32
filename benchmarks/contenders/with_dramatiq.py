"""dramatiq as its command starts it on two cores: two processes of eight threads; also with more, and with many in one job."""

from __future__ import annotations

import os
import sys

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from contenders import sending

dramatiq.set_broker(RedisBroker(url=sending.REDIS_URL))

THREADS = os.environ.get("DRAMATIQ_THREADS", "8")
IN_ONE = int(os.environ.get("DRAMATIQ_IN_ONE", "1"))


@dramatiq.actor
def send(number, text):
    sending.send(number, text)


@dramatiq.actor
def send_many(numbers, text):
    for number in numbers:
        sending.send(number, text)


def prepare(count):
    numbers = sending.numbers(count)
    if IN_ONE == 1:
        for number in numbers:
            send.send(number, sending.TEXT)
    for start in range(0, count if IN_ONE > 1 else 0, IN_ONE):
        send_many.send(numbers[start : start + IN_ONE], sending.TEXT)


def run():
    return [[sys.executable, "-m", "dramatiq", "contenders.with_dramatiq", "-p", "2", "-t", THREADS]]
