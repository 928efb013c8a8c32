"""Fixtures: the real things of tests/harness.py, ended with the test that asked for them."""

from __future__ import annotations

import os
import signal
from datetime import UTC, datetime

import pytest
import redis
import time_machine
from hypothesis import HealthCheck, settings

from octoworker.sandbox import Sandbox
from octoworker.store import embedded

# How fast this machine is right now is no property of our code.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

# A shell's background job ignores Ctrl-C, and so would each process that a test starts and interrupts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser):
    parser.addoption("--api", help="the API that is spoken where a test names none; see make test-v1")


def pytest_configure(config):
    config.addinivalue_line("markers", "older_api: holds for the older API alone, whatever `--api` says")
    if api := config.getoption("--api"):
        import harness  # noqa: PLC0415 - unit tests need none of it

        harness.spoken = api


def pytest_collection_modifyitems(config, items):
    if config.getoption("--api"):
        other = pytest.mark.skip(reason="of the older API alone")
        for item in items:
            if item.get_closest_marker("older_api"):
                item.add_marker(other)


NOW = datetime(2026, 11, 23, 11, tzinfo=UTC)
"""A Monday, noon in Paris."""


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch):
    """No setting of the machine's reaches a test."""
    for name in list(os.environ):
        if name.startswith(("OCTOPUSH_", "OCTOWORKER_", "CELERY_")):
            monkeypatch.delenv(name)


@pytest.fixture
def still():
    """A clock that stands, also for fakeredis, but for what the test shifts it by: a tenth of a second that a test speaks of
    is none of this machine's."""
    with time_machine.travel(NOW, tick=False) as clock:
        yield clock


@pytest.fixture(scope="session")
def redis_server():
    """One server for the tests that only need a store."""
    with embedded.Server() as server:
        yield server


@pytest.fixture
def redis_client(redis_server):
    """A client of an empty database."""
    client = redis.Redis.from_url(redis_server.url, decode_responses=True)
    client.flushall()
    yield client
    client.close()


@pytest.fixture
def house(tmp_path, request):
    """A Redis, a sandbox and room for workers. Settings by `@pytest.mark.parametrize("house", [{...}], indirect=True)`."""
    import harness  # noqa: PLC0415 - unit tests need none of it

    with harness.house(tmp_path, getattr(request, "param", None)) as it:
        yield it


@pytest.fixture
def sandbox():
    """A stand-in for Octopush on a free port."""
    with Sandbox() as it:
        yield it


@pytest.fixture
def caller(sandbox):
    """Somebody who calls it without any code of ours."""
    from sandbox_caller import Caller  # noqa: PLC0415 - the tests of the sandbox alone need it

    it = Caller(sandbox)
    yield it
    it.close()
