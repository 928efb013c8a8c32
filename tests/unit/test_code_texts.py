"""One-time codes: what they are made of, and the texts that carry them."""

from __future__ import annotations

import pytest

from octoworker.sms import codes, identity

ID, KEY, OLD = "a" * 32, "k" * 32, "o" * 32


def test_a_code_has_six_figures_and_depends_on_its_verification_and_its_key():
    made = {codes.code_of(f"{n:032x}", key) for n in range(50) for key in (KEY, OLD)}
    assert len(made) > 95
    assert all(len(code) == 6 and code.isdigit() for code in made)
    assert codes.code_of(ID, KEY) == codes.code_of(ID, KEY)


def test_web_apps_of_two_releases_agree_on_a_code_and_on_where_its_verification_is():
    """One that has sent a code, and the next one that is asked whether it is right. The limits of an address go on, too."""
    assert (codes.code_of(ID, KEY), codes.name_of(KEY)) == ("813369", "7d68a5f4")
    assert codes.place_of("+33612345678", "login", [KEY]) == ["fbdbb913c1dc24c2bcd16860d0151c75"]
    assert codes.address_of("192.0.2.7", KEY) == "3082dc23c7466b6a7d0eb364"


def test_the_message_that_carries_a_code_has_an_id_like_any_other():
    found = codes.message_id_of(ID, 2)
    assert (identity.is_message_id(found), found[-2:]) == (True, "02")


def test_a_guess_is_right_for_the_key_that_made_the_code_and_for_no_other():
    guesses = codes.guessed(ID, codes.code_of(ID, OLD), [KEY, OLD])
    assert guesses == {codes.name_of(KEY): False, codes.name_of(OLD): True}


def test_blanks_in_a_guess_do_not_matter():
    code = codes.code_of(ID, KEY)
    spaced = f" {code[:3]} {code[3:]} "
    assert codes.guessed(ID, spaced, [KEY])[codes.name_of(KEY)]


@pytest.mark.parametrize("wrong", ["", "000", "½", "١٢٣٤٥٦", "\ud800", "0" * 32])
def test_what_is_no_code_is_a_wrong_guess(wrong):
    assert codes.guessed(ID, wrong, [KEY]) == {codes.name_of(KEY): False}


def test_number_and_purpose_are_found_under_every_key_and_stand_nowhere():
    places = codes.place_of("+33612345678", "login", [KEY, OLD])
    assert places[1:] == codes.place_of("+33612345678", "login", [OLD])
    assert places != codes.place_of("+33612345678", "reset", [KEY, OLD])
    assert "612345678" not in "".join(places)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("2001:db8::1", "2001:db8::ffff:2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("unknown", "\ud800", False),
    ],
)
def test_an_address_is_counted_as_the_connection_that_it_belongs_to(one, other, same):
    assert (codes.address_of(one, KEY) == codes.address_of(other, KEY)) is same


def test_browsers_and_androids_find_the_code():
    assert codes.text_of("123456", "Code {code}", "example.com", None) == "Code 123456\n\n@example.com #123456"
    assert codes.text_of("123456", "Code {code}", None, "FA+9qCX9VSu") == "Code 123456\nFA+9qCX9VSu"


def test_android_reads_140_bytes():
    full = codes.text_of("123456", "x" * 122 + "{code}", None, "FA+9qCX9VSu")
    assert len(full) == 140
    with pytest.raises(codes.CodeRefused, match="140 bytes"):
        codes.text_of("123456", "x" * 123 + "{code}", None, "FA+9qCX9VSu")


@pytest.mark.parametrize(
    ("text", "domain", "app_hash", "argument"),
    [
        ("Code", None, None, "text"),
        ("{code} {code}", None, None, "text"),
        ("{code}", "https://example.com", None, "domain"),
        ("{code}", "example.com #1", None, "domain"),
        ("{code}", None, "short", "app_hash"),
        ("{code}", "example.com", "FA+9qCX9VSu", "app_hash"),
        ("é" * 70 + "{code}", None, "FA+9qCX9VSu", "text"),
    ],
)
def test_a_text_that_cannot_carry_the_code_is_refused_by_the_name_of_the_argument(text, domain, app_hash, argument):
    with pytest.raises(codes.CodeRefused, match=f"^{argument}: "):
        codes.text_of("123456", text, domain, app_hash)


@pytest.mark.parametrize("purpose", ["", "a b", "x" * 65, "é", None])
def test_a_purpose_is_a_short_word(purpose):
    with pytest.raises(codes.CodeRefused, match=r"^purpose: "):
        codes.purpose_of(purpose)
