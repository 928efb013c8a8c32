"""When a message may go."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from octoworker.errors import PayloadError
from octoworker.sms.message import Policy, parse
from octoworker.sms.schedule import Rules, echo_problem, plan, sending_date

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
RULES = Rules(hold=False, refuse_past=True, max_ahead=timedelta(days=366))


def message(**more):
    return parse({"recipients": "+33612345678", "text": "hi", "transactional": True, **more}, Policy(sender="Octo"))


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


@pytest.mark.parametrize(
    ("at", "epoch"),
    [
        ("2026-10-25T02:30:00+02:00", 1792888200),  # before the clocks go back in Paris
        ("2026-10-25T02:30:00+01:00", 1792891800),  # the same wall time, an hour later
        ("2027-03-28T01:59:00+01:00", 1806195540),
        ("2027-03-28T03:00:00+02:00", 1806195600),
        ("2016-02-20T14:40:13+01:00", 1455975613),  # the example of Octopush's own page
    ],
)
def test_sending_date_is_a_plain_unix_epoch(at, epoch):
    assert sending_date(datetime.fromisoformat(at), datetime(2015, 1, 1, tzinfo=UTC)) == epoch


def test_what_is_due_already_is_sent_without_a_date():
    assert sending_date(NOW, NOW) is None


@pytest.mark.parametrize(
    ("echoed", "reported"), [(1000, False), (1060, False), (4600, True), (-2600, True), (None, False)]
)
def test_a_shifted_echo_is_reported(echoed, reported):
    assert bool(echo_problem(1000, echoed)) is reported


def test_a_message_that_came_too_late_is_refused_beyond_a_minute_unless_told_otherwise():
    late = NOW - timedelta(hours=1)
    assert plan(message(send_at=late), RULES, NOW).refuse_before == late + timedelta(minutes=1)
    relaxed = Rules(hold=False, refuse_past=False, max_ahead=timedelta(days=366))
    assert plan(message(send_at=late), relaxed, NOW).refuse_before is None
