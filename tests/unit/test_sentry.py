"""A bug is told to Sentry by its kind and its place, and nothing of what it was handling goes along."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from octoworker.errors import StoreError
from octoworker.telemetry import sentry

sentry_sdk = pytest.importorskip("sentry_sdk", reason="the extra `sentry` is not installed")

NUMBER, TEXT, KEY = "+33612345678", "MARKERTEXT votre code", "MARKERKEY"


@pytest.fixture
def told():
    """What has left for Sentry, as text."""
    sent = []

    class Recording(sentry_sdk.transport.Transport):
        def capture_envelope(self, envelope):
            sent.append(envelope.serialize().decode())

    sentry.start("https://public@sentry.invalid/1", transport=Recording)
    yield sent
    sentry.stop()


def stumble(number, text):
    """A bug with everything at hand that must not leave."""
    headers = {"Authorization": KEY}
    try:
        return int(number + text)
    except ValueError as error:
        raise KeyError(number, text, headers) from error


def test_a_bug_is_told_by_kind_and_place_alone(told):
    sentry_sdk.set_tag("number", NUMBER)
    sentry_sdk.set_user({"id": NUMBER})
    sentry_sdk.set_extra("job", TEXT)
    sentry_sdk.add_breadcrumb(message=TEXT)
    try:
        stumble(NUMBER, TEXT)
    except KeyError as error:
        sentry.bug(error, job_id="a1", number=NUMBER)
    (envelope,) = told
    event = json.loads(envelope.splitlines()[-1])
    assert [each["type"] for each in event["exception"]["values"]] == ["ValueError", "KeyError"]
    assert event["exception"]["values"][-1]["stacktrace"]["frames"][-1]["function"] == "stumble"
    assert event["tags"] == {"job_id": "a1"}
    for secret in (NUMBER, NUMBER[3:], "MARKER", os.uname().nodename):
        assert secret not in envelope


def test_our_own_sentence_is_told(told):
    sentry.bug(StoreError("Redis could not be read or written (TimeoutError)."))
    assert "Redis could not be read or written" in told[0]


def test_without_an_address_nothing_is_set_up():
    sentry.start("")
    sentry.bug(ValueError(NUMBER))
    assert not sentry_sdk.get_client().is_active()


@pytest.mark.parametrize("library", ["opentelemetry", "sentry_sdk"])
def test_a_worker_without_the_extra_is_complete(library):
    """As if it were not installed: the import fails."""
    wanted = f"""
import sys
sys.modules[{library!r}] = None
from octoworker.telemetry import sentry, tracing
tracing.start(); sentry.start("https://public@sentry.invalid/1"); sentry.bug(ValueError())
with tracing.Call("a" * 32, "urgent"): pass
import octoworker.worker.tasks
"""
    done = subprocess.run([sys.executable, "-c", wanted], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
