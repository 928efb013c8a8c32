"""What a web app may give as the arguments of a message, and what it hears of at once."""

from __future__ import annotations

import json
import subprocess
import sys
import uuid
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from zoneinfo import ZoneInfo

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from octoworker.errors import PayloadError
from octoworker.sms import sizes
from octoworker.sms.arguments import in_one_form, kept, plain_arguments
from octoworker.sms.identity import fingerprint
from octoworker.sms.policy import Policy

NUMBER = "+33612345678"


class Lazy:
    """A translation that is looked up late, as gettext_lazy's: it has the methods of a str and is none."""

    def __init__(self, words):
        self.words = words

    def __str__(self):
        return self.words

    def __iter__(self):
        return iter(self.words)

    def encode(self):
        return self.words.encode()


class Broken:
    def __str__(self):
        raise LookupError("marker 4711")


class Safe(str):
    """As Django's SafeString and markupsafe's Markup."""

    __slots__ = ()

    def __str__(self):
        return self


class Lane(StrEnum):
    BULK = "bulk"


def plain(**more):
    return plain_arguments({"recipients": NUMBER, "text": "hi", **more})


@pytest.mark.parametrize("name", ["recipients", "text", "sender", "idempotency_key", "reference"])
@pytest.mark.parametrize("value", [Lazy("Octo"), Safe("Octo"), "Octo"])
def test_what_stands_for_words_becomes_words(name, value):
    found = plain(**{name: value})[name]
    assert (found, type(found)) == ("Octo", str)


@pytest.mark.parametrize("name", ["idempotency_key", "reference"])
def test_a_uuid_is_a_key(name):
    key = uuid.UUID(int=4711)
    assert plain(**{name: key})[name] == str(key)


@pytest.mark.parametrize("number", [NUMBER, "+393331234567", "+39061234567"])
def test_a_phone_number_of_a_librarys_type_is_a_recipient(number):
    parsed = phonenumbers.parse(number)
    assert plain(recipients=parsed)["recipients"] == number
    assert plain(recipients=[parsed, NUMBER])["recipients"] == [number, NUMBER]


def test_a_lane_may_be_an_enum():
    assert plain(lane=Lane.BULK)["lane"] == "bulk"


@pytest.mark.parametrize("name", ["text", "sender", "sms_type", "idempotency_key", "reference", "lane"])
@pytest.mark.parametrize(
    "junk",
    [b"hi", {"a"}, 4711, 4.5, Decimal(1), date(2026, 12, 1), datetime.now(UTC), ["hi"], {}, True, object(), Broken()],
)
def test_what_is_no_words_is_named_with_its_argument(name, junk):
    with pytest.raises(TypeError, match=f"^{name}: ") as caught:
        plain(**{name: junk})
    assert "4711" not in str(caught.value)
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    "junk", [b"06", {NUMBER}, {NUMBER: 1}, 33612345678, date(2026, 12, 1), iter([NUMBER]), object()]
)
def test_recipients_are_one_or_a_list(junk):
    with pytest.raises(TypeError, match=r"^recipients: give a string, or a list of them"):
        plain(recipients=junk)


def test_what_is_odd_in_a_list_is_left_to_the_reader_of_people():
    odd = [NUMBER, None, 33612345678, b"06", date(2026, 12, 1), 10**30, float("nan"), "9" * 10**6, True, {1}]
    found = plain(recipients=odd)["recipients"]
    assert json.loads(json.dumps(found)) == [
        *(NUMBER, None, 33612345678, "(bytes)", "(date)", "(int)", "(float)", "9" * 41, True, "(set)"),
    ]


@pytest.mark.parametrize("name", ["transactional", "hold"])
@pytest.mark.parametrize("junk", ["false", 0, 1, Lazy("true")])
def test_a_flag_is_true_or_false(name, junk):
    with pytest.raises(TypeError, match=f"^{name}: "):
        plain(**{name: junk})


NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    [
        NOON,
        NOON.astimezone(ZoneInfo("Europe/Paris")),
        "2026-12-01T13:00+01:00",
        NOON.timestamp(),
        int(NOON.timestamp()),
    ],
)
def test_an_instant_is_the_same_however_it_is_given(value):
    assert plain(send_at=value)["send_at"] == "2026-12-01T12:00:00+00:00"


@pytest.mark.parametrize("name", ["send_at", "expires_at"])
@pytest.mark.parametrize(
    "junk",
    [
        *(NOON.replace(tzinfo=None), "2026-12-01T12:00", "tomorrow", float("nan"), 10**30),
        datetime(2027, 3, 28, 2, 30, tzinfo=ZoneInfo("Europe/Paris")),
    ],
)
def test_a_time_that_is_no_instant_is_refused_at_once(name, junk):
    with pytest.raises(PayloadError, match=f"^{name}: "):
        plain(**{name: junk})


@pytest.mark.parametrize("junk", [date(2026, 12, 1), b"1", True, timedelta(hours=1), Lazy("2026-12-01T12:00Z")])
def test_a_time_of_another_type_is_named_with_its_argument(junk):
    with pytest.raises(TypeError, match=r"^send_at: give an aware datetime"):
        plain(send_at=junk)


def test_a_lane_that_does_not_exist_is_refused_at_once():
    with pytest.raises(PayloadError, match=r"^lane: use urgent, normal or bulk.$"):
        plain(lane="fast")


@pytest.mark.parametrize(
    "large",
    [
        {"text": "x" * 5001},
        {"recipients": ["x"] * 1001},
        {"idempotency_key": "x" * 201},
        {"reference": "x" * 201},
        {"sender": "x" * 41},
        {"send_at": "9" * 65},
    ],
)
def test_what_is_too_large_is_refused_at_once(large):
    with pytest.raises(PayloadError, match=f"^{next(iter(large))}: "):
        plain(**large)


def test_all_that_is_wrong_is_said_at_once():
    with pytest.raises(PayloadError) as caught:
        plain(lane="fast", send_at="tomorrow", text="x" * 5001)
    assert [problem.split(":")[0] for problem in caught.value.problems] == ["text", "lane", "send_at"]


def test_none_is_left_out():
    assert plain(lane=None, send_at=None) == {"recipients": NUMBER, "text": "hi"}


@pytest.mark.parametrize(
    ("first", "again"),
    [
        ({"recipients": "+33612345678"}, {"recipients": ["06 12 34 56 78"]}),
        ({"recipients": [NUMBER, "0612345679"]}, {"recipients": ["+33612345679", "06.12.34.56.78", NUMBER]}),
        ({"text": "a\r\nb\rc"}, {"text": "a\nb\nc"}),
        ({"text": "e\N{COMBINING ACUTE ACCENT}"}, {"text": "é"}),
        ({}, {"sms_type": "FR"}),
        ({}, {"sender": "Octo", "transactional": False}),
    ],
)
def test_what_means_the_same_sms_is_the_same_message(first, again):
    policy = Policy(sender="Octo")
    prints = {fingerprint(in_one_form(plain(**each), policy)[0]) for each in (first, again)}
    assert len(prints) == 1
    assert fingerprint(in_one_form(plain(text="other"), policy)[0]) not in prints


def test_a_web_app_does_not_pay_for_it():
    code = (
        "import sys; from octoworker.sms.arguments import plain_arguments, in_one_form; "
        "from octoworker.sms.policy import Policy; "
        "in_one_form(plain_arguments({'recipients': ['0612345678'], 'text': 'Salut'}), Policy()); "
        "print({'pydantic', 'phonenumbers', 'holidays', 'html'} & set(sys.modules))"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "set()\n"


junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()) | st.binary() | st.datetimes(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(["recipients", "text", "send_at", "hold", "lane", "reference"]), junk))
def test_anything_is_plain_json_or_refused_by_name(arguments):
    try:
        found = plain_arguments(arguments)
    except (TypeError, PayloadError) as error:
        assert str(error).split(":")[0] in arguments  # noqa: PT017 - either of the two, and nothing else
    else:
        json.dumps(found, allow_nan=False)


@pytest.mark.parametrize("value", ["fr", "FRR", ""])
def test_a_type_of_sms_that_does_not_exist_is_refused_at_once(value):
    with pytest.raises(PayloadError, match=r"^sms_type: use FR, XXX or WWW\.$"):
        plain(sms_type=value)


@pytest.mark.parametrize("number", [10**400, -(10**400), float("inf"), float("nan")])
def test_a_number_beyond_all_numbers_is_left_to_the_reader_of_people(number):
    assert plain_arguments({"recipients": [number]}) == {"recipients": [f"({type(number).__name__})"]}


def test_the_largest_message_that_is_taken_is_kept_as_it_is():
    """One that was cut would be another content under the same id, and would never be sent."""
    odd = "\\" * sizes.REFERENCE
    largest = plain_arguments(
        {
            "recipients": ["+" + "6" * (sizes.NUMBER - 1)] * sizes.LIST,
            "text": "\\" * sizes.TEXT,
            "sms_type": "FR",
            "sender": "s" * sizes.NUMBER,
            "idempotency_key": "k" * sizes.KEY,
            "reference": odd,
            "send_at": datetime(2026, 12, 1, 8, 0, 0, 1, UTC),
            "expires_at": datetime(2026, 12, 2, 8, 0, 0, 1, UTC),
            "lane": "normal",
            "consent": {"id": odd, "date": datetime(2026, 3, 1, 8, 0, 0, 1, UTC).isoformat(), "source": odd},
            **dict.fromkeys(("transactional", "hold", "with_replies"), True),
        }
    )
    assert kept(largest) == largest
