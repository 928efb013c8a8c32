"""What a web app hears of a key whose message is over, and of a cancel that finds nothing to do."""

from __future__ import annotations

import pytest

import octoworker
from octoworker.client.client import close
from octoworker.errors import RefusedError, UnknownMessageError

KEYED = {"recipients": "+33612345678", "text": "Rendez-vous", "transactional": True, "idempotency_key": "reminder-1"}


@pytest.fixture
def app(redis_server, redis_client, monkeypatch):
    """A web app with a Redis, and no worker."""
    monkeypatch.setenv("REDIS_URL", redis_server.url)
    close()
    yield redis_client
    close()


def test_a_key_whose_message_was_cancelled_says_so(app):
    first = octoworker.enqueue(**KEYED)
    assert (first.state, first.over) == (None, False)
    octoworker.cancel(first)
    again = octoworker.enqueue(**KEYED)
    assert (again, again.state, again.over) == (first, "cancelled", True)
    assert [each.state for each in octoworker.enqueue_many([KEYED])] == ["cancelled"]
    assert octoworker.enqueue(**KEYED, replace=True).over is False
    assert octoworker.status(first)["state"] == "queued"


def test_a_cancel_that_finds_nothing_to_do_is_fine_when_it_is_said_to_be(app):
    nobody = octoworker.message_id("reminder-2")
    assert octoworker.cancel(nobody, missing_ok=True) is None
    with pytest.raises(UnknownMessageError):
        octoworker.cancel(nobody)
    taken = octoworker.enqueue(**KEYED)
    assert octoworker.cancel(taken)["state"] == "cancelled"
    assert octoworker.cancel(taken, missing_ok=True)["state"] == "cancelled"
    with pytest.raises(RefusedError):
        octoworker.cancel(taken)


def test_what_has_gone_is_no_cancelled_message(app):
    taken = octoworker.enqueue(**KEYED)
    app.hset(f"ow:message:{taken}", mapping={"state": "accepted"})
    with pytest.raises(RefusedError, match="handed over"):
        octoworker.cancel(taken, missing_ok=True)
    with pytest.raises(RefusedError, match="gone"):
        octoworker.enqueue(**{**KEYED, "text": "another"}, replace=True)
