"""An instant is one only where its time exists, and exists once."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from octoworker.errors import PayloadError
from octoworker.gateway import dialects
from octoworker.sms.instants import InstantRefused, read, read_words
from octoworker.sms.message import Policy, parse

PARIS = ZoneInfo("Europe/Paris")


def refusal(reader, value):
    with pytest.raises(InstantRefused) as caught:
        reader(value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("words", "instant"),
    [
        ("2026-12-01 09:00 Europe/Paris", "2026-12-01T08:00Z"),
        ("2026-12-01T09:00 Europe/Paris", "2026-12-01T08:00Z"),
        ("2027-03-28 01:59 Europe/Paris", "2027-03-28T00:59Z"),
        ("2027-03-28 03:00 Europe/Paris", "2027-03-28T01:00Z"),
        ("2026-10-25 02:30+02:00 Europe/Paris", "2026-10-25T00:30Z"),
        ("2026-10-25 02:30+01:00 Europe/Paris", "2026-10-25T01:30Z"),
        ("2026-12-01T09:00+01:00", "2026-12-01T08:00Z"),
        ("2026-12-01 08:00 UTC", "2026-12-01T08:00Z"),
        ("2026-12-01 08:00Z", "2026-12-01T08:00Z"),
        (" 1796112000 ", "2026-12-01T08:00Z"),
        ("1796112000.0", "2026-12-01T08:00Z"),
    ],
)
def test_a_person_types_a_time_in_many_ways(words, instant):
    assert read_words(words) == datetime.fromisoformat(instant)


@pytest.mark.parametrize("words", ["20261201", "2026", "202612010900", "1796112000000"])
def test_a_day_without_dashes_is_no_count_of_seconds(words):
    assert refusal(read_words, words)


def test_the_hour_that_spring_takes_away_is_no_time():
    assert "does not exist" in refusal(read_words, "2027-03-28 02:30 Europe/Paris")


def test_the_hour_that_autumn_repeats_asks_for_its_offset():
    sentence = refusal(read_words, "2026-10-25 02:30 Europe/Paris")
    assert "2026-10-25T02:30+02:00 or 2026-10-25T02:30+01:00" in sentence
    assert read_words("2026-10-25 03:00 Europe/Paris") == datetime(2026, 10, 25, 2, tzinfo=UTC)


def test_an_offset_that_is_not_that_of_the_zone_is_refused():
    assert "its offset is not that of Europe/Paris" in refusal(read_words, "2026-12-01 09:00+05:00 Europe/Paris")


@pytest.mark.parametrize(
    "words", ["", "soon", "2026-12-01 09:00 Mars/Base", "2026-12-01 09:00", "9" * 400, "x" * 10**6]
)
def test_what_is_no_time_is_refused(words):
    assert refusal(read_words, words)


def test_a_time_has_at_most_64_characters():
    long = f"2026-12-01T09:00:00.{'0' * 38}+01:00"
    for reader in (read, read_words):
        assert reader(long) == datetime(2026, 12, 1, 8, tzinfo=UTC)
        assert refusal(reader, long.replace("+", "0+"))


def test_a_python_time_in_the_missing_hour_is_refused_too():
    assert "does not exist" in refusal(read, datetime(2027, 3, 28, 2, 30, tzinfo=PARIS))
    assert read(datetime(2027, 3, 28, 3, 30, tzinfo=PARIS)) == datetime(2027, 3, 28, 1, 30, tzinfo=UTC)


@pytest.mark.parametrize(("fold", "hour"), [(0, 0), (1, 1)])
def test_a_python_time_in_the_repeated_hour_says_by_fold_which_it_is(fold, hour):
    assert read(datetime(2026, 10, 25, 2, 30, tzinfo=PARIS, fold=fold)) == datetime(2026, 10, 25, hour, 30, tzinfo=UTC)


def test_a_message_is_read_by_the_same_reader():
    wanted = {"recipients": "0612345678", "text": "hi", "transactional": True}
    with pytest.raises(PayloadError, match="send_at: that time does not exist"):
        parse(
            {**wanted, "send_at": datetime(2027, 3, 28, 2, 30, tzinfo=PARIS)},
            Policy(sender="Octo", rules=dialects.DEFAULT.rules),
        )
