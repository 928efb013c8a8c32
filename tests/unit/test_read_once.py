"""A number is read once, where its message is taken. Whatever a worker's settings are, it does not read it as another."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octoworker.client.campaigns import loading, parts
from octoworker.client.campaigns.template import Template
from octoworker.client.client import Client
from octoworker.errors import PayloadError
from octoworker.gateway import dialects
from octoworker.sms import people
from octoworker.sms.message import Policy, parse

RULES = dialects.DEFAULT.rules
SPELLINGS = ("0470123456", "+32470123456", "0032 470 12 34 56", "470123456", "32470123456")


def producer(region="FR"):
    return Client({"OCTOWORKER_SENDER": "Octo", "OCTOWORKER_REGION": region})


def taken(recipients, region="FR"):
    """The arguments as they stand in the record."""
    return producer(region).read({"recipients": recipients, "text": "hi", "transactional": True}).form


def rung(arguments, region, **settings):
    """Whom a worker of that region sends it to, and who is refused."""
    try:
        found = parse(arguments, Policy(sender="Octo", region=region, rules=RULES, **settings))
    except PayloadError:
        return (), {}
    return found.recipients, found.refused


def test_two_spellings_of_a_number_of_which_the_producer_reads_one_ring_once():
    wanted = [taken("0470123456"), taken("+32470123456")]
    assert [rung(each, "BE")[0] for each in wanted] == [(), ("+32470123456",)]


def test_the_reason_names_the_region_and_what_to_write():
    listed = taken(["0470123456", "+32470123457"])
    assert rung(listed, "BE") == (
        ("+32470123457",),
        {
            "0470123456": "it was no number for FR, the region where it was taken; write it with + and the code of its country."
        },
    )


@given(
    st.sampled_from(SPELLINGS),
    st.sampled_from(SPELLINGS),
    st.sampled_from(["FR", "BE"]),
    st.sampled_from(["FR", "BE", "DE"]),
)
def test_whatever_the_regions_are_a_worker_reaches_whom_the_producer_read_and_nobody_else(one, other, region, workers):
    read = {each: people.read(each, producer(region).policy).good for each in (one, other)}
    for each in (one, other):
        assert set(rung(taken(each, region), workers)[0]) <= set(read[each])


def test_a_campaign_keeps_its_reading_too():
    mine, text = producer(), Template("hi")
    rows = [(1, "0470123456", {}), (2, "+32470123456", {}), (3, "0612345678", {})]
    found, _ = loading.people(rows, text, mine.policy)
    (new,) = parts.messages("c", text, found, {"transactional": True}, "FR")
    assert rung(json.loads(new.payload), "BE")[0] == ("+32470123456", "+33612345678")


def test_a_number_that_no_operator_has_yet_is_read_and_the_workers_setting_says_whether_it_goes():
    new = "+33700245678"
    wanted = [taken("07 00 24 56 78"), taken(new)]
    assert [each["recipients"] for each in wanted] == [new, new]
    assert rung(wanted[0], "FR", allow_possible=True)[0] == (new,)
    assert rung(wanted[0], "FR") == ((), {})


def test_what_was_read_needs_no_mark():
    assert people.READ_FOR not in taken(["0612345678", "+32470123456"])


@pytest.mark.parametrize("junk", ["", "fr", "FRA", 7, None, ["FR"], "F1"])
def test_who_asks_cannot_name_a_region_that_is_none(junk):
    with pytest.raises(PayloadError, match="read_for: there is no such argument"):
        parse(
            {"recipients": "0612345678", "text": "hi", "transactional": True, "read_for": junk},
            Policy(sender="Octo", rules=RULES),
        )
