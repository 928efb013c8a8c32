"""No queue: one process, one session, one write to Redis for each message. The practical limit for requests."""

from __future__ import annotations

import sys

import redis

from contenders import sending


def prepare(count):
    with redis.Redis.from_url(sending.REDIS_URL) as client:
        client.set("count", count)


def run():
    return [[sys.executable, "-m", "contenders.raw_loop"]]


def loop():
    with redis.Redis.from_url(sending.REDIS_URL) as client:
        for n, number in enumerate(sending.numbers(int(client.get("count")))):
            client.set(f"sent:{n}", sending.send(number, sending.TEXT))


if __name__ == "__main__":
    loop()
