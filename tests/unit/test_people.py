"""The one reader of a list of people."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octoworker.errors import PayloadError
from octoworker.sms import people
from octoworker.sms.policy import Policy

POLICY = Policy()


def read(*recipients):
    return people.read(list(recipients), POLICY)


def test_each_is_read_once_in_the_order_given():
    assert read("0612345679", "+33612345678", "06 12 34 56 79", "692123456").good == (
        "+33612345679",
        "+33612345678",
        "+262692123456",
    )


def test_one_number_alone_needs_no_list():
    assert people.read("06 12 34 56 78", POLICY).good == ("+33612345678",)
    assert people.read("x", POLICY).problems == ("recipients: write digits, not letters.",)


def test_a_record_can_hold_whom_it_does_not_go_to():
    long, half = "z" * 50_000, "\ud800" + "y" * 60
    found = read(long, half, long + "2", None, 10**5000, b"0612345678", float("inf"), 4.5)
    assert len(found.refused) == 8
    assert all(len(name) <= 40 for name in found.refused)
    assert json.dumps(dict(found.refused), ensure_ascii=False).encode()
    assert {"(NoneType)", "(int)", "(bytes)", "(float)", "4.5"} < set(found.refused)


def test_a_record_has_forty_characters_of_what_was_written_and_tells_the_rest_apart():
    assert set(read("z" * 40).refused) == {"z" * 40}
    long = ["z" * 50 + end for end in ("", "2", "3")]
    assert list(read(*long).refused) == ["z" * 39 + "…", "z" * 38 + "…2", "z" * 38 + "…3"]
    assert list(read("", 7).refused) == ["(empty)", "7"]


def test_the_same_mistake_twice_is_one_person():
    found = read("06", "06", None, None)
    assert len(found.refused) == 2
    assert found.unread == ("06", None)


def test_three_places_of_a_mistake_are_named_and_the_others_counted():
    assert read("06", "061", "0612").problems == ("recipients[0], [1], [2]: it has too few digits.",)
    assert read("06", "061", "0612", "06123").problems == (
        "recipients[0], [1], [2] and 1 more: it has too few digits.",
    )


def test_no_number_stands_in_a_problem():
    assert "4711" not in " ".join(read("4711 4711 4711 4711", "marker 4711", "4711" * 20).problems)


def test_many_reasons_are_named_in_part_and_counted():
    odd = ["x", "06", "0112345678", "0800123456", "3631", "+999", "06,07", "06#1", "tel:1"]
    problems = read(*odd).problems
    assert len(problems) == 6
    assert problems[-1] == "recipients: 4 more are refused for other reasons."


@pytest.mark.parametrize("junk", [None, 5, {}, {"06"}, b"06", iter(["06"])])
def test_what_is_no_list_is_refused(junk):
    with pytest.raises(PayloadError, match="one, or a list of them"):
        people.read(junk, POLICY)


def test_a_list_has_at_most_a_thousand():
    assert read(*["0612345678"] * 1000).good == ("+33612345678",)


def test_a_list_that_is_too_long_is_not_read():
    with pytest.raises(PayloadError, match="at most 1000"):
        people.read(["x"] * 1001, POLICY)


@given(st.lists(st.none() | st.integers() | st.floats() | st.binary() | st.text(st.characters()), max_size=30))
def test_everybody_is_either_read_or_refused(odd):
    found = people.read(odd, POLICY)
    assert bool(found.good or found.refused) is bool(odd)
    assert bool(found.refused) is bool(found.problems)
    assert all(name.encode() and len(name) <= 40 for name in found.refused)


SPELLINGS = ["0612345678", "+33612345678", "06 12 34 56 78", "0033612345678", "+33 (0)6.12.34.56.78", "612345678.0"]


@given(st.permutations([*SPELLINGS, *(f"06123{n:05d}" for n in range(40)), None, "", 7]), st.integers(1, 30))
def test_a_long_list_is_cut_so_that_all_spellings_of_a_number_are_in_one_part(listed, most):
    parts = list(people.cut(listed, most))
    assert sorted(map(repr, listed)) == sorted(repr(each) for part in parts for each in part)
    assert sum("+33612345678" in people.read(part, POLICY).good for part in parts) == 1
    assert all(len(part) <= max(most, len(SPELLINGS) + 3) for part in parts)


def test_a_long_list_is_cut_in_full_parts():
    assert [len(part) for part in people.cut([f"06123{n:05d}" for n in range(10)], 4)] == [4, 4, 2]
