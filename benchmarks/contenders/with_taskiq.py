"""taskiq with its list broker, two processes; the send runs in its threads."""

from __future__ import annotations

import asyncio
import sys

from taskiq_redis import ListQueueBroker

from contenders import sending

broker = ListQueueBroker(sending.REDIS_URL)


@broker.task
def send(number: str, text: str) -> str:
    return sending.send(number, text)


async def _prepare(count):
    await broker.startup()
    for number in sending.numbers(count):
        await send.kiq(number, sending.TEXT)
    await broker.shutdown()


def prepare(count):
    asyncio.run(_prepare(count))


def run():
    return [[sys.executable, "-m", "taskiq", "worker", "contenders.with_taskiq:broker", "--workers", "2"]]
