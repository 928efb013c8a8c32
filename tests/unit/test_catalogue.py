"""Every code that Octopush is known to give has a meaning, a kind and something to do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octoworker.errors import Kind
from octoworker.gateway.codes import normalise
from octoworker.gateway.legacy.codes import all_codes, lookup

KINDS = {
    Kind.SUCCESS: "000",
    Kind.DUPLICATE: "120 132 133 302",
    Kind.TRANSIENT: "127 128 129 153 159 203 206",
    Kind.ACCOUNT: "101 104 105 108 109 113 114 126 201 207 209 300 301",
    Kind.PERMANENT: "100 102 103 106 107 110 111 112 115 116 117 118 119 121 122 123 124 130 131"
    " 150 151 152 155 156 157 158 160 202 204 205 208 210 303 304 305 306 308",
    Kind.MAYBE: "001 125 500 501",
}


@pytest.mark.parametrize(("kind", "codes"), KINDS.items(), ids=lambda value: getattr(value, "value", ""))
def test_each_code_has_its_kind(kind, codes):
    assert {code: lookup(code).kind for code in codes.split()} == dict.fromkeys(codes.split(), kind)


def test_the_list_holds_these_codes_and_no_other_in_order():
    assert [code.code for code in all_codes()] == sorted(" ".join(KINDS.values()).split())


@pytest.mark.parametrize("code", all_codes(), ids=lambda code: code.code)
def test_each_code_says_what_it_means_what_to_do_where_and_who_says_so(code):
    assert all([code.meaning, code.hint, code.where, code.source])


@pytest.mark.parametrize("code", ["307", "999", "1234", "", "abc", "+33612345678"])
def test_a_code_nobody_knows_is_of_unknown_kind_and_says_so(code):
    found = lookup(code)
    assert (found.kind, found.meaning) == (Kind.UNKNOWN, "a code that is not in our list")


def test_what_cannot_be_a_code_is_never_repeated():
    assert lookup("+33612345678").code == "?"


@pytest.mark.parametrize(
    ("written", "code"),
    [
        *(("0", "000"), (0, "000"), ("00", "000"), ("000", "000"), (" 000\n", "000")),
        *((1, "001"), ("01", "001"), (150, "150"), ("150", "150"), (1234, "1234")),
        *((True, None), (None, None), ("", None), ("1.0", None), (1.0, None), (-1, None), ("-1", None)),
        *(("٣", None), (10**5000, None), ("33612345678", None), ([], None), ({}, None)),
    ],
    ids=lambda value: str(value)[:12] if not isinstance(value, int) or value < 10**6 else "a huge number",
)
def test_codes_are_written_in_one_way(written, code):
    assert normalise(written) == code


@given(st.one_of(st.text(), st.integers(), st.binary(), st.none(), st.floats(), st.lists(st.integers())))
def test_looking_up_never_raises(anything):
    assert lookup(anything).kind in Kind
