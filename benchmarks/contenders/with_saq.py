"""saq, ten jobs at once in each of two processes; the send runs in threads beside its event loop."""

from __future__ import annotations

import asyncio
import sys

from saq import Queue

from contenders import sending

queue = Queue.from_url(sending.REDIS_URL)


async def send(_context, *, number, text):
    return await asyncio.to_thread(sending.send, number, text)


settings = {"queue": queue, "functions": [send], "concurrency": 10}


async def _prepare(count):
    await queue.connect()
    for number in sending.numbers(count):
        await queue.enqueue("send", number=number, text=sending.TEXT)
    await queue.disconnect()


def prepare(count):
    asyncio.run(_prepare(count))


def run():
    return [[sys.executable, "-m", "saq", "contenders.with_saq.settings"]] * 2
