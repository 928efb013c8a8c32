"""octoworker, many messages given to `enqueue_many` at once, one call to Octopush for each, a worker as shipped."""

from __future__ import annotations

from contenders import sending
from contenders.octoworker_single import run
from octoworker import enqueue_many

__all__ = ["prepare", "run"]


def prepare(count):
    enqueue_many(sending.messages(count))
