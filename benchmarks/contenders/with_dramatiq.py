"""dramatiq as its command starts it on two cores: two processes of eight threads."""

from __future__ import annotations

import sys

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from contenders import sending

dramatiq.set_broker(RedisBroker(url=sending.REDIS_URL))


@dramatiq.actor
def send(number, text):
    sending.send(number, text)


def prepare(count):
    for number in sending.numbers(count):
        send.send(number, sending.TEXT)


def run():
    return [[sys.executable, "-m", "dramatiq", "contenders.with_dramatiq", "-p", "2", "-t", "8"]]
