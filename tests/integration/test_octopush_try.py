"""`octoworker octopush try`: the seven things to try, against the sandbox with each of its switches."""

from __future__ import annotations

import pytest
from click.testing import CliRunner
from harness import API_KEY, LOGIN, NUMBER, own_port

from octoworker.cli import cli
from octoworker.errors import OctoworkerError
from octoworker.sandbox import Sandbox

FIRST, REFUSED, FIVE_X, PURPOSE, BAD, RECEIPTS, CANCEL = range(1, 8)


@pytest.fixture
def sandbox():
    with Sandbox(user_login=LOGIN, api_key=API_KEY) as it:
        yield it


def command(sandbox, *arguments, api="v1", said=""):
    account = {"OCTOPUSH_USER_LOGIN": LOGIN, "OCTOPUSH_API_KEY": API_KEY}
    environ = {**account, "OCTOPUSH_API": api, "OCTOPUSH_URL": sandbox.urls[api]}
    return CliRunner().invoke(cli, ["octopush", *arguments], input=said, env=environ, catch_exceptions=False)


def tried(sandbox, *wanted, more=()):
    """What the command says when a person agrees to these steps."""
    questions = [n for n in range(1, 8) if n != RECEIPTS or more]
    answers = "".join("y\n" if n in wanted else "n\n" for n in questions)
    return command(sandbox, "try", "--to", NUMBER, *more, said=answers).stdout


def rang(sandbox):
    return len(sandbox.handsets().get(NUMBER, []))


SWITCHES = {
    "a key is known": (FIRST, {}, ["HTTP 400", "182", "not sent again"], 1),
    "200": (FIRST, {"success_status": 200}, ["the first call: HTTP 200"], 1),
    "120": (FIRST, {"duplicate_code": "120"}, ["Code 120"], 1),
    "a key is forgotten": (FIRST, {"key_window": 0}, ["SENT AGAIN"], 2),
    "a refusal uses it up": (REFUSED, {"consume_on_refusal": True}, ["189", "uses the request_id up"], 0),
    "a refusal does not": (REFUSED, {"consume_on_refusal": False}, ["leaves the request_id"], 1),
    "five X are a mention": (FIVE_X, {"stop_five_x": True}, ["which number stands there?"], 1),
    "five X are none": (FIVE_X, {"stop_five_x": False}, ["It is no mention", "121"], 0),
    "a purpose that there is not": (PURPOSE, {}, ["taken for marketing", "121"], 0),
    "a purpose that nobody looks at": (PURPOSE, {"waived": ["121"]}, ["is it an alert?"], 1),
    "a bad number is dropped": (BAD, {"bad_numbers": "drop"}, ["for 1 of 2"], 1),
    "a bad number is refused": (BAD, {"bad_numbers": "refuse"}, ["The whole call was refused", "181"], 0),
    "a second cancel is refused": (
        CANCEL,
        {"cancel_again": "refuse"},
        ["first cancel: HTTP 204", "second cancel: HTTP 400"],
        0,
    ),
    "a second cancel is taken": (CANCEL, {"cancel_again": "accept"}, ["second cancel: HTTP 204"], 0),
    "money comes back": (CANCEL, {"refund_on_cancel": True, "credit": 10}, ["credit before 10, after 10"], 0),
    "money stays there": (CANCEL, {"refund_on_cancel": False, "credit": 10}, ["credit before 10, after 9.9"], 0),
}


@pytest.mark.parametrize(("step", "switches", "said", "rings"), SWITCHES.values(), ids=SWITCHES)
def test_what_the_account_does_is_said_whatever_it_does(sandbox, step, switches, said, rings):
    sandbox.settings(api="v1", **switches)
    shown = tried(sandbox, step)
    assert [each for each in said if each not in shown] == [], shown
    assert rang(sandbox) == rings
    assert NUMBER[3:] not in shown


def test_nothing_is_done_that_nobody_agreed_to(sandbox):
    shown = tried(sandbox)
    assert (shown.count("Left out"), sandbox.counts()["calls"]) == (7, 0)


def test_a_receipt_is_shown_as_it_came_and_the_addresses_are_set_back(sandbox):
    port = own_port()
    sandbox.settings(api="v1", url_deliveries="https://mine.example.com/r", payload_type="html")
    shown = tried(sandbox, RECEIPTS, more=("--url", f"http://127.0.0.1:{port}", "--port", str(port), "--wait", "5"))
    assert "payload_type is now json" in shown
    assert '"status": "DELIVERED"' in shown
    assert "did not come again" in shown
    assert NUMBER[3:] not in shown
    assert "mine.example.com" not in shown
    assert "https://mine.example.com/..." in command(sandbox, "show").stdout


def test_there_is_nothing_to_try_with_the_older_api(sandbox):
    with pytest.raises(OctoworkerError, match="nothing to try"):
        command(sandbox, "try", "--to", NUMBER, api="legacy")
