"""How Octopush counts a text."""

from __future__ import annotations

import unicodedata
from itertools import accumulate

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from octoworker.sms.encoding import DOUBLED, GSM7, REPLACED, measure, parts, unicode_cost, unsendable

at_any_pace = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no failure

PLAIN = "".join(sorted(GSM7 | REPLACED.keys()))
FOREIGN = "œ漢😀\N{NO-BREAK SPACE}"

plain = st.text(PLAIN, max_size=400)
anything = st.text(st.sampled_from(PLAIN + FOREIGN), max_size=300)


def counted(text):
    found = measure(text)
    return found.alphabet, found.length, found.segments


def widths(text):
    """Units of each sign that may not be cut, worked out apart from the code under test."""
    if set(text) <= set(PLAIN):
        return tuple(
            width for sign in text for width in ([2] if sign in DOUBLED else [1] * len(REPLACED.get(sign, ".")))
        )
    return tuple(len(sign.encode("utf-16-le")) // 2 for sign in text)


def fewest_segments(units, room):
    """Every place to cut is tried, not only the last that fits."""
    total = [0, *accumulate(units)]
    fewest = [0]
    for end in range(1, len(total)):
        starts = range(max(0, end - room), end)
        fewest.append(1 + min(fewest[start] for start in starts if total[end] - total[start] <= room))
    return fewest[-1]


@pytest.mark.parametrize(
    ("text", "alphabet", "length", "segments"),
    [
        ("", "gsm7", 0, 1),
        ("hello", "gsm7", 5, 1),
        ("a" * 160, "gsm7", 160, 1),
        ("a" * 161, "gsm7", 161, 2),
        ("a" * 306, "gsm7", 306, 2),
        ("a" * 307, "gsm7", 307, 3),
        ("a" * 459, "gsm7", 459, 3),
        ("àéèìòùÇÉäöüñÄÖÜÑåÅæÆøØß", "gsm7", 23, 1),
        ("être à Noël, garçon", "gsm7", 19, 1),
        ("ΓΔΘΛΞΠΣΦΨΩ", "gsm7", 10, 1),
        ("wait…", "gsm7", 7, 1),
        ("5 €", "gsm7", 4, 1),
        ("漢" * 70, "ucs2", 70, 1),
        ("漢" * 71, "ucs2", 71, 2),
        ("漢" * 134, "ucs2", 134, 2),
        ("漢" * 135, "ucs2", 135, 3),
        ("😀" * 35, "ucs2", 70, 1),
        ("cœur", "ucs2", 4, 1),
        ("5\N{NO-BREAK SPACE}€", "ucs2", 3, 1),
        ("漢…€", "ucs2", 3, 1),
        ("e\N{COMBINING ACUTE ACCENT}", "ucs2", 2, 1),
    ],
)
def test_alphabet_length_and_segments(text, alphabet, length, segments):
    assert counted(text) == (alphabet, length, segments)


@pytest.mark.parametrize("sign", [*"{}€[]~^¨|&$@", "\n", "\r", "\t"])
def test_octopush_counts_these_signs_twice(sign):
    assert counted(sign) == ("gsm7", 2, 1)


def test_it_counts_no_other_plain_sign_twice():
    assert len(DOUBLED) == 15
    assert {measure(sign).length for sign in GSM7 - DOUBLED} == {1}


@pytest.mark.parametrize(
    ("text", "arrives"),
    [
        ("ça coûte 3 µg", "ca coute 3 ug"),
        ("«Noël» “l’été” – fin…", '"Noel" "l\'été" - fin...'),
        ("ÀÊÎÕÛŸ áêîõûÿ", "AEIOUY aeiouy"),
        ("a^b|c\\d", "a-bIc/d"),
        ("garçon 漢", "garçon 漢"),
    ],
)
def test_what_the_handset_shows(text, arrives):
    assert measure(text).arrives == arrives


def test_a_doubled_sign_is_not_cut_in_two():
    assert measure("€" * 152).segments == 2
    assert measure("€" * 153).segments == 3  # 306 units would fill two segments, but each holds 76 whole signs


def test_a_surrogate_pair_is_not_cut_in_two():
    assert measure("😀" * 66).segments == 2
    assert measure("😀" * 67).segments == 3


def test_the_text_is_not_in_the_repr():
    assert "hello" not in repr(measure("hello"))


@at_any_pace
@given(anything)
def test_segments_are_the_fewest_that_cut_no_sign(text):
    units = widths(text)
    found = measure(text)
    alone, joined = {"gsm7": (160, 153), "ucs2": (70, 67)}[found.alphabet]
    assert found.length == sum(units)
    assert found.segments == (1 if sum(units) <= alone else fewest_segments(units, joined))


@at_any_pace
@given(anything, anything)
def test_more_text_never_takes_fewer_segments(text, more):
    assert measure(text + more).segments >= max(measure(text).segments, measure(more).segments)


@at_any_pace
@given(plain, plain)
def test_lengths_add_up_within_an_alphabet(text, more):
    assert measure(text + more).length == measure(text).length + measure(more).length


@at_any_pace
@given(plain)
def test_a_plain_text_arrives_in_plain_signs(text):
    assert set(measure(text).arrives) <= GSM7


@at_any_pace
@given(st.text(st.characters(), max_size=50))
def test_no_text_is_too_odd_to_be_counted(text):
    assert measure(text).segments >= 1


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a\x00", (1, "control character")),
        ("\x1b[0m", (0, "control character")),
        ("ab\N{RIGHT-TO-LEFT OVERRIDE}c", (2, "invisible character")),
        ("\N{ZERO WIDTH SPACE}", (0, "invisible character")),
        ("a\N{ZERO WIDTH JOINER}b", (1, "invisible character")),
        ("a\N{VARIATION SELECTOR-16}", (1, "invisible character")),
        ("\N{SOFT HYPHEN}", (0, "invisible character")),
        ("\N{HANGUL FILLER}", (0, "invisible character")),
        ("\N{BLACK FLAG}\N{TAG LATIN SMALL LETTER G}", (1, "invisible character")),
        ("\ud83d", (0, "half of a surrogate pair")),
        ("\ue000", (0, "private-use character")),
        ("\u0378", (0, "character that Unicode has not assigned")),
        ("\N{LINE SEPARATOR}", (0, "line separator")),
    ],
)
def test_what_must_not_go_out_is_pointed_at(text, found):
    assert unsendable(text) == found


@pytest.mark.parametrize(
    "text", ["a\n\tb", "Ça va, œuf ?", "漢字 עברית", "👩‍👩‍👧", "❤️", "❤️‍🔥", "👍🏽", "1️⃣", "🇫🇷", "\U0001fae9"]
)
def test_words_of_any_script_and_emoji_may_go(text):
    assert unsendable(text) is None


@at_any_pace
@given(st.text(st.characters(categories=["Cc", "Cf", "Cs", "Co"]), min_size=1))
def test_nothing_hidden_goes_out(text):
    allowed = set("\n\t")
    found = unsendable(text)
    assert (found is None) == (set(text) <= allowed)
    assert found is None or unicodedata.category(text[found[0]]).startswith("C")


def cost(text):
    found = unicode_cost(text)
    return found and ({each.sign: (each.count, each.instead) for each in found.signs}, found.segments, found.without)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Ça va, là-bas… “oui” ’", None),
        ("a" * 99 + "\u00a0!", ({"\u00a0": (1, " ")}, 2, 1)),
        ("a" * 99 + "\u202f!\u202f?", ({"\u202f": (2, " ")}, 2, 1)),
        ("Œuf, bœuf", ({"Œ": (1, "OE"), "œ": (1, "oe")}, 1, 1)),
        ("Škoda Łódź", ({"Š": (1, "S"), "Ł": (1, "L"), "ź": (1, "z")}, 1, 1)),
        ("„oui‚ 5′ 3\u2212", ({"„": (1, '"'), "‚": (1, "'"), "′": (1, "'"), "\u2212": (1, "-")}, 1, 1)),
        ("漢" * 71, ({"漢": (71, None)}, 2, 1)),
        ("😀" * 36, ({"😀": (36, None)}, 2, 1)),
    ],
)
def test_what_makes_a_text_unicode_is_named_with_what_would_save_it(text, found):
    assert cost(text) == found


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("a" * 160, [160]),
        ("a" * 306, [153, 153]),
        ("€" * 160, [76, 76, 8]),
        ("a" + "€" * 160, [77, 76, 8]),
        ("漢" * 134, [67, 67]),
        ("😀" * 67, [33, 33, 1]),
    ],
)
def test_a_segment_is_filled_to_its_last_unit_before_the_next_one_begins(text, cut):
    assert [len(part) for part in parts(text)] == cut


def test_what_is_written_instead_of_a_foreign_sign_is_counted_too():
    arrow = unicode_cost("a" * 159 + "→")
    assert (arrow.segments, arrow.without) == (3, 2)
    assert arrow.signs[0].advice == 'RIGHTWARDS ARROW (U+2192), write "->"'


def test_a_sign_that_nothing_replaces_is_to_be_left_out():
    assert unicode_cost("漢").signs[0].advice.endswith("leave it out")


def test_a_lone_carriage_return_must_not_go_out_though_it_is_counted():
    assert unsendable("\r") == (0, "control character")


def test_a_sign_is_named_so_that_one_can_look_for_it():
    (sign,) = unicode_cost("\u202f").signs
    assert sign.name == "NARROW NO-BREAK SPACE (U+202F)"


@at_any_pace
@given(anything)
def test_a_text_without_what_makes_it_unicode_never_takes_more_segments_than_it_says(text):
    found = unicode_cost(text)
    assert (found is None) == (measure(text).alphabet == "gsm7")
    if found:
        plain = "".join(next((s.instead or "" for s in found.signs if s.sign == sign), sign) for sign in text)
        assert measure(plain).alphabet == "gsm7"
        assert measure(plain).segments == found.without
