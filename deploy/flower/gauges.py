"""octoworker's gauges beside Flower's own on its /metrics: the same look at Redis as `octoworker metrics`, without labels
that could hold a number. Flower has octoworker's code for this and no account.
"""

import os
from collections.abc import Iterable

from prometheus_client import REGISTRY, Metric

from octoworker.sms.lanes import QUEUES
from octoworker.store import connect
from octoworker.store.stats import look
from octoworker.web.gauges import Gauges

PATIENCE = 1.0
"""Seconds for one answer of Redis: Flower does one thing at a time, and shows no page meanwhile."""


class _Described(Gauges):
    """Told of nothing beforehand: Flower must start while Redis is away, and registering would look."""

    def describe(self) -> Iterable[Metric]:
        return ()


def register(broker_url: str) -> None:
    """Put them on Flower's /metrics. Not when the jobs are on another server, for the records are not there."""
    if broker_url.startswith(("redis://", "rediss://", "unix://")):
        client = connect(broker_url, timeout=PATIENCE, connections=2, retries=0)
        REGISTRY.register(_Described(lambda: look(client, QUEUES), float(os.environ.get("OCTOWORKER_RATE") or 0)))
