"""Django's own tests, in which nothing is sent: `TEST_RUNNER = "octoworker.contrib.django.test.Runner"`, and

    class Booking(SmsOutboxMixin, TestCase):
        def test_a_booking_is_confirmed(self):
            self.client.post("/book", ...)
            self.assertEqual(self.sms_outbox.only().text, "...")

No Redis is needed. `octoworker.testing.outbox()` works beside it, also for a part of a test.
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from django.test.runner import DiscoverRunner

from octoworker import environment
from octoworker.client.testing import Outbox, outbox
from octoworker.contrib.django import taking
from octoworker.contrib.django.relay import Relay

if TYPE_CHECKING:
    from django.test import SimpleTestCase as _Case
else:
    _Case = object

CODE_KEY = "a secret of tests for codes that go nowhere"


class OutboxRunnerMixin:
    """For a test runner of your own: what a test sends stands in an outbox that nobody looks at, where it has none of its own."""

    def setup_test_environment(self, **kwargs: Any) -> None:
        """Before the first test, and before the processes of `--parallel` are made, which inherit both."""
        super().setup_test_environment(**kwargs)  # type: ignore[misc]  # the runner that this is mixed into
        os.environ[environment.TESTING] = "outbox"
        if not os.environ.get(f"{environment.CODE_KEYS}_FILE"):
            os.environ.setdefault(environment.CODE_KEYS, CODE_KEY)
        self._open = ExitStack()
        self._open.enter_context(outbox())

    def teardown_test_environment(self, **kwargs: Any) -> None:
        """After the last test."""
        self._open.close()
        super().teardown_test_environment(**kwargs)  # type: ignore[misc]  # as above


class Runner(OutboxRunnerMixin, DiscoverRunner):
    """Django's test runner, with an outbox in the place of Redis."""


class SmsOutboxMixin(_Case):
    """In front of a TestCase: each test has an outbox of its own."""

    def setUp(self) -> None:
        """An empty one."""
        open_ = ExitStack()
        self.addCleanup(open_.close)
        self._sms_outbox = open_.enter_context(outbox())
        super().setUp()

    @property
    def sms_outbox(self) -> Outbox:
        """What was sent, the SMS of the test's own transaction among them: a TestCase never commits it."""
        Relay(taking.database()).drained(timeout=60)
        return self._sms_outbox
