"""What marketing rests on stands in its record; a setting asks for it."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from octoworker.errors import PayloadError
from octoworker.gateway import dialects
from octoworker.sms import identity
from octoworker.sms.arguments import plain_arguments
from octoworker.sms.destinations.choices import Choices, parse
from octoworker.sms.destinations.remarks import judge
from octoworker.sms.message import Policy
from octoworker.sms.message import parse as parse_message
from octoworker.sms.record import Record

CONSENT = {"id": "form-17", "date": "2026-03-01", "source": "checkout page"}
ASKED = Choices(parse("consent=refuse"))


def advert(number="+33612345678", **more):
    wanted = {"recipients": number, "text": "Soldes STOP au XXXXX", "sms_type": "WWW", **more}
    return parse_message(wanted, Policy(rules=dialects.DEFAULT.rules, sender="MyShop"))


@pytest.mark.parametrize(
    ("day", "written"),
    [
        (date(2026, 3, 1), "2026-03-01"),
        ("2026-03-01", "2026-03-01"),
        (datetime(2026, 3, 1, 12, tzinfo=UTC), "2026-03-01T12:00:00+00:00"),
        (f"2026-03-01T12:00:00.{'0' * 38}+00:00", "2026-03-01T12:00:00+00:00"),
    ],
)
def test_a_consent_is_kept_as_words(day, written):
    found = plain_arguments({"recipients": "x", "text": "y", "consent": {**CONSENT, "date": day}})
    assert found["consent"] == {**CONSENT, "date": written}


def test_its_id_may_be_a_number_and_its_source_two_hundred_characters():
    given = {**CONSENT, "id": 17, "source": "x" * 200}
    assert advert(consent=given).consent == {**given, "id": "17"}


@pytest.mark.parametrize(
    "consent",
    [
        *("yes", {}, {"id": "1"}, {**CONSENT, "more": "x"}, {**CONSENT, "date": "March"}, {**CONSENT, "id": " "}),
        *({**CONSENT, "source": "x" * 201}, {**CONSENT, "source": None}, {**CONSENT, "date": "9" * 5000}),
        *({**CONSENT, "id": True}, {**CONSENT, "source": "two\nlines"}, {**CONSENT, "date": 20260301}),
    ],
)
def test_what_is_no_consent_is_refused_at_both_ends_in_one_sentence(consent):
    with pytest.raises(PayloadError, match=r"^consent: "):
        plain_arguments({"recipients": "x", "text": "y", "consent": consent})
    with pytest.raises(PayloadError, match=r"^consent: "):
        advert(consent=consent)


@pytest.mark.parametrize("number", ["+33612345678", "+4915112345678", "+32470123456"])
def test_marketing_without_it_is_refused_when_a_setting_asks_for_it(number):
    assert [each.kind for each in judge(advert(number), ASKED).refusals] == ["consent"]
    assert judge(advert(number, consent=CONSENT), ASKED).refused == {}
    assert judge(advert(number, transactional=True), ASKED).refused == {}


def test_nobody_is_asked_for_it_unless_a_setting_does():
    assert judge(advert(), Choices()).remarks == ()


def test_the_same_words_with_another_consent_are_the_same_message():
    sms = {"recipients": ["+33612345678"], "text": "hi"}
    assert identity.fingerprint(sms) == identity.fingerprint({**sms, "consent": CONSENT})


def test_the_record_shows_it():
    shown = Record.from_hash("a" * 32, {"state": "queued", "payload": '{"consent": {"id": "1"}}'}).as_json()
    assert shown["consent"] == {"id": "1"}
