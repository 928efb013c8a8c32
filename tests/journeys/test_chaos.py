"""The long run in short: every door once, every mishap once, and the oracle that judges them (`make chaos` is the long one)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from chaos import doors, mishaps, oracle
from chaos.ledger import Ledger, Promise
from moved_clock import needs_a_compiler

HERE = Path(__file__).parent
NUMBER, TEXT = "+33600000001", "text"


def record(state="accepted", *, confirmed=True, maybe_sent=False, needs_review=False, recipients=None):
    return {
        "state": state,
        "confirmed": confirmed,
        "maybe_sent": maybe_sent,
        "needs_review": needs_review,
        "recipients": recipients or {},
        "history": [],
    }


@pytest.mark.parametrize(
    ("rang", "found", "result"),
    [
        (1, record(), "fine"),
        (0, record("rejected", maybe_sent=True), "fine"),
        (0, record(recipients={NUMBER: {"state": "rejected"}}), "fine"),
        (2, record(), "twice"),
        (2, None, "twice"),
        (0, None, "lost"),
        (0, record(), "lost"),
        (0, record(confirmed=False), "lost"),
        (1, record("rejected"), "wrong"),
        (1, record(recipients={NUMBER: {"state": "rejected"}}), "wrong"),
        (1, record("queued"), "stuck"),
        (0, record("unknown"), "stuck"),
        (0, record("unknown", needs_review=True), "for a person"),
        (1, record("dead", maybe_sent=True), "for a person"),
        (1, record("dead"), "wrong"),
    ],
)
def test_the_oracle_judges_by_what_rang(rang, found, result):
    assert oracle.judge(rang, found, NUMBER, burnt=False) == result


def test_where_keys_are_burnt_an_accepted_message_that_rang_nowhere_must_say_that_nobody_saw_it_accepted():
    assert oracle.judge(0, record(confirmed=False), NUMBER, burnt=True) == "unconfirmed"
    assert oracle.judge(0, record(), NUMBER, burnt=True) == "lost"


def test_a_double_is_seen_also_of_what_no_door_confirmed():
    ledger = Ledger()
    ledger.perhaps_taken([Promise("send_task", NUMBER, TEXT)])
    rang = {NUMBER: [{"text": TEXT}] * 2, "+33600000002": [{"text": TEXT}] * 2}
    assert oracle.results(ledger, rang, None, None, burnt=False).of("twice") == 2


@needs_a_compiler
@pytest.mark.timeout(600)
def test_each_door_and_each_mishap_lose_nothing_and_repeat_nothing(tmp_path):
    """The workers change to v1 on the way."""
    run = [sys.executable, HERE / "chaos", "--kills", "1", "--late", "5", "--change-to", "v1", "--report", tmp_path]
    done = subprocess.run(run, capture_output=True, text=True, check=False, timeout=580)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{sum(1 for name in mishaps.WEIGHTS if f'| {name} | 0 |' not in done.stdout)}" == f"{len(mishaps.WEIGHTS)}"
    assert all(f"{door} " in done.stdout for door in doors.WEIGHTS)
