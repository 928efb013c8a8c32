"""A job's envelope is read strictly: what is not what we write there says nothing. The message in it is read, planned and counted."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from octoworker.errors import PayloadError
from octoworker.gateway import dialects
from octoworker.sending import read
from octoworker.sending.retry import Policy as Patience
from octoworker.sending.rules import Budgets, Rules
from octoworker.sms import jobs, message, schedule
from octoworker.sms.hours import Hours
from octoworker.store.limits import Caps

NOT_AN_INSTANT = [True, False, "1795431600000", 1.5, -1, 0, 10**30, None, [1], {}]

MINUTE = timedelta(minutes=1)
RULES = Rules(
    message.Policy(rules=dialects.DEFAULT.rules, sender="Octo"),
    schedule.Rules(hold=False, refuse_past=True, max_ahead=timedelta(days=366), hours=Hours()),
    Patience(MINUTE, MINUTE, MINUTE, 5, account_wait=MINUTE, key_window=MINUTE),
    Budgets(30, 10, 10),
)
CAPPED = Rules(RULES.payload, RULES.time, RULES.retry, RULES.budgets, caps=Caps(week=2))
NOON, EVENING = datetime(2026, 11, 23, 11, tzinfo=UTC), datetime(2026, 11, 23, 20, tzinfo=UTC)
"""In Paris. In the evening shops are closed there, and open in Guadeloupe."""

HOME, GUADELOUPE = "+33612345678", "+590690001234"
ADVERT = {"recipients": [HOME, GUADELOUPE], "text": "Soldes STOP au XXXXX"}


def job_of(asked, rules=RULES, now=NOON):
    """Its claim."""
    return read.prepared(read.request_of(asked, "job"), asked, rules, now).job


@pytest.mark.parametrize("stated", NOT_AN_INSTANT)
def test_when_a_job_was_published_is_a_whole_number_of_milliseconds_or_nothing(stated):
    assert read.request_of({"published_at": stated}, "job").published_at is None


def test_the_instant_that_the_scheduler_wrote_is_read():
    assert read.request_of({"published_at": 1795431600000}, "job").published_at == 1795431600000


def test_the_envelope_of_a_job_is_no_part_of_its_message():
    envelope = {"message_id": "a" * 32, "version": jobs.VERSION, "published_at": 1, "incarnation": "b" * 12}
    assert json.loads(job_of({**ADVERT, **envelope}).payload) == ADVERT


def test_a_job_of_another_version_is_not_guessed_at():
    assert job_of({**ADVERT, "version": jobs.VERSION})
    with pytest.raises(PayloadError, match="update the workers first"):
        job_of({**ADVERT, "version": jobs.VERSION + 1})


def test_what_cannot_be_sent_is_found_by_the_numbers_that_can_be_read_in_it():
    good, bad, none = ({"recipients": who, "text": ""} for who in ("06 12 34 56 78", "nobody", None))
    found = read.found_by(read.request_of(good, "job"), RULES)
    assert found == job_of({**ADVERT, "recipients": HOME}).found_by != []
    assert read.found_by(read.request_of(bad, "job"), RULES) == read.found_by(read.request_of(none, "job"), RULES) == []


def test_only_what_is_no_transactional_message_is_marketing():
    assert job_of(ADVERT).marketing
    assert not job_of({**ADVERT, "transactional": True}).marketing


def test_an_advert_is_split_by_country_where_some_of_its_people_would_wait_for_the_others():
    asked = {**ADVERT, "recipients": [HOME, "+33612345679", GUADELOUPE], "idempotency_key": "k", "send_at": 1.0}
    parts = job_of({**asked, "send_at": EVENING.isoformat()}, now=EVENING).parts
    assert [(each["country"], each["people"]) for each in parts] == [("FR", 2), ("GP", 1)]
    assert len({each["id"] for each in parts}) == len({each["fingerprint"] for each in parts}) == 2
    assert json.loads(parts[1]["payload"]) == {"recipients": [GUADELOUPE], "text": ADVERT["text"]}


def test_what_is_no_advert_or_goes_to_all_at_the_same_time_stays_whole():
    assert job_of({**ADVERT, "transactional": True}, now=EVENING).parts == ()
    assert job_of({**ADVERT, "recipients": HOME}, now=EVENING).parts == ()
    assert job_of({**ADVERT, "recipients": [HOME, "+33612345679"]}, now=EVENING).parts == ()


def test_without_a_cap_nothing_is_counted():
    assert job_of(ADVERT).cap_request is None
    assert len(job_of(ADVERT, CAPPED).cap_request["numbers"]) == 2


def test_the_weekly_cap_counts_readers_of_marketing_alone():
    assert set(job_of(ADVERT, CAPPED).readers) == {HOME, GUADELOUPE}
    assert len(job_of(ADVERT, CAPPED).cap_request["readers"]) == 2
    assert job_of({**ADVERT, "transactional": True}, CAPPED).readers == {}
    other = Rules(RULES.payload, RULES.time, RULES.retry, RULES.budgets, caps=Caps(day=2))
    assert job_of(ADVERT, other).readers == {}
