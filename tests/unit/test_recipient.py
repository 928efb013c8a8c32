"""How a number is read that people and spreadsheets have written."""

from __future__ import annotations

import pytest

from octoworker.sms.policy import Policy
from octoworker.sms.recipient import NumberRefused, by_its_digits, called, country_of, known, read

FRANCE = Policy()


def refusal(number, policy=FRANCE):
    with pytest.raises(NumberRefused) as caught:
        read(number, policy)
    return str(caught.value)


@pytest.mark.parametrize(
    "written",
    [
        '="0612345678"',
        "'0612345678",
        "0612345678\n",
        "\r\n06 12 34 56 78 \t",
        "06\N{EN DASH}12\N{EN DASH}34\N{EN DASH}56\N{EN DASH}78",
        "06 12 34 \N{MINUS SIGN} 56 78",
        "612345678",
        "612345678.0",
        "33612345678.0",
        "33612345678,00",
        "(+33 6 12 34 56 78)",
        "(+33) (0)6 12 34 56 78",
        "(06) 12 34 56 78",
        "(06)-12-34-56-78",
    ],
)
def test_what_spreadsheets_and_people_put_around_a_number_is_read(written):
    assert read(written, FRANCE) == "+33612345678"


@pytest.mark.parametrize(
    ("without_zero", "number"),
    [
        ("692123456", "+262692123456"),
        ("692123456.0", "+262692123456"),
        ("690629042", "+590690629042"),
        ("694123456", "+594694123456"),
        ("696123456", "+596696123456"),
        ("639012345", "+262639012345"),
        ("709012345", "+590709012345"),
        ("262692123456", "+262692123456"),
        ("590690629042.0", "+590690629042"),
        ("262709213456", "+262709213456"),
        ("594 694 12 34 56", "+594694123456"),
    ],
)
def test_an_overseas_number_is_read_also_when_its_zero_or_its_plus_was_taken(without_zero, number):
    assert read(without_zero, FRANCE) == number


def test_what_is_no_mobile_overseas_gets_no_code_by_its_first_digits():
    assert "too many digits" in refusal("262262123456")
    assert "too many digits" in refusal("596690123456")
    assert "too many digits" in refusal("262692123456", Policy(region="BE"))


@pytest.mark.parametrize(
    ("written", "number", "region"),
    [
        ("+49 170 1234567", "+491701234567", "FR"),
        ("+49 170 12345678", "+4917012345678", "FR"),
        ("0151/12345678", "+4915112345678", "DE"),
        ("0151 1234 5678", "+4915112345678", "DE"),
        ("+49 (0)151 123 456 78", "+4915112345678", "FR"),
        ("0664 123 45 67", "+436641234567", "AT"),
        ("0664/123 45 67", "+436641234567", "AT"),
        ("0664/1234567", "+436641234567", "AT"),
        ("+43 664 1234567", "+436641234567", "FR"),
        ("+43-664-123-45-67", "+436641234567", "FR"),
        ("(0664) 1234567", "+436641234567", "AT"),
        ("436641234567.0", "+436641234567", "AT"),
        ("+39 333 123 4567", "+393331234567", "FR"),
        ("+39.347.1234567", "+393471234567", "FR"),
        ("07911 123456", "+447911123456", "GB"),
        ("+1 (212) 555-1234", "+12125551234", "FR"),
    ],
)
def test_numbers_of_plans_with_several_lengths_are_read_as_people_write_them(written, number, region):
    assert read(written, Policy(region=region)) == number


@pytest.mark.parametrize(
    "written",
    [
        "+43 664 1234567-12",
        "+43 664 1234567 / 12",
        "+43 664 123456-12-13",
        "+43 664 1234567 12",
        "+43 664 123 45 67 1",
        "+43 664 1234567 (2)",
        "+43 664 1234567.5",
        "+43664123456 123",
        "+49 170 1234567 8",
        "+49 170 1234567/8",
        "+49 1701234567.8",
        "+39 333 123456-7",
    ],
)
def test_something_more_at_the_end_of_a_number_is_refused(written):
    assert "something more stands at its end" in refusal(written)


@pytest.mark.parametrize(
    ("written", "region"),
    [
        ("0151 12345678 9", "DE"),
        ("+49 151 12345678 12", "DE"),
        ("040 1234567 12", "FI"),
        ("621 123456-7", "LU"),
        ("0664/1234-5678", "AT"),
    ],
)
def test_nobody_is_told_to_let_pass_what_has_something_more_at_its_end(written, region):
    for possible in (False, True):
        assert "something more stands at its end" in refusal(written, Policy(region=region, allow_possible=possible))


def test_two_numbers_in_one_are_refused():
    assert "too many digits" in refusal("+436641234567/436641234568")
    assert "+ only in front" in refusal("+436641234567/+436641234568")


@pytest.mark.parametrize(
    "written",
    [
        "0612345678 -",
        "-0612345678",
        "06--12345678",
        "06((12345678",
        "06)12345678(",
        "(06 12) (34) 56 78",
        "06_12345678",
        "0612345678!",
        "'",
        '=""',
        "++33612345678",
        "\N{MIDDLE DOT}0612345678",
    ],
)
def test_other_signs_and_signs_in_other_places_are_refused(written):
    assert "write digits, with spaces" in refusal(written)


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("061234", "too few digits"),
        ("06", "too few digits"),
        ("3631", "emergency numbers and short codes"),
        ("118 218", "emergency numbers and short codes"),
        ("1182187", "too few digits"),
        ("0612345678".rjust(41), "at most 40 characters"),
        ("3,36E+10", "a spreadsheet has shortened it"),
        ("3.36123E+10", "a spreadsheet has shortened it"),
        ("123456789.0", "a fixed line"),
        ("0612345678\n0612345679", "as a list"),
        ("1" + " " * 150_000 + "1", "at most 40 characters"),
    ],
)
def test_each_has_its_own_reason(written, reason):
    assert reason in refusal(written)


def test_forty_characters_are_read():
    assert read("0612345678".rjust(40), FRANCE) == "+33612345678"


@pytest.mark.parametrize(
    ("written", "digits"),
    [
        ("06 12 34 56 78", "33612345678"),
        ("+33 6 12 34 56 78", "33612345678"),
        ("0033 1 23", "33123"),
        ("+33 1", "331"),
        ("0112", "33112"),
        ("+0 12", "012"),
        ("٠٦١٢", "33612"),
    ],
)
def test_what_no_sms_reaches_is_known_by_its_digits(written, digits):
    assert known(written, "FR") == by_its_digits(written, "FR") == digits


@pytest.mark.parametrize(
    ("written", "number"),
    [
        *((each, "+33612345678") for each in ("33612345678", "0033612345678", "+33612345678", "0612345678")),
        ("0112", "+33112"),
        ("33112", "+33112"),
    ],
)
def test_an_operator_writes_a_number_in_four_ways(written, number):
    assert called(written, "FR") == number


def test_a_fraction_is_taken_off_only_when_the_rest_is_a_whole_number():
    assert "too few digits" in refusal("61234567.0")
    assert "something more stands at its end" in refusal("61234567.8")
    assert "something more stands at its end" in refusal("6123456.78")
    assert read("6641234567.0", Policy(region="AT")) == "+436641234567"


@pytest.mark.parametrize(
    ("number", "country"),
    [
        ("+33612345678", "FR"),
        ("+262692123456", "RE"),
        ("+262639012345", "YT"),
        ("+32470123456", "BE"),
        ("+336", "ZZ"),
        ("+590000000000", "GP"),
        ("+15550000000", "US"),
        ("+80012345678", "ZZ"),
    ],
)
def test_one_function_tells_the_country(number, country):
    assert country_of(number) == country
