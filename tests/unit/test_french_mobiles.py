"""The short way for French mobiles says what the number plan says."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from octoworker.gateway import dialects
from octoworker.sms import recipient
from octoworker.sms.message import Policy

SPACES = st.sampled_from(["", " ", ".", "-"])


@st.composite
def written(draw):
    digits = draw(st.text("0123456789", min_size=8, max_size=8))
    first = draw(st.sampled_from("67"))
    gap = draw(SPACES)
    return draw(st.sampled_from(["+33", "0033", "0"])) + gap + first + gap.join(digits)


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
    policy = Policy(dialects.DEFAULT.rules, region=region, countries=countries)
    short = recipient._french_mobile(number, policy)  # noqa: SLF001 - the very thing that must not differ
    long = answer(lambda: recipient._e164(recipient._plainly_written(number), policy))  # noqa: SLF001 - the same
    assert short in (None, long)


def test_an_ordinary_mobile_takes_the_short_way():
    assert recipient._french_mobile("06 12 34 56 78", Policy(dialects.DEFAULT.rules)) == "+33612345678"  # noqa: SLF001 - or nobody would notice
