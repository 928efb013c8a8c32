"""What a caller may ask for, and what is said about the rest."""

from __future__ import annotations

import math
import pickle
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from octoworker.errors import PayloadError
from octoworker.gateway import dialects
from octoworker.sms import message as sms
from octoworker.sms.message import Message, parse

NUMBER = "+33612345678"
LEGACY = dialects.DIALECTS["legacy"].rules
Policy = sms.Policy
POLICY = Policy(rules=LEGACY, sender="Octo")
at_any_pace = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no failure
EVERY_ARGUMENT = [
    *("recipients", "text", "sms_type", "sender", "transactional"),
    *("send_at", "hold", "expires_at", "idempotency_key", "reference", "lane"),
]


def read(policy=POLICY, **more):
    return parse({"recipients": NUMBER, "text": "hi", "transactional": True, **more}, policy)


def refusal(policy=POLICY, **more):
    with pytest.raises(PayloadError) as caught:
        read(policy, **more)
    return caught.value


def problem(policy=POLICY, **more):
    (only,) = refusal(policy, **more).problems
    return only


# the whole message


def test_a_message_needs_recipients_text_and_a_sender_only():
    message = parse({"recipients": NUMBER, "text": "Soldes STOP au XXXXX"}, POLICY)
    assert message.model_dump() == {
        "sms_type": "FR",
        "transactional": False,
        "recipients": (NUMBER,),
        "text": "Soldes STOP au XXXXX",
        "sender": "Octo",
        "with_replies": False,
        "send_at": None,
        "expires_at": None,
        "hold": None,
        "idempotency_key": None,
        "reference": None,
        "lane": "normal",
        "consent": None,
        "refused": {},
    }


def test_none_means_left_out():
    left_out = dict.fromkeys(EVERY_ARGUMENT[2:])
    given = {"recipients": NUMBER, "text": "STOP au XXXXX"}
    assert parse(given | left_out, POLICY) == parse(given, POLICY)


def test_every_wrong_field_is_named_at_once():
    wrong = {name: object() for name in EVERY_ARGUMENT} | {"colour": 1}
    with pytest.raises(PayloadError) as caught:
        parse(wrong, POLICY)
    assert sorted(problem.split(":")[0] for problem in caught.value.problems) == sorted(wrong)


def test_nothing_at_all_lacks_recipients_and_text():
    with pytest.raises(PayloadError) as caught:
        parse({}, POLICY)
    assert [problem.split(":")[0] for problem in caught.value.problems] == ["recipients", "text"]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("recipient", "recipient: there is no such argument; did you mean recipients?"),
        ("sendat", "sendat: there is no such argument; did you mean send_at?"),
        ("colour", "colour: there is no such argument; leave it out."),
        (NUMBER, "arguments: one has a name that is no plain word; leave it out."),
        ("to33612345678", "arguments: one has a name that is no plain word; leave it out."),
        (7, "arguments: one has a name that is no plain word; leave it out."),
    ],
)
def test_an_unknown_argument_is_refused_by_name(name, sentence):
    with pytest.raises(PayloadError) as caught:
        parse({"recipients": NUMBER, "text": "hi", "transactional": True, name: None}, POLICY)
    assert caught.value.problems == (sentence,)


def test_neither_repr_nor_str_shows_whom_or_what():
    message = read(recipients=[NUMBER, "+33612345679"], text="a secret", idempotency_key="key-17", reference="Ms Doe")
    assert repr(message) == "Message(recipients=2, segments=1, sms_type='FR', lane='normal')"
    assert str(message) == "recipients=2 segments=1 sms_type='FR' lane='normal'"


def test_a_message_cannot_be_changed():
    with pytest.raises(ValidationError):
        read().text = "other"


def test_the_error_leads_back_to_no_value():
    error = refusal(text="hi\x00", recipients="06 marker")
    assert (error.__cause__, error.__context__) == (None, None)


def test_the_error_travels_between_processes():
    error = pickle.loads(pickle.dumps(refusal(text=" ")))
    assert (error.problems, error.error_code) == (("text: write something: it is empty.",), "107")


def test_the_number_tables_are_not_loaded_with_the_module():
    code = "import sys, octoworker.sms.message; sys.exit('phonenumbers' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# recipients


@pytest.mark.parametrize(
    "written",
    [
        "+33612345678",
        "0033612345678",
        "0612345678",
        "33612345678",
        "06 12 34 56 78",
        "06.12.34.56.78",
        "06-12-34-56-78",
        "06/12/34/56/78",
        "+33 (0)6 12 34 56 78",
        "(+33) 612-34.56/78",
        "0033 (0) 6 12 34 56 78",
        "06\N{NO-BREAK SPACE}12\N{NARROW NO-BREAK SPACE}34\N{THIN SPACE}56\N{NON-BREAKING HYPHEN}78",
    ],
)
def test_a_number_may_be_written_as_people_write_it(written):
    assert read(recipients=written).recipients == (NUMBER,)


@pytest.mark.parametrize(
    ("national", "recipient"),
    [
        ("0692 12 34 56", "+262692123456"),
        ("0693 12 34 56", "+262693123456"),
        ("0639 01 23 45", "+262639012345"),
        ("0690 12 34 56", "+590690123456"),
        ("0691 22 34 56", "+590691223456"),
        ("0694 12 34 56", "+594694123456"),
        ("0696 12 34 56", "+596696123456"),
        ("0697 12 34 56", "+596697123456"),
        ("0709 01 23 45", "+590709012345"),
        ("0709 12 34 56", "+596709123456"),
        ("0709 21 34 56", "+262709213456"),
        ("0709 31 34 56", "+594709313456"),
        ("0709 36 34 56", "+262709363456"),
    ],
)
def test_a_french_user_writes_overseas_numbers_nationally(national, recipient):
    assert read(Policy(rules=LEGACY, sender="Octo", countries=frozenset({"FR"})), recipients=national).recipients == (
        recipient,
    )


@pytest.mark.parametrize("number", ["+262692123456", "+590690123456", "+594694123456", "+596696123456"])
def test_france_includes_its_overseas_departments(number):
    assert read(Policy(rules=LEGACY, sender="Octo", countries=frozenset({"FR"})), recipients=number).recipients == (
        number,
    )


@pytest.mark.parametrize(("number", "country"), [("+508551234", "PM"), ("+687751234", "NC"), ("+68987123456", "PF")])
def test_territories_with_their_own_plan_are_listed_by_their_own_code(number, country):
    assert read(Policy(rules=LEGACY, sender="Octo", countries=frozenset({country})), recipients=number).recipients == (
        number,
    )
    assert country in problem(Policy(rules=LEGACY, sender="Octo", countries=frozenset({"FR"})), recipients=number)


def test_a_national_number_is_read_as_in_the_region():
    assert read(Policy(rules=LEGACY, sender="Octo", region="BE"), recipients="0470 12 34 56").recipients == (
        "+32470123456",
    )
    assert read(Policy(rules=LEGACY, sender="Octo", region="NC"), recipients="75 12 34").recipients == ("+687751234",)


def test_overseas_prefixes_mean_nothing_outside_france():
    assert "digits" in problem(Policy(rules=LEGACY, sender="Octo", region="BE"), recipients="0692 12 34 56 78 90")


def test_the_same_number_twice_is_sent_once_in_the_order_given():
    numbers = ["0612345679", "+33612345678", "06 12 34 56 79", "0033 6 12 34 56 78"]
    assert read(recipients=numbers).recipients == ("+33612345679", "+33612345678")


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("tel:+33612345678", 'leave out "tel:"'),
        ("+33612345678 ext. 12", "leave out the extension"),
        ("+33612345678;ext=12", "leave out the extension"),
        ("+33612345678x12", "leave out the extension"),
        ("06 12 34 56 78 poste 12", "leave out the extension"),
        ("0612345678#12", "leave out the extension"),
        ("０６１２３４５６７８", "plain digits"),
        ("٠٦١٢٣٤٥٦٧٨", "plain digits"),
        ("\N{FULLWIDTH PLUS SIGN}33612345678", "plain +"),
        ("06 12 34 56 7B", "not letters"),
        ("0800 FLOWERS", "not letters"),
        ("+33\N{ZERO WIDTH SPACE}612345678", "invisible"),
        ("\N{LEFT-TO-RIGHT EMBEDDING}+33612345678", "invisible"),
        ("+33612345678,+33612345679", "as a list"),
        ("", "write digits"),
        ("+", "write digits"),
        ("06+12345678", "+ only in front"),
        ("0612345678*", "write digits"),
        ("\ud800", "write digits"),
        ("15", "emergency numbers and short codes"),
        ("112", "emergency numbers and short codes"),
        ("36 31", "emergency numbers and short codes"),
        ("118 218", "emergency numbers and short codes"),
        ("+33612", "too few digits"),
        ("+33 6 12 34 56 78 90", "too many digits"),
        ("+999123456789", "a country code that exists"),
        ("0899 12 34 56", "a premium-rate number"),
        ("0884 01 23 45", "a shared-cost number"),
        ("09 12 34 56 78", "an internet telephony (VoIP) number"),
        ("01 23 45 67 89", "a fixed line"),
        ("0800 12 34 56", "a toll-free number"),
        ("+800 1234 5678", "a toll-free number"),
        ("+44 7640 123456", "a pager"),
        ("+44 7012 345678", "a forwarding number"),
        ("+33692123456", "OCTOWORKER_ALLOW_POSSIBLE"),
    ],
)
def test_each_unusable_number_has_its_own_reason(written, reason):
    sentence = problem(recipients=written)
    assert sentence.startswith("recipients: ")
    assert reason in sentence


def test_a_country_outside_the_allow_list_is_refused():
    policy = Policy(rules=LEGACY, sender="Octo", countries=frozenset({"FR"}))
    assert (
        problem(policy, recipients="+4915112345678") == "recipients: its country (DE) is not in OCTOWORKER_COUNTRIES."
    )


def test_without_an_allow_list_every_country_is_reached():
    assert read(recipients=["+4915112345678", "+18765551234"]).recipients == ("+4915112345678", "+18765551234")


def test_a_number_newer_than_the_plan_passes_when_the_settings_say_so():
    policy = Policy(rules=LEGACY, sender="Octo", countries=frozenset({"FR"}), allow_possible=True)
    assert read(policy, recipients="+33692123456").recipients == ("+33692123456",)
    assert "too few digits" in problem(policy, recipients="+33692")
    assert "DE" in problem(policy, recipients="+4912345678")
    assert "premium" in problem(policy, recipients="+33899123456")


def test_the_good_of_a_list_go_and_the_others_are_named_with_their_reasons():
    message = read(recipients=["06 12 34 56 79", 33612345678, "x", None, "0123456789"])
    assert message.recipients == ("+33612345679",)
    assert message.refused == {
        "33612345678": "give it as a string.",
        "x": "write digits, not letters.",
        "(NoneType)": "give it as a string.",
        "0123456789": "this is a fixed line; give a mobile number.",
    }


def test_a_message_is_refused_when_nobody_is_left():
    error = refusal(recipients=[33612345678, "x", None])
    assert error.problems == (
        "recipients[0], [2]: give it as a string.",
        "recipients[1]: write digits, not letters.",
    )


def test_a_strict_list_is_refused_as_a_whole():
    policy = Policy(rules=LEGACY, sender="Octo", strict=True)
    assert problem(policy, recipients=[NUMBER, "x"]) == "recipients[1]: write digits, not letters."
    assert read(policy, recipients=[NUMBER]).recipients == (NUMBER,)


def test_fifty_wrong_numbers_are_not_fifty_sentences():
    assert refusal(recipients=["x" * n for n in range(1, 51)]).problems == (
        "recipients[0], [1], [2] and 37 more: write digits, not letters.",
        "recipients[40], [41], [42] and 7 more: give one number of at most 40 characters.",
    )


@pytest.mark.parametrize("junk", [33612345678, {NUMBER: 1}, {NUMBER}, b"0612345678", 1.5, True, iter([NUMBER])])
def test_recipients_are_a_string_or_a_list(junk):
    assert problem(recipients=junk) == "recipients: give each number as a string: one, or a list of them."


def test_no_recipient_is_octopushs_103():
    assert refusal(recipients=[]).error_code == "103"


def test_the_limit_counts_different_numbers():
    numbers = [f"+3361234{tail:04}" for tail in range(501)]
    assert len(read(recipients=numbers[:500] * 2).recipients) == 500
    assert "at most 500" in problem(recipients=numbers)
    assert "at most 1 " in problem(
        sms.Policy(rules=replace(LEGACY, max_recipients=1), sender="Octo"), recipients=numbers[:2]
    )


# text


def test_line_ends_become_line_feeds():
    assert read(text="a\r\nb\rc\nd").text == "a\nb\nc\nd"


def test_accents_become_one_character_each():
    assert read(text="e\N{COMBINING ACUTE ACCENT}te\N{COMBINING ACUTE ACCENT}").text == "été"


def test_the_size_of_a_text_is_looked_at_before_anything_else():
    error = refusal(text="\x00" * 5001)
    assert (error.problems, error.error_code) == (("text: use at most 459 characters (it has 5001).",), "102")


def test_a_hundred_unknown_names_are_not_a_hundred_sentences():
    assert len(refusal(**{f"name_{'x' * n}": 1 for n in range(100)}).problems) == 6


def test_the_text_is_otherwise_kept_as_it_is():
    assert read(text=" Ça… coûte\t3\N{NO-BREAK SPACE}€ 👩‍👧 ").text == " Ça… coûte\t3\N{NO-BREAK SPACE}€ 👩‍👧 "


@pytest.mark.parametrize(
    ("more", "code", "sentence"),
    [
        ({"text": ""}, "107", "text: write something: it is empty."),
        ({"text": " \r\n\t"}, "107", "text: write something: it is empty."),
        ({"text": "a" * 460}, "102", "text: use at most 459 characters (it counts as 460)."),
        ({"text": "€" * 230}, "102", "text: use at most 459 characters (it counts as 460)."),
        (
            {"text": "a" * 161, "sms_type": "XXX"},
            "119",
            "text: use at most 160 characters with XXX (it counts as 161).",
        ),
        ({"text": "a\x07b"}, None, "text: remove the control character (character 2)."),
        ({"text": "\N{RIGHT-TO-LEFT OVERRIDE}a"}, None, "text: remove the invisible character (character 1)."),
        ({"text": "\ud800"}, None, "text: remove the half of a surrogate pair (character 1)."),
        ({"text": 5}, None, "text: give the words to send, as a string."),
        ({"text": b"hi"}, None, "text: give the words to send, as a string."),
    ],
)
def test_a_text_that_cannot_go_is_refused(more, code, sentence):
    error = refusal(**more)
    assert (error.problems, error.error_code) == ((sentence,), code)


@pytest.mark.parametrize("more", [{"text": "a" * 459}, {"text": "a" * 160, "sms_type": "XXX"}])
def test_a_text_may_fill_its_limit(more):
    assert read(**more).text == more["text"]


OTHER = replace(
    LEGACY,
    max_length=1224,
    stop_mentions=("STOP au 30101", "STOP au XXXXX"),
    stop_advice='add "STOP au 30101"',
    codes={"text_too_long": "189"},
)
"""The rules of an API of its own."""


@pytest.mark.parametrize(
    "more",
    [
        {"text": "a" * 1224},
        {"text": "Soldes STOP au 30101", "transactional": False},
        {"text": "Soldes STOP au XXXXX", "transactional": False},
    ],
)
def test_what_an_api_takes_is_asked_of_its_rules(more):
    assert read(sms.Policy(rules=OTHER, sender="Octo"), **more).text == more["text"]


def test_a_refusal_names_the_limit_and_the_code_of_that_api():
    error = refusal(sms.Policy(rules=OTHER, sender="Octo"), text="a" * 1225)
    assert error.problems == ("text: use at most 1224 characters (it counts as 1225).",)
    assert error.error_code == "189"


def test_a_fault_that_an_api_has_no_code_for_has_none():
    error = refusal(sms.Policy(rules=OTHER, sender="Octo"), text="Soldes", transactional=False)
    assert error.error_code is None
    assert 'add "STOP au 30101"' in error.problems[0]


@pytest.mark.parametrize(("text", "segments"), [("a" * 160, 1), ("a" * 161, 2), ("漢" * 71, 2)])
def test_segments_are_those_of_one_recipient(text, segments):
    assert read(text=text, recipients=[NUMBER, "+33612345679"]).segments == segments


@pytest.mark.parametrize("text", ["Soldes STOP au XXXXX", "STOP au XXXXX", "Soldes\nSTOP au XXXXX."])
def test_premium_advertising_carries_the_exact_stop_mention(text):
    assert read(text=text, transactional=False).text == text


@pytest.mark.parametrize(
    ("text", "hinted"),
    [
        ("Soldes", False),
        ("stopover", False),
        ("STOP au XXXX", True),
        ("Stop au XXXXX", True),
        ("STOP au xxxxx", True),
        ("STOP  au XXXXX", True),
        ("STOP\N{NO-BREAK SPACE}au XXXXX", True),
        ("STOP XXXXX", True),
        ("STOP au 36180", True),
        ("Soldes STOP au XXXXXX", True),
        ("XSTOP au XXXXX", True),
        ("SoldesSTOP au XXXXX", True),
    ],
)
def test_premium_advertising_without_it_is_octopushs_121(text, hinted):
    error = refusal(text=text, transactional=False)
    assert error.error_code == "121"
    assert 'add "STOP au XXXXX" exactly so' in error.problems[0]
    assert ("the STOP mention is not exact" in error.problems[0]) is hinted


@pytest.mark.parametrize("number", ["+32470123456", "+4915112345678"])
def test_advertising_that_nobody_in_france_gets_needs_no_french_mention(number):
    assert read(text="Soldes", transactional=False, recipients=number).warnings == ()
    assert refusal(text="Soldes", transactional=False, recipients=[number, NUMBER]).error_code == "121"


def test_what_is_left_of_html_is_warned_of():
    assert read(text="Caf&eacute; &amp; bar").warnings == (
        'text: "&eacute;" is written for HTML; write é, or render the text unescaped.',
        'text: "&amp;" is written for HTML; write &, or render the text unescaped.',
    )


@pytest.mark.parametrize("more", [{"transactional": True}, {"sms_type": "WWW"}, {"sms_type": "XXX"}])
def test_only_premium_advertising_needs_the_mention(more):
    assert read(**{"transactional": False, **more}).text == "hi"


def test_a_wrong_type_raises_no_follow_up_problem():
    assert problem(sms_type="fr", transactional=False) == "sms_type: use FR, XXX or WWW."
    assert problem(transactional="false") == "transactional: use true or false."


# type, sender, flags


def test_the_settings_give_type_and_sender_when_the_message_does_not():
    message = read(Policy(rules=LEGACY, sender="Shop", sms_type="WWW"))
    assert (message.sms_type, message.sender) == ("WWW", "Shop")


@pytest.mark.parametrize("sender", ["Abc", "abcdefghijk", "3Suisses", "A11"])
def test_a_sender_has_3_to_11_letters_and_digits(sender):
    assert read(sender=sender).sender == sender


@pytest.mark.parametrize("sender", ["", "ab", "abcdefghijkl", "Été21", "a b c", "a-b-c", "12345", "Abc\n", "\uff21bc"])
def test_any_other_sender_is_octopushs_106(sender):
    error = refusal(sender=sender)
    assert error.problems == ("sender: use 3 to 11 letters and digits, at least one letter.",)
    assert error.error_code == "106"


def test_low_cost_shows_no_sender():
    assert read(sms_type="XXX").sender is None
    assert problem(sms_type="XXX", sender="Shop") == "sender: leave it out with XXX: low cost shows a short number."


@pytest.mark.parametrize("sms_type", ["FR", "WWW"])
def test_a_missing_sender_names_the_setting(sms_type):
    assert problem(Policy(rules=LEGACY), sms_type=sms_type) == "sender: give one, or set OCTOWORKER_SENDER."


def test_a_wrong_default_sender_names_the_setting():
    assert "correct OCTOWORKER_SENDER" in problem(Policy(rules=LEGACY, sender="12345"))


@pytest.mark.parametrize("flag", ["transactional", "with_replies", "hold"])
@pytest.mark.parametrize("junk", ["true", 1, 0, "", [True]])
def test_a_flag_is_true_or_false_and_nothing_like_it(flag, junk):
    assert problem(**{flag: junk}) == f"{flag}: use true or false."


@pytest.mark.parametrize("hold", [True, False, None])
def test_hold_may_be_left_to_the_settings(hold):
    assert read(hold=hold).hold is hold


# answers


def test_what_can_be_answered_costs_more_for_each_recipient():
    assert read(with_replies=True).surcharge == Decimal("0.03")
    assert read().surcharge == 0


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"sms_type": "WWW"}, "use it with the type FR only."),
        ({"sms_type": "XXX", "sender": None}, "use it with the type FR only."),
        ({"recipients": [NUMBER, "+32470123456"]}, "use it with numbers of metropolitan France only."),
        ({"recipients": "+590690123456"}, "use it with numbers of metropolitan France only."),
    ],
)
def test_only_premium_to_metropolitan_france_can_be_answered(more, sentence):
    assert problem(with_replies=True, **more) == f"with_replies: {sentence}"


# times

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize("field", ["send_at", "expires_at"])
@pytest.mark.parametrize(
    "written",
    [
        "2026-12-01T12:00:00Z",
        "2026-12-01T13:00:00+01:00",
        "2026-12-01 13:00+01:00",
        1796126400,
        1796126400.0,
        NOON,
        NOON.astimezone(timezone(timedelta(hours=-5))),
    ],
)
def test_an_instant_is_read_from_text_epoch_or_datetime(field, written):
    at = getattr(read(**{field: written}), field)
    assert (at, at.tzinfo) == (NOON, UTC)


@pytest.mark.parametrize("naive", ["2026-12-01T12:00:00", "2026-12-01", NOON.replace(tzinfo=None)])
def test_a_naive_time_is_refused(naive):
    assert problem(send_at=naive).startswith("send_at: add an offset")


@pytest.mark.parametrize(
    "junk",
    [
        *("", "soon", "1796126400", "\ud800", b"1", True, [1], {}),
        *(math.nan, math.inf, -math.inf, 10**400, 1796126400000),
        datetime.min.replace(tzinfo=timezone(timedelta(hours=14))),
    ],
)
def test_what_is_no_instant_is_refused(junk):
    assert problem(send_at=junk) == "send_at: use ISO-8601 with an offset, epoch seconds, or an aware datetime."


@pytest.mark.parametrize("late", [0, 3600])
def test_a_message_may_not_expire_before_it_goes(late):
    sentence = problem(send_at=NOON + timedelta(seconds=late), expires_at=NOON)
    assert sentence == "expires_at: choose a time after send_at, or it could never be sent."


# key, reference, lane


@pytest.mark.parametrize("field", ["idempotency_key", "reference"])
@pytest.mark.parametrize("junk", ["", "  ", "a" * 201, "a\nb", "a\x00", "\ud800", "a\N{ZERO WIDTH SPACE}"])
def test_a_key_or_reference_is_printable_and_short(field, junk):
    assert problem(**{field: junk}) == f"{field}: use 1 to 200 printable characters."


@pytest.mark.parametrize("field", ["idempotency_key", "reference"])
def test_a_key_or_reference_may_be_any_words(field):
    words = "Commande nº 17 – 漢 " + "a" * 180
    assert getattr(read(**{field: words}), field) == words


@pytest.mark.parametrize(
    ("more", "lane"),
    [
        ({"transactional": True}, "urgent"),
        ({"transactional": True, "recipients": [NUMBER, "06 12 34 56 78"]}, "urgent"),
        ({"transactional": True, "recipients": [NUMBER, "+33612345679"]}, "normal"),
        ({"transactional": False, "text": "STOP au XXXXX"}, "normal"),
        ({"transactional": True, "lane": "bulk"}, "bulk"),
        ({"transactional": False, "text": "STOP au XXXXX", "lane": "urgent"}, "urgent"),
    ],
)
def test_a_transactional_message_to_one_person_is_urgent_unless_said_otherwise(more, lane):
    assert read(**more).lane == lane


@pytest.mark.parametrize("junk", ["express", "Urgent", "", 1])
def test_an_unknown_lane_is_refused(junk):
    assert problem(lane=junk) == "lane: use urgent, normal or bulk."


# whatever comes in

leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters())
    | st.binary()
    | st.datetimes()
    | st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=14)), timezone(timedelta(hours=-12))]))
    | st.sampled_from([NUMBER, "0612345678", "FR", "XXX", "Octo", "2026-12-01T12:00:00Z", "STOP au XXXXX", 10**400])
)
junk = st.recursive(leaves, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=5)
names = st.sampled_from(EVERY_ARGUMENT) | st.text(st.characters()) | st.integers()


@at_any_pace
@given(st.dictionaries(names, junk))
def test_anything_is_either_a_message_or_a_payload_error(arguments):
    try:
        found = parse(arguments, POLICY)
    except PayloadError as error:
        found = error
    assert isinstance(found, Message) or found.problems


@at_any_pace
@given(st.text(st.sampled_from("0123456789+ .-()/\N{NO-BREAK SPACE}"), max_size=30))
def test_a_recipient_is_always_e164(written):
    try:
        (recipient,) = read(recipients=written).recipients
    except PayloadError:
        return
    assert recipient[0] == "+"
    assert recipient[1:].isascii()
    assert recipient[1:].isdecimal()


MARKERS = ("zq4711qz", "+33 612 4711 99", "4711", 47114711.5, ["zq4711qz", "+334711"], {"4711": "zq4711qz"})


@at_any_pace
@given(st.dictionaries(st.sampled_from([*EVERY_ARGUMENT, "4711", "zq4711qz"]), st.sampled_from(MARKERS), min_size=1))
def test_no_value_ever_stands_in_an_error(arguments):
    broken = {"hold": "zq4711qz"} | arguments
    with pytest.raises(PayloadError) as caught:
        parse(broken, POLICY)
    assert "4711" not in str(caught.value) + repr(caught.value)
