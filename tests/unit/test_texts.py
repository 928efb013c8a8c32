"""Texts in one form, and what is left in them of another medium."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octoworker.gateway import dialects
from octoworker.sms.encoding import measure
from octoworker.sms.message import Policy, parse
from octoworker.sms.texts import canonical, html_remains


@given(st.text(st.characters()))
def test_the_form_of_a_text_is_one(text):
    once = canonical(text)
    assert canonical(once) == once
    assert "\r" not in once
    assert unicodedata.is_normalized("NFC", once)


def test_a_text_from_macos_costs_what_it_costs_from_elsewhere():
    text = "Votre rendez-vous est confirmé à l'hôpital, présentez-vous à l'accueil dès votre arrivée"
    assert measure(canonical(unicodedata.normalize("NFD", text))) == measure(text)
    assert measure(text).segments == 1


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Bonjour & <3 R&D; AT&T", ()),
        ("O&#x27;Brien", ('"&#x27;" is written for HTML; write \', or render the text unescaped.',)),
        ("R&amp;D &amp; co", ('"&amp;" is written for HTML; write &, or render the text unescaped.',)),
        ("a&nbsp;b", ('"&nbsp;" is written for HTML; write a blank, or render the text unescaped.',)),
        ("&#72;&#105;", ('"&#...;" is written for HTML; write the sign itself, or render the text unescaped.',)),
        ("a<br>b<BR/>c<br />", ('"<br>" is written for HTML; write a line end.',)),
        (
            '<a href="https://x.fr">',
            ('"<a>" is written for HTML; leave it out.',),
        ),
        ("<h1>Soldes</h1>", ('"<h1>" is written for HTML; write line ends.',)),
        ("<br\n/>", ('"<br>" is written for HTML; write a line end.',)),
        ('<td class="x">a</td>', ('"<td>" is written for HTML; leave it out.',)),
        ("1 < 2 > 0, <prenom>, <tb>, <i", ()),
    ],
)
def test_what_a_template_engine_left_is_named_with_the_word_to_use(text, found):
    assert html_remains(text) == found


def test_a_hundred_remains_are_not_a_hundred_sentences():
    assert len(html_remains("&amp;&lt;&gt;&quot;&eacute;&egrave;&agrave;&ccedil;&euro;")) == 5


def test_a_text_that_was_garbled_before_is_warned_of():
    found = parse(
        {"recipients": "0612345678", "text": "Zo\ufffd", "transactional": True},
        Policy(sender="Octo", rules=dialects.DEFAULT.rules),
    )
    assert ["garbled" in warning for warning in found.warnings] == [True]
