"""The long run in short: every door once, every mishap once, and the oracle that judges them (`make chaos` is the long one)."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from chaos import doors, mishaps, oracle
from chaos.again import Again
from chaos.closing import STANDSTILL, Look, Patience
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


def test_who_hears_of_it_when_all_is_asked_for_again_is_named():
    handsets = {NUMBER: [{"text": TEXT}], "+33600000002": [{"text": TEXT}]}
    again = Again(Ledger(), lambda: handsets, None)
    again.remember()
    again.judge()
    assert again.rang_again == []
    handsets[NUMBER] = [{"text": TEXT}, {"text": TEXT}]
    again.judge()
    assert again.rang_again == ["'text' had rung 1 times, and 2 when it was asked for again"]


class Slow:
    """A machine on which each look takes so many seconds."""

    def __init__(self, seconds, looks):
        self.seconds, self.looks, self.now = seconds, iter(looks), 0.0

    def patience(self, longest):
        return Patience(longest, clock=lambda: self.now, sleep=self.sleep)

    def sleep(self, _):
        self.now += self.seconds

    def look(self):
        return next(self.looks)


HOUR = 3600.0


def test_the_run_waits_as_long_as_messages_come_to_an_end_however_slow_the_machine_is():
    slow = Slow(STANDSTILL * 0.9, [Look(left) for left in range(10, -1, -1)])
    patience = slow.patience(longest=HOUR)
    assert patience.wait("messages", slow.look)
    assert (patience.gave_up, patience.moving) == ([], False)


def test_what_is_only_tried_again_and_again_is_stuck():
    slow = Slow(1, [Look(2 + n % 2) for n in range(2000)])
    patience = slow.patience(longest=HOUR)
    assert not patience.wait("messages", slow.look)
    assert not patience.moving
    assert "nothing had moved" in patience.gave_up[0]


def test_as_long_as_the_breaker_tries_the_run_waits_and_says_so_when_its_time_is_over():
    slow = Slow(60, [Look(2, ("open", n)) for n in range(2000)])
    patience = slow.patience(longest=HOUR)
    assert not patience.wait("messages", slow.look)
    assert patience.moving
    assert "still moving" in patience.gave_up[0]
    assert slow.now > HOUR
    assert oracle.judge(0, record("waiting"), NUMBER, burnt=False, moving=True) == "unfinished"


@needs_a_compiler
@pytest.mark.timeout(600)
def test_each_door_and_each_mishap_lose_nothing_and_repeat_nothing(tmp_path):
    """The workers change to v1 on the way."""
    run = [sys.executable, HERE / "chaos", "--kills", "1", "--late", "5", "--change-to", "v1", "--report", tmp_path]
    done = subprocess.run(run, capture_output=True, text=True, check=False, timeout=580)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{sum(1 for name in mishaps.WEIGHTS if f'| {name} | 0 |' not in done.stdout)}" == f"{len(mishaps.WEIGHTS)}"
    assert all(f"{door} " in done.stdout for door in doors.WEIGHTS)
    shortened, repeated = re.search(
        r"([\d,]+) of the records were shortened.*calls repeated ([\d,]+)", done.stdout
    ).groups()
    assert int(shortened.replace(",", "")) > 0 < int(repeated.replace(",", ""))
