"""octoworker.contrib.django.test: a project's own tests send nothing, need no Redis, and see what they sent."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "journeys"))

from django_shop import Shop

TESTS = """
import os
import octoworker
from django.db import transaction
from django.test import SimpleTestCase, TestCase, TransactionTestCase
from octoworker import otp
from octoworker.contrib.django import enqueue
from octoworker.contrib.django.test import SmsOutboxMixin
from octoworker.testing import outbox

SMS = dict(recipients="+33612345678", text="Bonjour", transactional=True)

class InATransaction(SmsOutboxMixin, TestCase):
    def test_what_it_sends_is_seen(self):
        with transaction.atomic():
            message_id = enqueue(**SMS)
        assert self.sms_outbox.only().id == message_id
        otp.start("+33612345679", purpose="login")
        assert len(self.sms_outbox) == 2

    def test_each_test_has_its_own_and_what_is_rolled_back_is_not_there(self):
        try:
            with transaction.atomic():
                enqueue(**SMS)
                raise ZeroDivisionError
        except ZeroDivisionError:
            pass
        assert len(self.sms_outbox) == 0

class Committed(SmsOutboxMixin, TransactionTestCase):
    def test_what_was_committed_is_there_once(self):
        with transaction.atomic():
            enqueue(**SMS)
        assert len(self.sms_outbox) == 1

class Without(SimpleTestCase):
    def test_nothing_real_is_sent_without_the_mixin(self):
        octoworker.enqueue(**SMS)
        assert os.environ["OCTOWORKER_TESTING"] == "outbox"

    def test_an_outbox_of_its_own(self):
        with outbox() as box:
            octoworker.enqueue(**SMS)
        assert len(box) == 1
"""


def test_the_tests_of_a_project_pass_without_redis(tmp_path):
    shop = Shop(tmp_path, {"OCTOWORKER_REDIS_URL": "redis://127.0.0.1:1/0", "PATH": "/usr/bin:/bin"})
    shop.add_settings('TEST_RUNNER = "octoworker.contrib.django.test.Runner"')
    (tmp_path / "shop" / "tests.py").write_text(TESTS, encoding="utf-8")
    shop.manage("makemigrations", "shop")
    done = shop.manage("test", check=False)
    assert "Ran 5 tests" in done.stderr, done.stderr
    assert done.returncode == 0, done.stderr
    parallel = shop.manage("test", "--parallel", "2", check=False)
    assert parallel.returncode == 0, parallel.stderr
