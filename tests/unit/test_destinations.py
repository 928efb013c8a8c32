"""What will not arrive, or may not be sent, is said before: each line of the table, and what the settings change of it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from octoworker.client import checking
from octoworker.config import Settings
from octoworker.gateway import dialects
from octoworker.sms.destinations import table
from octoworker.sms.destinations.choices import Choices, judging, parse, parse_senders
from octoworker.sms.destinations.remarks import hosts, judge
from octoworker.sms.hours import Hours
from octoworker.sms.message import Message, Policy
from octoworker.sms.message import parse as parse_message

FRENCH, BELGIAN, IRISH, ITALIAN, SPANISH = (
    "+33612345678",
    "+32470123456",
    "+353851234567",
    "+393331234567",
    "+34612345678",
)
REUNION, GERMAN, AMERICAN, MONEGASQUE = "+262692123456", "+4915112345678", "+12125550123", "+37744612345"
AS_THEY_STAND = Choices()
WAY_OUT = "STOP au XXXXX"


def message(*numbers, **more):
    wanted = {"recipients": list(numbers) or [FRENCH], "text": "hi", "transactional": True, "sms_type": "WWW", **more}
    return parse_message(wanted, Policy(rules=dialects.DEFAULT.rules, sender="MyShop"))


def met(*numbers, choices=AS_THEY_STAND, **more):
    """The kinds of line that a message meets, by country."""
    return {(each.kind, each.country) for each in judge(message(*numbers, **more), choices).remarks}


# the table


def test_every_line_says_what_it_is_whence_it_is_and_when_that_was_looked_up():
    for line in table.lines():
        assert line.kind in table.KINDS
        assert line.says.endswith(".")
        assert len(line.source) > 4
        assert isinstance(line.checked, date)
        assert line.checked >= date(2026, 1, 1)


def test_every_place_with_hours_has_a_clock():
    with_hours = {place for place in table.places() if table.hours_of(place)}
    assert with_hours == {place for place in with_hours if table.zone_of(place)}
    assert all(Hours().of(place) for place in with_hours)


def test_every_kind_of_line_stands_in_the_table():
    assert {line.kind for line in table.lines()} == set(table.KINDS)


def test_a_line_is_old_a_year_after_somebody_looked_it_up():
    line = table.lines()[0]
    assert not line.is_old(line.checked + timedelta(days=365))
    assert line.is_old(line.checked + timedelta(days=366))
    assert list(table.old(date(2100, 1, 1))) == list(table.lines())


def test_no_line_is_shown_without_its_source_and_its_day():
    for line in table.lines():
        assert {"kind", "places", "does", "says", "source", "checked"} <= line.as_json().keys()


# each line


@pytest.mark.parametrize("sender", ["ALERT", "Colis", "rdv", "PAYMENT", "BANK", "INFO"])
@pytest.mark.parametrize(("number", "country"), [(FRENCH, "FR"), (REUNION, "RE")])
def test_a_sender_that_is_a_general_word_is_warned_of_in_france(sender, number, country):
    assert met(number, sender=sender) == {("sender_word", country)}
    assert met(number, sender=f"{sender}X") == set()


def test_a_general_word_that_is_registered_passes():
    assert met(sender="ALERT", choices=Choices(registered=parse_senders("Alert=FR"))) == set()


def test_a_sender_of_digits_alone_is_warned_of_in_france():
    """No message has one today: Octopush refuses it first."""
    sms = Message.model_construct(**{**dict(message()), "sender": "0612345678"})
    assert [each.kind for each in judge(sms, AS_THEY_STAND).remarks] == ["sender_digits"]


@pytest.mark.parametrize(("number", "country"), [(SPANISH, "ES"), (IRISH, "IE"), (ITALIAN, "IT")])
def test_a_sender_that_is_not_registered_is_warned_of_where_there_is_a_register(number, country):
    assert met(number) == {("sender_register", country)}
    assert met(number, choices=Choices(registered=parse_senders(f"myshop={country};Other=FR"))) == set()


def test_low_cost_shows_no_sender_so_none_is_looked_at():
    assert met(SPANISH, sms_type="XXX") == set()


def test_belgium_replaces_the_sender():
    assert met(BELGIAN) == {("sender_replaced", "BE")}


@pytest.mark.parametrize(
    "link",
    ["https://bit.ly/abc", "bit.ly/abc", "http://www.tinyurl.com/x?y=1", "(cutt.ly/a).", "https://t.co", "BIT.LY/ABC"],
)
def test_a_link_of_a_public_shortener_is_warned_of_in_france(link):
    assert met(text=f"See {link} now") == {("shortener", "FR")}


@pytest.mark.parametrize(
    "text", ["https://shop.example/bit.ly", "habit.ly/x", "bit.lyon", "write to me@bit.ly", "Fin.Ici 3.50"]
)
def test_what_only_looks_like_a_shortener_is_none(text):
    assert met(text=text) == set()


def test_any_link_is_warned_of_in_belgium():
    assert met(BELGIAN, text="see shop.example/x") == {("sender_replaced", "BE"), ("link", "BE")}
    assert ("shortener", "BE") in met(BELGIAN, text="see bit.ly/x")
    assert ("link", "BE") not in met(BELGIAN, text="ask at shop.example")


@pytest.mark.parametrize("number", [FRENCH, REUNION])
@pytest.mark.parametrize("sms_type", ["WWW", "XXX"])
def test_marketing_in_france_by_another_type_without_a_way_out_is_warned_of(number, sms_type):
    advert = {"transactional": False, "sms_type": sms_type}
    (remark,) = judge(message(number, text="Soldes", **advert), AS_THEY_STAND).remarks
    assert remark.kind == "stop"
    assert 'Add "STOP au XXXXX" exactly so' in remark.says
    assert met(number, text=f"Soldes {WAY_OUT}", **advert) == set()


def test_the_type_for_france_is_warned_of_elsewhere():
    assert met(FRENCH, REUNION, GERMAN, AMERICAN, sms_type="FR") == {("type", "DE"), ("type", "US")}


def test_hours_that_only_warn_are_named_when_they_are_closed():
    choices = Choices(parse("hours=warn"))
    advert = message(text=WAY_OUT, transactional=False)
    assert [each.kind for each in judge(advert, choices, out_of_hours=("FR",)).remarks] == ["hours"]
    assert judge(advert, choices).remarks == ()


# what is said


def test_each_country_is_named_with_its_people_and_no_number_or_text_is_repeated():
    found = judge(message(FRENCH, "+33612345679", REUNION, text="Code 1234 bit.ly/x"), AS_THEY_STAND)
    assert [(each.country, each.people) for each in found.remarks] == [("FR", 2), ("RE", 1)]
    assert "1234" not in repr(found)
    assert str(found.remarks[0]).startswith("FR: ")


def test_a_remark_counts_its_people_and_says_when_they_do_not_get_it():
    choices = Choices(parse("RE.shortener=refuse"))
    several = judge(message(FRENCH, "+33612345679", REUNION, text="bit.ly/x"), choices)
    assert [each.counted.split(":")[0] for each in several.remarks] == ["FR, 2 people", "RE, 1 person, not sent"]
    assert ([each.country for each in several.warnings], [each.country for each in several.refusals]) == (
        ["FR"],
        ["RE"],
    )


def test_a_rule_that_only_warns_refuses_nobody():
    assert judge(message(text="bit.ly/x"), AS_THEY_STAND).refused == {}


def test_a_rule_that_refuses_names_whom_it_does_not_go_to():
    found = judge(message(FRENCH, GERMAN, text="bit.ly/x"), Choices(parse("shortener=refuse")))
    assert list(found.refused) == [FRENCH]
    assert str(found.refused[FRENCH]).startswith("FR: A link of a public shortener")


# what the settings change


def test_a_setting_of_one_country_comes_before_one_of_all():
    choices = Choices(parse("shortener=off, RE.shortener=refuse"))
    assert met(FRENCH, REUNION, text="bit.ly/x", choices=choices) == {("shortener", "RE")}


@pytest.mark.parametrize("kind", judging())
def test_every_rule_that_judges_can_be_switched_off(kind):
    assert parse(f"{kind}=off") == {kind: "off"}


@pytest.mark.parametrize(
    "setting", ["shortener", "shortener=perhaps", "shorteners=warn", "clock=off", "Fr.stop=off", "stop=wait", "=warn"]
)
def test_a_rule_that_cannot_be_read_is_refused_in_words(setting):
    with pytest.raises(ValueError, match=r"write KIND=refuse|takes refuse, warn or off"):
        parse(setting)


def test_a_sender_is_known_however_it_is_written():
    assert parse_senders("MyShop=FR, ES; myshop=IE;Alerts=FR") == {
        "myshop": frozenset({"FR", "ES", "IE"}),
        "alerts": frozenset({"FR"}),
    }


@pytest.mark.parametrize("setting", ["MyShop", "My-Shop=FR", "MyShop=FR;Alerts", "MyShop=France", "x=FR"])
def test_senders_that_cannot_be_read_are_refused_in_words(setting):
    with pytest.raises(ValueError, match="MyShop=FR,ES"):
        parse_senders(setting)


def test_a_link_is_told_from_a_name():
    assert list(hosts("www.shop.example/a shop.example x@y.example")) == [
        ("shop.example", True),
        ("shop.example", False),
    ]


@pytest.mark.parametrize(
    ("text", "link"),
    [
        ("https://shop.example", True),
        ("shop.example/", True),
        ("shop.example?x=1", True),
        ("shop.example#top", True),
        ("shop.example:8080", False),
        ("(shop.example),", False),
    ],
)
def test_a_link_has_a_scheme_or_a_path(text, link):
    assert list(hosts(text)) == [("shop.example", link)]


def test_what_has_no_dot_or_no_name_is_no_host():
    assert list(hosts("hello -. .com marie@shop.example/x")) == []


# a check of a message says it, too

ENVIRON = {"OCTOWORKER_SENDER": "MyShop"}
NIGHT = datetime(2026, 11, 28, 22, tzinfo=UTC)
"""A Saturday, 23:00 in Paris and Rome."""


def checked(*numbers, environ=ENVIRON, **more):
    wanted = {"recipients": list(numbers), "text": "hi", "sms_type": "WWW", "transactional": True, **more}
    return checking.of(wanted, Settings.load(environ), NIGHT)


def test_a_check_warns_of_what_will_not_arrive():
    (warning,) = checked(FRENCH, sender="COLIS").warnings
    assert warning.startswith("FR, 1 person: Operators block or replace")


def test_a_check_names_whom_a_rule_refuses_and_fails_when_that_is_everybody():
    environ = {**ENVIRON, "OCTOWORKER_DESTINATIONS": "shortener=refuse"}
    some = checked(FRENCH, GERMAN, text="bit.ly/x", environ=environ)
    assert (bool(some), some.recipients, list(some.left_out)) == (True, (GERMAN,), [FRENCH])
    assert some.countries == {"DE": 1}
    nobody = checked(FRENCH, text="bit.ly/x", environ=environ)
    assert (bool(nobody), nobody.problems[0][:18]) == (False, "recipients: FR: A ")


def test_a_check_says_from_when_on_marketing_may_go_to_each_country():
    found = checked(ITALIAN, AMERICAN, transactional=False)
    monday = datetime(2026, 11, 30, 7, tzinfo=UTC)
    assert (found.may_go_at, found.how, found.at) == ({"IT": monday}, "held", monday)


def test_the_french_page_has_each_kind_of_line_with_the_days_on_which_it_was_looked_up():
    page = (Path(__file__).parents[2] / "docs" / "destinations.fr.md").read_text(encoding="utf-8")
    shown = [line for line in table.lines() if line.kind != "clock"]
    assert {line.kind for line in shown if f"`{line.kind}`" not in page} == set()
    assert {line.checked for line in shown if f"{line.checked}" not in page} == set()
    assert "pas un avis juridique" in page
