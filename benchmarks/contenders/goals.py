"""The goals of the issue, as ratios between figures that were measured in one run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

NAIVE, TUNED, RAW = "naive Celery, prefork 2", "tuned Celery, prefork 2", "raw loop"
ONE, BULK, MANY = "octoworker, one per job", "octoworker, bulk jobs", "octoworker, 500 recipients per call"
GEVENT, BULK_SLOW = "naive Celery, gevent 100, 100 ms", "octoworker, bulk jobs, 100 ms"
BULK_ONE = "octoworker, bulk jobs, one process"
BARE, THREADS = "naive Celery, threads 16", "octoworker, one per job, threads 16"


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


def trips(name, *commands):
    def figure(found):
        counted = found["round_trips"][name]
        return sum(counted[command] for command in commands) if commands else sum(counted.values())

    return figure


GOALS = (
    Goal("one per job: CPU per message, x naive Celery", 0.8, over("cpu_us", ONE, NAIVE)),
    Goal("bulk jobs: messages/s, x naive Celery", 5.5, over("per_s", BULK, NAIVE), at_least=True),
    Goal("bulk jobs: messages/s, x the raw loop", 1.0, over("per_s", BULK, RAW), at_least=True),
    Goal("bulk jobs: messages/s, x huey", 1.6, over("per_s", BULK, "huey, threads"), at_least=True),
    Goal("bulk jobs: messages/s, x dramatiq", 2.0, over("per_s", BULK, "dramatiq"), at_least=True),
    Goal(
        "100 ms gateway, one process: messages/s, x naive gevent", 6.0, over("per_s", BULK_SLOW, GEVENT), at_least=True
    ),
    Goal("100 ms gateway: messages/s, x our own at 0 ms", 0.85, over("per_s", BULK_SLOW, BULK_ONE), at_least=True),
    Goal("500 per call: tuned Celery's CPU per SMS, x ours", 75, over("cpu_us", TUNED, MANY), at_least=True),
    Goal("500 per call: CPU per SMS, us", 30, lambda found: found["contenders"][MANY]["cpu_us"]),
    Goal("enqueue: p50, x a bare apply_async", 1.3, lambda found: found["enqueue"]["ratio"]),
    Goal("enqueue_many: x one by one", 30, lambda found: found["enqueue"]["bulk_gain"], at_least=True),
    Goal("one per job: scripts (claim, settle) per message", 2.05, trips(ONE, "EVALSHA")),
    Goal(
        "one per job: other round trips per message, beyond naive Celery's",
        0.05,
        lambda found: trips(ONE)(found) - trips(ONE, "EVALSHA")(found) - trips(NAIVE)(found),
    ),
    Goal("bulk jobs: round trips per message", 0.1, trips(BULK)),
    Goal("memory: PSS, x a bare Celery worker of the same pool", 1.25, over("pss_mb", THREADS, BARE)),
    Goal("start: spawn to first call, x naive Celery", 1.0, over("start_s", ONE, NAIVE)),
)
"""2.05 and 0.05: the clock of the worker asks Redis twice a second, whether messages go or not."""


def judged(found):
    return [outcome for goal in GOALS if (outcome := goal.judged(found))]
