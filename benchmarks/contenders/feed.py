"""`python -m contenders.feed MODULE COUNT`: hands messages over one by one, so that few ever wait: no crowd.

The next comes when fewer than eight stand in the queue, so the workers are never idle either. Its own CPU is counted nowhere.
"""

from __future__ import annotations

import importlib
import sys
import time

import redis

from contenders import sending

FEW = 8
PAUSE = 0.002
"""Seconds between two looks at the queue."""


def main(name, count):
    module = importlib.import_module(f"contenders.{name}")
    hand_over = module.handing_over()
    with redis.Redis.from_url(sending.REDIS_URL) as client:
        for message in sending.messages(count):
            while client.llen(module.QUEUE) >= FEW:
                time.sleep(PAUSE)
            hand_over(message)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
