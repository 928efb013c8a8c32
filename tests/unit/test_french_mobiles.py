"""The short way for French mobiles says what the number plan says."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers.phonemetadata import PhoneMetadata

from octoworker.sms import recipient
from octoworker.sms.message import Policy

SPACES = st.sampled_from(["", " ", ".", "-"])


@st.composite
def written(draw):
    digits = draw(st.text("0123456789", min_size=8, max_size=8))
    first = draw(st.sampled_from("67"))
    gap = draw(SPACES)
    lead = draw(st.sampled_from(["+33", "0033", "33", "0", ""]))
    return lead + (gap if lead else "") + first + gap.join(digits)


def answer(read, *arguments):
    try:
        return read(*arguments)
    except recipient.NumberRefused as refusal:
        return str(refusal)


@given(
    number=written(),
    region=st.sampled_from(["FR", "BE", "GB"]),
    countries=st.sampled_from([frozenset(), frozenset({"FR"}), frozenset({"BE"})]),
)
def test_both_ways_agree(number, region, countries):
    policy = Policy(region=region, countries=countries)
    short = recipient._french_mobile(number, policy)  # noqa: SLF001 - the very thing that must not differ
    long = answer(lambda: recipient._e164(recipient._written(number), policy))  # noqa: SLF001 - the same
    assert short in (None, long)


def test_the_pattern_of_the_short_way_is_the_plans_own():
    """By every beginning of a national number: the digits after it make no difference in either."""
    plan = re.compile(PhoneMetadata.metadata_for_region("FR").mobile.national_number_pattern)
    own = recipient._FRENCH_MOBILE  # noqa: SLF001 - the very thing that must not differ
    numbers = [f"{begin:04}56789" for begin in range(10_000)]
    assert [n for n in numbers if plan.fullmatch(n)] == [n for n in numbers if own.fullmatch(n)]


@pytest.mark.parametrize("number", ["0612345678", "06 12 34 56 78", "+33612345678", "33612345678", "612345678"])
def test_the_short_way_does_not_load_the_number_plan(number):
    code = (
        "import sys; from octoworker.sms import people; from octoworker.sms.policy import Policy; "
        "assert people.read([sys.argv[1]], Policy()).good == ('+33612345678',); "
        "sys.exit('phonenumbers' in sys.modules or 'pydantic' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code, number], check=False).returncode == 0


def test_an_ordinary_mobile_takes_the_short_way():
    assert recipient._french_mobile("06 12 34 56 78", Policy()) == "+33612345678"  # noqa: SLF001 - or nobody would notice
