"""Numbers of the sandbox with a fixed outcome, each as the page about testing says it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from callback_receiver import Receiver

from octoworker.sandbox.magic import ANSWERS, WORDS
from octoworker.sms.policy import Policy
from octoworker.sms.recipient import read

PAGE = (Path(__file__).parents[2] / "docs" / "testing.md").read_text()


@pytest.fixture
def called(sandbox):
    it = Receiver()
    sandbox.settings(callback_url=it.url, receipt_delay=0)
    yield it
    it.close()


def test_the_page_names_each_of_them_and_each_can_be_reached():
    assert set(re.findall(r"^\| `(\+\d+)`", PAGE, re.MULTILINE)) == {*WORDS, *ANSWERS}
    assert [read(number, Policy()) for number in WORDS] == list(WORDS)
    assert [word for number, words in WORDS.items() for word in words[-1:] if word not in PAGE.upper()] == []


@pytest.mark.parametrize("number", [number for number, words in WORDS.items() if words])
def test_its_receipts_are_always_the_same(caller, called, number):
    caller.send_v1(recipients=[{"phone_number": number}])
    assert [each["status"] for each in called.events(len(WORDS[number]))] == list(WORDS[number])


@pytest.mark.parametrize("number", ANSWERS)
def test_its_handset_answers(caller, called, number):
    caller.send_v1(recipients=[{"phone_number": number}], with_replies=True)
    answers = [each["text"] for each in called.events(3) if "text" in each]
    assert ANSWERS[number] in answers
