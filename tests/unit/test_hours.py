"""When advertising may be sent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octoworker.errors import PayloadError
from octoworker.gateway import dialects
from octoworker.sms.hours import next_opening, parse
from octoworker.sms.message import Policy
from octoworker.sms.message import parse as parse_message
from octoworker.sms.schedule import Rules, plan

PARIS = ZoneInfo("Europe/Paris")
FRANCE = parse("FR=08:00-20:00", alsace_moselle=False)
ALSACE = parse("FR=08:00-20:00", alsace_moselle=True)


def paris(text):
    return datetime.fromisoformat(text).replace(tzinfo=PARIS).astimezone(UTC)


@pytest.mark.parametrize(
    ("at", "opens"),
    [
        ("2026-11-23T12:00", "2026-11-23T12:00"),  # a Monday at noon
        ("2026-11-23T08:00", "2026-11-23T08:00"),
        ("2026-11-23T07:59", "2026-11-23T08:00"),
        ("2026-11-23T19:59", "2026-11-23T19:59"),
        ("2026-11-23T20:00", "2026-11-24T08:00"),
        ("2026-11-28T21:00", "2026-11-30T08:00"),  # Saturday evening: over Sunday
        ("2026-11-11T12:00", "2026-11-12T08:00"),  # armistice day
        ("2026-12-25T12:00", "2026-12-26T08:00"),  # Christmas
        ("2027-03-27T21:00", "2027-03-30T08:00"),  # the clocks go forward on Easter Sunday, Monday is a holiday
        ("2026-10-24T21:00", "2026-10-26T08:00"),  # the clocks go back
    ],
)
def test_advertising_in_france_waits_for_the_next_opening(at, opens):
    assert next_opening(FRANCE, paris(at)) == paris(opens)


def test_alsace_and_moselle_keep_the_second_day_of_christmas():
    assert next_opening(FRANCE, paris("2026-12-26T12:00")) == paris("2026-12-26T12:00")
    assert next_opening(ALSACE, paris("2026-12-26T12:00")) == paris("2026-12-28T08:00")


BOUNDS = datetime(2020, 1, 1), datetime(2035, 1, 1)  # noqa: DTZ001 - hypothesis wants them naive


@given(st.datetimes(*BOUNDS, timezones=st.sampled_from([UTC, ZoneInfo("Asia/Tokyo")])))
def test_an_opening_is_open_and_never_before_it_was_asked_for(at):
    opening = next_opening(FRANCE, at)
    assert at <= opening < at + timedelta(days=6)
    assert next_opening(FRANCE, opening) == opening
    assert 8 <= opening.astimezone(PARIS).hour < 20
    assert opening.astimezone(PARIS).weekday() < 6


def test_two_countries_wait_until_both_are_open():
    both = parse("FR=08:00-20:00,BE=10:00-18:00", alsace_moselle=False)
    assert next_opening(both, paris("2026-11-23T18:30")) == paris("2026-11-24T10:00")


@pytest.mark.parametrize(
    "setting", ["FR", "FR=8-20", "FR=20:00-08:00", "FR=25:00-26:00", "XX=08:00-20:00", "FR=08:00-20:00@Mars/Base"]
)
def test_hours_that_cannot_be_read_are_refused(setting):
    with pytest.raises(ValueError, match="hours"):
        parse(setting, alsace_moselle=False)


@pytest.mark.parametrize("setting", ["off", "", "OFF"])
def test_hours_can_be_switched_off(setting):
    assert parse(setting, alsace_moselle=False) == ()


def message(**more):
    advert = {"recipients": "+33612345678", "text": "Soldes STOP au XXXXX"}
    return parse_message({**advert, **more}, Policy(dialects.DEFAULT.rules, sender="Octo"))


def rules(**more):
    return Rules(hold=False, refuse_past=True, max_ahead=timedelta(days=366), windows=FRANCE, **more)


NIGHT, NOON = paris("2026-11-23T22:00"), paris("2026-11-23T12:00")


def test_an_advert_at_night_waits_here():
    assert plan(message(), rules(), NIGHT).closed_until == paris("2026-11-24T08:00")
    assert plan(message(), rules(), NOON).closed_until is None


def test_a_transactional_message_goes_at_night():
    assert plan(message(transactional=True), rules(), NIGHT).closed_until is None


def test_an_advert_to_another_country_is_not_bound_by_french_hours():
    belgian = message(recipients="+32470123456")
    assert plan(belgian, rules(), NIGHT).closed_until is None


def test_an_advert_is_handed_over_for_the_next_opening():
    assert plan(message(send_at=NIGHT), rules(), NOON).hand_over_at == paris("2026-11-24T08:00")


def test_an_advert_out_of_hours_can_be_refused():
    with pytest.raises(PayloadError, match="the next time is 2026-11-24T07:00"):
        plan(message(), rules(refuse_off_hours=True), NIGHT)
