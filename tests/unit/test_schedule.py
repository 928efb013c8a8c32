"""When a message may go."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from octoworker.errors import PayloadError
from octoworker.gateway import dialects
from octoworker.sms.message import Policy, parse
from octoworker.sms.schedule import Rules, echo_problem, plan, still_ahead

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
RULES = Rules(hold=False, refuse_past=True, max_ahead=timedelta(days=366))


def message(**more):
    return parse(
        {"recipients": "+33612345678", "text": "hi", "transactional": True, **more},
        Policy(rules=dialects.DEFAULT.rules, sender="Octo"),
    )


def test_a_message_without_a_time_goes_at_once():
    assert plan(message(), RULES, NOW).hand_over_at is None


def test_a_later_message_is_handed_over_by_default():
    later = NOW + timedelta(hours=1)
    decided = plan(message(send_at=later), RULES, NOW)
    assert (decided.hand_over_at, decided.hold_until) == (later, None)


@pytest.mark.parametrize(("rule", "asked", "held"), [(True, None, True), (False, True, True), (True, False, False)])
def test_the_message_decides_where_it_waits_and_the_setting_when_it_does_not(rule, asked, held):
    rules = Rules(hold=rule, refuse_past=True, max_ahead=timedelta(days=366))
    decided = plan(message(send_at=NOW + timedelta(hours=1), hold=asked), rules, NOW)
    assert (decided.hold_until is not None) is held


def test_too_far_ahead_is_refused():
    with pytest.raises(PayloadError, match="next 366 days"):
        plan(message(send_at=NOW + timedelta(days=400)), RULES, NOW)


def test_as_far_ahead_as_it_may_be_is_handed_over():
    last = NOW + timedelta(days=366)
    assert plan(message(send_at=last), RULES, NOW).hand_over_at == last


def test_a_message_for_right_now_goes_at_once():
    assert plan(message(send_at=NOW), RULES, NOW).hand_over_at is None


def test_who_is_all_in_one_country_waits_for_nobody_elsewhere():
    assert not plan(message(recipients=["+33612345678", "+33612345679"]), RULES, NOW).differs


def test_what_is_due_already_is_sent_without_a_date():
    assert still_ahead(NOW, NOW) is None
    assert still_ahead(NOW + timedelta(seconds=1), NOW) == NOW + timedelta(seconds=1)


@pytest.mark.parametrize(
    ("off", "reported"), [(0, False), (60, False), (-60, False), (61, True), (3600, True), (-3600, True)]
)
def test_a_shifted_echo_is_reported(off, reported):
    asked = NOW.replace(microsecond=900_000)
    assert bool(echo_problem(asked, NOW + timedelta(seconds=off))) is reported


def test_without_an_echo_there_is_nothing_to_report():
    assert (echo_problem(NOW, None), echo_problem(None, NOW)) == ("", "")


def test_a_message_that_came_too_late_is_refused_beyond_a_minute_unless_told_otherwise():
    late = NOW - timedelta(hours=1)
    assert plan(message(send_at=late), RULES, NOW).refuse_before == late + timedelta(minutes=1)
    relaxed = Rules(hold=False, refuse_past=False, max_ahead=timedelta(days=366))
    assert plan(message(send_at=late), relaxed, NOW).refuse_before is None
