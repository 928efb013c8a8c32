"""What a web app may give as the rows of a campaign: its own objects, and what tables have in their cells."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

import phonenumbers
import pytest

from octoworker.client.campaigns.spool import Spool
from octoworker.client.campaigns.template import Template
from octoworker.sms.people import read
from octoworker.sms.policy import Policy

TEXT = Template("Bonjour {prenom}")


class Customer:
    """It says nowhere by which words it is called."""


class NotATime(datetime):
    """As the NaT of pandas: it is not even equal to itself."""

    def __eq__(self, other):
        return False

    def __ne__(self, other):
        return True

    __hash__ = None


class Unknown:
    """As the NA of pandas: whoever asks whether it equals something is not answered."""

    __slots__ = ()
    __hash__ = None

    def __ne__(self, other):
        return self

    def __bool__(self):
        raise TypeError("ambiguous")


def spooled(recipient="0612345678", prenom="Zoé"):
    with Spool([{"recipient": recipient, "prenom": prenom}], TEXT, "recipient") as rows:
        ((_, written, values),) = rows
        return written, values["prenom"], rows.digest


@pytest.mark.parametrize(
    "number",
    [phonenumbers.parse("+33612345678"), 33612345678, 33612345678.0, 612345678, "06 12 34 56 78 "],
    ids=["a library's own type", "whole", "a table's float", "without its zero", "words"],
)
def test_a_number_is_read_as_in_a_message(number):
    assert read(spooled(recipient=number)[0], Policy()).good == ("+33612345678",)


@pytest.mark.parametrize("nothing", [None, "", "  ", float("nan"), Decimal("NaN"), NotATime(2026, 1, 1)])
def test_an_empty_cell_is_empty_whatever_a_table_has_in_it(nothing):
    assert spooled(prenom=nothing)[1] == ""


@pytest.mark.parametrize(
    ("value", "words"), [(7, "7"), (Decimal("9.90"), "9.90"), (date(2027, 1, 2), "2027-01-02"), (True, "True")]
)
def test_numbers_and_days_are_words(value, words):
    assert spooled(prenom=value)[1] == words


@pytest.mark.parametrize("value", [Customer(), Unknown(), b"Zo", ["Zo"], {"a": 1}, iter("Zo"), str])
def test_what_has_no_words_is_refused_with_its_row_and_column(value):
    with pytest.raises(TypeError, match=r"row 1: 'prenom' needs a string, not \w+"):
        spooled(prenom=value)


def test_the_same_rows_have_the_same_digest_whatever_made_them():
    assert spooled(prenom=float("nan"))[2] == spooled(prenom=None)[2] == spooled(prenom="")[2]
    assert spooled(recipient=phonenumbers.parse("+33612345678"))[2] == spooled(recipient="+33612345678")[2]
