"""What an answer to "take it back" means: gone is only what Octopush says is gone."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from octoworker.errors import (
    BusyError,
    DuplicateKeyError,
    Kind,
    MaybeSentError,
    RefusedByProviderError,
    UnreachableError,
)
from octoworker.gateway import dialects
from octoworker.sending.recall import LONGEST_PAUSE, word_of
from octoworker.sending.retry import Policy

SECOND = timedelta(seconds=1)
POLICY = Policy(
    2 * SECOND, 300 * SECOND, give_up_after=300 * SECOND, max_attempts=5, account_wait=SECOND, key_window=SECOND
)
RULES = dialects.named("v1").rules.recall
REFUSED = RefusedByProviderError("Octopush answered 157", code="157")

WORDS = {
    "no connection": (UnreachableError("x"), "later"),
    "too many calls": (BusyError("x"), "later"),
    "the account is refused": (RefusedByProviderError("x", kind=Kind.ACCOUNT, stops_account=True), "later"),
    "no answer": (MaybeSentError("x"), "nothing"),
    "a refusal": (REFUSED, "no"),
}


@pytest.mark.parametrize(("error", "said"), WORDS.values(), ids=WORDS)
def test_it_says(error, said):
    assert word_of(error, 1, POLICY, RULES).said == said


def test_a_refusal_says_what_octopush_cancels():
    assert word_of(REFUSED, 1, POLICY, RULES).reason == (
        "Octopush answered 157; it cancels only what goes to fewer than 3 numbers, in more than 10 minutes, "
        "and 1,000 times a month"
    )


@pytest.mark.parametrize(
    ("error", "tries", "seconds"),
    [
        (UnreachableError("x"), 1, 4),
        (UnreachableError("x"), 2, 8),
        (MaybeSentError("x"), 1, 4),
        (BusyError("x", retry_after=20), 1, 20),
        (BusyError("x", retry_after=9000), 1, LONGEST_PAUSE.total_seconds()),
        (UnreachableError("x"), 10_000, LONGEST_PAUSE.total_seconds()),
    ],
)
def test_the_next_call_comes_soon_and_ever_later(error, tries, seconds):
    assert word_of(error, tries, POLICY, RULES).delay.total_seconds() == seconds


def test_it_comes_as_soon_as_the_settings_allow_when_octopush_asks_for_nothing():
    assert word_of(UnreachableError("x"), 1, replace(POLICY, base=SECOND / 10), RULES).delay == SECOND / 5


def test_what_octopush_cancels_is_said_of_its_refusals_alone_and_where_it_is_known():
    assert word_of(DuplicateKeyError("Octopush answered 120"), 1, POLICY, RULES).reason == "Octopush answered 120"
    assert word_of(REFUSED, 1, POLICY, None).reason == "Octopush answered 157"
