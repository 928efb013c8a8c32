"""Fixtures: the real things of tests/harness.py, ended with the test that asked for them."""

from __future__ import annotations

import os
import signal

import pytest
import redis
from hypothesis import HealthCheck, settings

from octoworker import embedded
from octoworker.sandbox import Sandbox

# How fast this machine is right now is no property of our code.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

# A shell's background job ignores Ctrl-C, and so would each process that a test starts and interrupts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch):
    """No setting of the machine's reaches a test."""
    for name in list(os.environ):
        if name.startswith(("OCTOPUSH_", "OCTOWORKER_", "CELERY_")):
            monkeypatch.delenv(name)


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
