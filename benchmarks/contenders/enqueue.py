"""What handing a message over costs its sender. Prints microseconds per message as JSON.

`octoworker.enqueue` and a bare `apply_async` with a shared producer take turns, so that what else the machine does
falls on both. Then the same messages through `enqueue_many`.
"""

from __future__ import annotations

import json
import statistics
import sys
import time

from contenders import sending, tuned_celery
from octoworker import enqueue, enqueue_many

WARM = 100


def timed(act):
    started = time.perf_counter_ns()
    act()
    return (time.perf_counter_ns() - started) / 1000


def main(count):
    ours, bare = [], []
    with tuned_celery.app.producer_pool.acquire(block=True) as producer:
        for message in sending.messages(count + WARM):
            given = (message["recipients"], message["text"])
            ours.append(timed(lambda message=message: enqueue(**message)))
            bare.append(timed(lambda given=given: tuned_celery.send.apply_async(given, producer=producer)))
    ours, bare = ours[WARM:], bare[WARM:]
    many = timed(lambda: enqueue_many(sending.messages(10 * count))) / (10 * count)
    one_by_one = statistics.fmean(ours)
    print(
        json.dumps(
            {
                "enqueue_p50_us": statistics.median(ours),
                "apply_async_p50_us": statistics.median(bare),
                "enqueue_mean_us": one_by_one,
                "enqueue_many_us": many,
                "ratio": statistics.median(ours) / statistics.median(bare),
                "bulk_gain": one_by_one / many,
            }
        )
    )


if __name__ == "__main__":
    main(int(sys.argv[1]))
