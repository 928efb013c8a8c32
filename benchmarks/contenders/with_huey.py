"""huey with threads, its usual mode for work that waits for a network, in two processes of eight."""

from __future__ import annotations

import sys

from huey import RedisHuey

from contenders import sending

huey = RedisHuey("bench", url=sending.REDIS_URL)


@huey.task()
def send(number, text):
    return sending.send(number, text)


def prepare(count):
    for number in sending.numbers(count):
        send(number, sending.TEXT)


def run():
    consumer = ["-m", "huey.bin.huey_consumer", "contenders.with_huey.huey", "-k", "thread", "-w", "8"]
    return [[sys.executable, *consumer]] * 2
