"""`octoworker.otp` against a real Redis, a worker and a handset."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from harness import NUMBER

from octoworker import otp, testing
from octoworker.client import client as clients
from octoworker.errors import EnqueueError, PayloadError, SettingsError
from octoworker.sms.record import State

KEY = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def app(house, monkeypatch):
    """This process is the web app."""
    monkeypatch.setenv("OCTOWORKER_REDIS_URL", house.environ["REDIS_URL"])
    monkeypatch.setenv("OCTOWORKER_CODE_KEYS", KEY)
    monkeypatch.setattr(clients, "_client", None)
    yield house
    clients.client().close()


def code_on(house):
    return re.search(r"\d{6}", house.texts()[-1]).group()


def test_a_code_reaches_its_handset_once_and_is_right_once(app):
    app.worker()
    started = otp.start("06 12 34 56 78", purpose="login", domain="example.com")
    assert otp.start(NUMBER, purpose="login", domain="example.com") == started
    app.ended(started.message_id, State.ACCEPTED)
    assert len(app.texts()) == 1
    assert app.texts()[0].endswith(f"@example.com #{code_on(app)}")
    wrong = "000000" if code_on(app) != "000000" else "111111"
    assert otp.check(started.id, wrong) == otp.Checked("wrong", 4)
    assert otp.check(started.id, code_on(app)).ok
    assert otp.check(started.id, code_on(app)).outcome == "expired"


def test_a_code_that_has_gone_stands_nowhere_in_redis(app):
    app.worker()
    started = otp.start(NUMBER, purpose="login")
    record = app.ended(started.message_id, State.ACCEPTED)
    code = code_on(app)
    assert record.arguments["text"] == ""
    left = "".join(str(app.redis.hgetall(key)) for key in app.redis.scan_iter("ow:*") if app.redis.type(key) == "hash")
    assert code not in left
    done = app.command("replay", started.message_id, "--force", check=False)
    assert done.returncode == 1
    assert len(app.texts()) == 1


@pytest.mark.parametrize("odd", ["", "of:x", "x" * 10_000, "é" * 32, "0" * 31, None])
def test_an_id_that_is_none_is_as_one_that_is_over(app, odd):
    app.redis.set("ow:codes:of:x", "y")
    assert otp.check(odd, "123456") == otp.Checked("expired")


def test_a_test_without_redis_has_the_same_codes(monkeypatch):
    monkeypatch.setenv("OCTOWORKER_CODE_KEYS", KEY)
    with testing.outbox() as box:
        started = otp.start(NUMBER, purpose="login")
        assert otp.start(NUMBER, purpose="login") == started
        (sms,) = box.messages
        code = re.search(r"\d{6}", sms.text).group()
        wrong = "000000" if code != "000000" else "111111"
        assert otp.check(started.id, wrong) == otp.Checked("wrong", 4)
        assert otp.check(started.id, code).ok
        assert otp.check(started.id, code).outcome == "expired"
        assert otp.start(NUMBER, purpose="login").id != started.id


def test_a_thousand_guesses_at_once_get_five_looks(app):
    started = otp.start(NUMBER, purpose="login")
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda n: otp.check(started.id, f"x{n}").outcome, range(1000)))
    assert answers.count("wrong") == 4
    assert answers.count("locked") == 996


def test_of_the_right_code_said_a_hundred_times_at_once_one_is_told_ok(app):
    from octoworker.sms.codes import code_of  # noqa: PLC0415 - the web app's secret, which no handset needs here

    answers = []
    for _ in range(20):
        started = otp.start(NUMBER, purpose="login")
        with ThreadPoolExecutor(8) as pool:
            said = pool.map(lambda _, it=started: otp.check(it.id, code_of(it.id, KEY)).ok, range(5))
            answers.append(sum(said))
    assert answers == [1] * 20


def test_a_number_that_is_none_and_a_missing_secret_are_said_at_once(app, monkeypatch):
    with pytest.raises(PayloadError, match=r"^phone: "):
        otp.start("12", purpose="login")
    with pytest.raises(PayloadError, match=r"^purpose: "):
        otp.start(NUMBER, purpose="log in")
    monkeypatch.setenv("OCTOWORKER_CODE_GUARD", "maybe")
    with pytest.raises(SettingsError, match="OCTOWORKER_CODE_GUARD"):
        otp.start(NUMBER, purpose="login")
    monkeypatch.delenv("OCTOWORKER_CODE_KEYS")
    with pytest.raises(SettingsError, match="OCTOWORKER_CODE_KEYS"):
        otp.check("x", "1")


def test_a_redis_that_is_away_is_told_and_asking_again_gives_the_same_code(app, monkeypatch):
    first = otp.start(NUMBER, purpose="login")
    clients.client().close()
    monkeypatch.setattr(clients, "_client", None)
    monkeypatch.setenv("OCTOWORKER_REDIS_URL", "redis://127.0.0.1:1/0")
    with pytest.raises(EnqueueError):
        otp.start(NUMBER, purpose="login")
    clients.client().close()
    monkeypatch.setattr(clients, "_client", None)
    monkeypatch.setenv("OCTOWORKER_REDIS_URL", app.environ["REDIS_URL"])
    assert otp.start(NUMBER, purpose="login") == first
