"""Testing an app that sends SMS, without Redis and without a worker: `octoworker.testing.outbox()`."""

from octoworker.client.testing import *  # noqa: F403 - the same names behind another door
