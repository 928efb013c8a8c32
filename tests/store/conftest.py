"""A store on fakeredis, whose clock stands still but for what a test shifts it by. The same scripts meet a real server in
tests/integration."""

from __future__ import annotations

import fakeredis
import pytest
from store_kit import open_store


@pytest.fixture
def server(still):
    return fakeredis.FakeServer()


@pytest.fixture
def client(server):
    return fakeredis.FakeRedis(server=server, decode_responses=True)


@pytest.fixture
def store(client):
    return open_store(client)
