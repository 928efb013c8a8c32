"""`octoworker.check`: what would become of a message, without Redis and without a worker."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octoworker.client import checking
from octoworker.config import Settings
from octoworker.errors import PayloadError
from octoworker.sms import encoding, message

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
FRENCH, BELGIAN = "+33612345678", "+32470123456"


def check(settings=None, **more):
    wanted = {"recipients": FRENCH, "text": "Rappel", "transactional": True, "sender": "MyShop", **more}
    return checking.of(wanted, Settings.load(settings or {}), NOW)


def test_a_message_that_can_be_sent_says_what_it_is():
    found = check(recipients=["06 12 34 56 78", FRENCH, BELGIAN], sms_type="WWW")
    assert found
    assert found.recipients == (FRENCH, BELGIAN)
    assert (found.lane, found.sms_type, found.segments, found.alphabet) == ("normal", "WWW", 1, "gsm7")
    assert found.countries == {"FR": 1, "BE": 1}
    assert (found.how, found.at) == ("now", None)


def test_each_wrong_argument_is_named_as_a_worker_would_name_it():
    wrong = {"recipients": FRENCH, "text": "Soldes", "sender": "M"}
    settings = Settings.load({})
    with pytest.raises(PayloadError) as refused:
        message.parse(wrong, settings.policy)
    found = checking.of(wrong, settings, NOW)
    assert not found
    assert found.problems == refused.value.problems
    assert found.error_code == refused.value.error_code
    assert [problem.partition(":")[0] for problem in found.problems] == ["text", "sender"]


def test_who_is_left_out_is_said_with_the_reason():
    found = check(recipients=[FRENCH, "12"])
    assert found.recipients == (FRENCH,)
    assert list(found.left_out) == ["12"]


def test_what_makes_a_text_dearer_is_said_with_what_would_save():
    found = check(text="Rendez-vous à 10\u202fh " * 5)
    assert (found.alphabet, found.segments, found.segments_without) == ("ucs2", 2, 1)
    assert found.advice == ('NARROW NO-BREAK SPACE (U+202F), write " "',)


def test_a_price_that_is_set_gives_the_cost():
    found = check({"OCTOWORKER_CAP_PRICE": "0.05"}, text="a" * 200, recipients=[FRENCH, "+33612345679"])
    assert found.cost == Decimal("0.20")


@pytest.mark.parametrize(
    ("hold", "how"), [(True, "held"), (False, "handed over")], ids=["kept here", "kept by Octopush"]
)
def test_a_later_message_says_where_it_waits(hold, how):
    later = NOW + timedelta(hours=2)
    found = check(send_at=later, hold=hold)
    assert (found.how, found.at) == (how, later)


def test_marketing_at_night_waits_for_its_hours():
    night = NOW.replace(hour=22)
    found = check(transactional=False, text="Soldes STOP au XXXXX", send_at=night, hold=True)
    assert (found.how, found.at) == ("held", NOW + timedelta(days=1) - timedelta(hours=2))


def test_what_is_too_far_ahead_is_refused():
    assert check(send_at=NOW + timedelta(days=4000)).problems[0].startswith("send_at:")


def test_a_setting_that_refuses_the_past_refuses_it_here():
    found = check({"OCTOWORKER_PAST": "refuse"}, send_at=NOW - timedelta(hours=1))
    assert found.problems[0].startswith("send_at:")


def test_a_check_shows_no_number_and_no_text():
    shown = repr(check(text="Code 4711", recipients=[FRENCH, "12345"]))
    assert not [word for word in ("4711", "612345678", "12345") if word in shown]


@given(st.text(st.sampled_from("aé€^…œ\n🎉"), max_size=400))
def test_the_parts_are_what_arrives_and_as_many_as_are_billed(text):
    found = encoding.measure(text)
    assert "".join(encoding.parts(text)) == found.arrives
    assert len(encoding.parts(text)) == found.segments


def test_what_can_be_answered_is_priced_with_what_each_recipient_costs_beside_the_segments():
    assert check({"OCTOWORKER_CAP_PRICE": "0.05"}, with_replies=True).cost == Decimal("0.08")
