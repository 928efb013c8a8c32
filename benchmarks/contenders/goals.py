"""The goals, as ratios between figures that were measured in one run. `sum` is the CPU of the workers and of Redis."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

NAIVE, TUNED, RAW = "naive Celery, prefork 2", "tuned Celery, prefork 2", "raw loop"
NAIVE_FED, FED = "naive Celery, prefork 2, fed", "octoworker, single enqueue, fed"
CROWD, BULK, MANY = (
    "octoworker, single enqueue in a crowd",
    "octoworker, bulk",
    "octoworker, 500 recipients per call",
)
BULK_SLOW, RIVAL_SLOW = "octoworker, bulk, 100 ms", "dramatiq, 2 x 64 threads, 100 ms"
DRAMATIQ, IN_HUNDREDS = "dramatiq, 2 x 8 threads", "dramatiq, 100 in a job"
BARE_THREADS, ONE_PROCESS = "naive Celery, threads 16", "octoworker, single, one process"

CONNECTIONS, LATENCY = 128, 0.1
"""What octoworker may have open by default, and the seconds that the slow gateway takes."""


@dataclass(frozen=True)
class Goal:
    """`figure` reads the value out of what was measured; the goal is met when it is at most, or at least, `bound`."""

    says: str
    bound: float
    figure: Callable
    at_least: bool = False

    def judged(self, found):
        try:
            value = self.figure(found)
        except KeyError:
            return None
        met = value >= self.bound if self.at_least else value <= self.bound
        sign = ">=" if self.at_least else "<="
        return {"goal": self.says, "value": value, "bound": f"{sign} {self.bound:g}", "met": met}


def over(figure, one, other):
    """A figure of one contender as a multiple of another's."""
    return lambda found: found["contenders"][one][figure] / found["contenders"][other][figure]


def least(says, bound, figure):
    return Goal(says, bound, figure, at_least=True)


GOALS = (
    Goal("single enqueue in a crowd: sum, x naive Celery", 0.25, over("sum_us", CROWD, NAIVE)),
    least("single enqueue in a crowd: messages/s, x naive Celery", 5, over("per_s", CROWD, NAIVE)),
    least("single enqueue in a crowd: messages/s, x dramatiq", 1.3, over("per_s", CROWD, DRAMATIQ)),
    Goal("single enqueue, no crowd: sum, x naive Celery", 0.8, over("sum_us", FED, NAIVE_FED)),
    least("bulk: messages/s, x naive Celery", 6, over("per_s", BULK, NAIVE)),
    least("bulk: messages/s, x the raw loop", 2, over("per_s", BULK, RAW)),
    Goal("bulk: sum, x dramatiq with 100 in a job", 0.85, over("sum_us", BULK, IN_HUNDREDS)),
    least("100 ms: messages/s, x dramatiq with 2 x 64 threads", 1.3, over("per_s", BULK_SLOW, RIVAL_SLOW)),
    least(
        "100 ms: messages/s, x connections / latency",
        0.85,
        lambda found: found["contenders"][BULK_SLOW]["per_s"] / (CONNECTIONS / LATENCY),
    ),
    Goal("500 per call: sum per SMS, us", 25, lambda found: found["contenders"][MANY]["sum_us"]),
    Goal("enqueue: p50, x a bare apply_async", 0.5, lambda found: found["enqueue"]["ratio"]),
    least(
        "enqueue_many: messages in the time of a bare apply_async",
        15,
        lambda found: found["enqueue"]["apply_async_p50_us"] / found["enqueue"]["enqueue_many_us"],
    ),
    Goal("memory: PSS as shipped, x bare Celery with two processes, too", 1.25, over("pss_mb", CROWD, NAIVE)),
    Goal("memory: PSS of one process, x bare Celery's", 1.25, over("pss_mb", ONE_PROCESS, BARE_THREADS)),
    Goal("start: spawn to first call, x naive Celery", 0.6, over("start_s", CROWD, NAIVE)),
    Goal("Redis: bytes of a final record with its index keys", 1150, lambda found: found["memory"]["final"]),
    Goal("Redis: bytes of a tombstone with its index keys", 450, lambda found: found["memory"]["tombstone"]),
)
"""A goal that cannot be computed because a contender failed or was left out is not judged."""


def judged(found):
    return [outcome for goal in GOALS if (outcome := goal.judged(found))]
