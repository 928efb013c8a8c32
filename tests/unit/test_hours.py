"""When advertising may be sent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octoworker.errors import PayloadError
from octoworker.gateway import dialects
from octoworker.sms.destinations.choices import Choices
from octoworker.sms.hours import Hours, next_opening, parse
from octoworker.sms.message import Policy
from octoworker.sms.message import parse as parse_message
from octoworker.sms.schedule import Rules, plan

PARIS = ZoneInfo("Europe/Paris")
FRANCE = Hours()
ALSACE = Hours(alsace_moselle=True)


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
    assert FRANCE.of("FR").next_opening(paris(at)) == paris(opens)


def test_alsace_and_moselle_keep_the_second_day_of_christmas():
    assert FRANCE.of("FR").next_opening(paris("2026-12-26T12:00")) == paris("2026-12-26T12:00")
    assert ALSACE.of("FR").next_opening(paris("2026-12-26T12:00")) == paris("2026-12-28T08:00")


BOUNDS = datetime(2020, 1, 1), datetime(2035, 1, 1)  # noqa: DTZ001 - hypothesis wants them naive


@given(st.datetimes(*BOUNDS, timezones=st.sampled_from([UTC, ZoneInfo("Asia/Tokyo")])))
def test_an_opening_is_open_and_never_before_it_was_asked_for(at):
    opening = FRANCE.of("FR").next_opening(at)
    assert at <= opening < at + timedelta(days=6)
    assert FRANCE.of("FR").next_opening(opening) == opening
    assert 8 <= opening.astimezone(PARIS).hour < 20
    assert opening.astimezone(PARIS).weekday() < 6


def test_two_countries_wait_until_both_are_open():
    hours = parse("FR=08:00-20:00,BE=10:00-18:00")
    both = [hours.of("FR"), hours.of("BE")]
    assert next_opening(both, paris("2026-11-23T18:30")) == paris("2026-11-24T10:00")


@pytest.mark.parametrize(
    "setting",
    [
        "FR",
        "FR=8-20",
        "FR=20:00-08:00",
        "FR=08:00-08:00",
        "FR=25:00-26:00",
        "XX=08:00-20:00",
        "FR=08:00-20:00@Mars/Base",
    ],
)
def test_hours_that_cannot_be_read_are_refused(setting):
    with pytest.raises(ValueError, match="hours"):
        parse(setting)


@pytest.mark.parametrize("setting", ["off", "OFF"])
def test_hours_can_be_switched_off(setting):
    assert parse(setting).at("+33612345678") is None
    assert plan(message(), rules(parse(setting)), NIGHT).closed_until is None


def test_hours_can_be_switched_off_for_one_country():
    hours = Hours(choices=Choices({"BE.hours": "off"}))
    assert hours.of("BE") is None
    assert hours.of("FR") is not None


def test_hours_that_only_warn_hold_nothing_back_and_are_named():
    found = plan(message(), rules(Hours(choices=Choices({"hours": "warn"}))), NIGHT)
    assert (found.closed_until, found.out_of_hours) == (None, ("FR",))
    assert plan(message(), rules(Hours(choices=Choices({"hours": "warn"}))), NOON).out_of_hours == ()


def test_hours_that_no_setting_names_are_those_of_the_table():
    assert parse("FR=09:00-12:00").of("BE") == Hours().of("BE")


def message(**more):
    advert = {"recipients": "+33612345678", "text": "Soldes STOP au XXXXX"}
    return parse_message({**advert, **more}, Policy(rules=dialects.DEFAULT.rules, sender="Octo"))


def rules(hours=FRANCE):
    return Rules(hold=False, refuse_past=True, max_ahead=timedelta(days=366), hours=hours)


NIGHT, NOON = paris("2026-11-23T22:00"), paris("2026-11-23T12:00")


def test_an_advert_at_night_waits_here():
    assert plan(message(), rules(), NIGHT).closed_until == paris("2026-11-24T08:00")
    assert plan(message(), rules(), NOON).closed_until is None


def test_a_transactional_message_goes_at_night():
    assert plan(message(transactional=True), rules(), NIGHT).closed_until is None


def test_an_advert_to_another_country_is_bound_by_its_own_hours_and_not_by_the_french_ones():
    early = paris("2026-11-23T08:30")
    assert plan(message(recipients="+32470123456"), rules(), early).closed_until == paris("2026-11-23T09:00")
    assert plan(message(), rules(), early).closed_until is None


def test_an_advert_to_a_country_of_which_no_hours_are_known_goes_at_once():
    assert plan(message(recipients="+12125550123"), rules(), NIGHT).closed_until is None


@pytest.mark.parametrize(
    ("number", "zone"),
    [
        ("+262692123456", "Indian/Reunion"),
        ("+262639012345", "Indian/Mayotte"),
        ("+590690123456", "America/Guadeloupe"),
        ("+590690275100", "America/Guadeloupe"),
        ("+596696123456", "America/Martinique"),
        ("+594694123456", "America/Cayenne"),
        ("+33612345678", "Europe/Paris"),
        ("+37744612345", "Europe/Monaco"),
    ],
)
@pytest.mark.parametrize(("wall", "opens"), [("10:00", "10:00"), ("20:30", "08:00"), ("07:30", "08:00")])
def test_french_hours_are_those_of_the_recipients_own_clock(number, zone, wall, opens):
    asked = datetime.fromisoformat(f"2026-11-23T{wall}").replace(tzinfo=ZoneInfo(zone))
    closed_until = plan(message(recipients=number), rules(), asked.astimezone(UTC)).closed_until
    goes = (closed_until or asked).astimezone(ZoneInfo(zone))
    assert f"{goes:%H:%M}" == opens


def test_a_number_that_the_plan_does_not_know_keeps_the_hours_of_its_code():
    policy = Policy(sender="Octo", allow_possible=True, rules=dialects.DEFAULT.rules)
    new = parse_message({"recipients": "+262600000000", "text": "Soldes STOP au XXXXX"}, policy)
    night = datetime(2026, 11, 23, 22, tzinfo=ZoneInfo("Indian/Reunion")).astimezone(UTC)
    assert plan(new, rules(), night).closed_until == night + timedelta(hours=10)


def test_each_department_keeps_its_own_holidays():
    abolition = datetime(2028, 12, 20, 12, tzinfo=ZoneInfo("Indian/Reunion")).astimezone(UTC)  # a Wednesday
    assert plan(message(recipients="+262692123456"), rules(), abolition).closed_until is not None
    assert plan(message(), rules(), abolition).closed_until is None


def test_an_advert_to_several_places_waits_until_all_are_open():
    both = message(recipients=["+33612345678", "+596696123456"])
    assert plan(both, rules(), paris("2026-11-23T09:00")).closed_until == paris("2026-11-23T13:00")


def test_hours_of_a_place_of_its_own_come_before_those_of_france():
    own = rules(parse("FR=08:00-20:00,RE=12:00-13:00"))
    asked = datetime(2026, 11, 23, 9, tzinfo=ZoneInfo("Indian/Reunion")).astimezone(UTC)
    assert plan(message(recipients="+262692123456"), own, asked).closed_until == asked + timedelta(hours=3)


def test_an_advert_is_handed_over_for_the_next_opening():
    assert plan(message(send_at=NIGHT), rules(), NOON).hand_over_at == paris("2026-11-24T08:00")


def test_an_advert_out_of_hours_can_be_refused():
    with pytest.raises(PayloadError, match="the next time is 2026-11-24T07:00"):
        plan(message(), rules(Hours(refuse=True)), NIGHT)


def test_what_it_could_do_in_each_country_is_told_by_country():
    both = plan(message(recipients=["+33612345678", "+596696123456"]), rules(), paris("2026-11-23T09:00"))
    assert both.opens_at == {"FR": paris("2026-11-23T09:00"), "MQ": paris("2026-11-23T13:00")}
    assert both.differs


@pytest.mark.parametrize(
    ("country", "opens", "closes"),
    [("BE", 9, 20), ("DE", 8, 20), ("IT", 8, 22), ("ES", 8, 20), ("PT", 8, 20), ("FI", 8, 20), ("MC", 8, 20)],
)
def test_each_country_opens_and_closes_by_its_own_clock(country, opens, closes):
    window = Hours().of(country)
    monday = datetime(2026, 11, 23, tzinfo=window.zone)
    assert window.next_opening(monday) == monday.replace(hour=opens)
    late = monday.replace(hour=closes)
    assert window.next_opening(late - timedelta(minutes=1)) == late - timedelta(minutes=1)
    assert window.next_opening(late) == (monday + timedelta(days=1)).replace(hour=opens)
    sunday = datetime(2026, 11, 22, 12, tzinfo=window.zone)
    assert window.next_opening(sunday) == monday.replace(hour=opens)


@pytest.mark.parametrize(
    ("country", "holiday"), [("BE", (7, 21)), ("DE", (10, 3)), ("IT", (6, 2)), ("ES", (10, 12)), ("MC", (11, 19))]
)
def test_each_country_keeps_its_own_public_holidays(country, holiday):
    window = Hours().of(country)
    noon = datetime(2026, *holiday, 12, tzinfo=window.zone)
    assert window.next_opening(noon) > noon
