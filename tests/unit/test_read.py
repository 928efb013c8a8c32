"""A job's envelope is read strictly: what is not what we write there says nothing."""

from __future__ import annotations

import pytest

from octoworker.sending import read

NOT_AN_INSTANT = [True, False, "1795431600000", 1.5, -1, 0, 10**30, None, [1], {}]


@pytest.mark.parametrize("stated", NOT_AN_INSTANT)
def test_when_a_job_was_published_is_a_whole_number_of_milliseconds_or_nothing(stated):
    assert read.request_of({"published_at": stated}, "job").published_at is None


def test_the_instant_that_the_scheduler_wrote_is_read():
    assert read.request_of({"published_at": 1795431600000}, "job").published_at == 1795431600000
