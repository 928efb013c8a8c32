"""What the legacy API is asked, where a wrong reading of its pages would send at another time."""

from __future__ import annotations

from datetime import datetime
from urllib.parse import parse_qs, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octoworker.gateway import Account, Submit
from octoworker.gateway.legacy import form

ACCOUNT = Account(
    url="http://127.0.0.1:1/api",
    user_login="me@example.com",
    api_key="key",
    format="json",
    connect_timeout=1,
    read_timeout=1,
    total_timeout=1,
    simulate=False,
)


@pytest.mark.parametrize(
    ("at", "epoch"),
    [
        ("2026-10-25T02:30:00+02:00", "1792888200"),  # before the clocks go back in Paris
        ("2026-10-25T02:30:00+01:00", "1792891800"),  # the same wall time, an hour later
        ("2027-03-28T01:59:00+01:00", "1806195540"),
        ("2027-03-28T03:00:00+02:00", "1806195600"),
        ("2016-02-20T14:40:13+01:00", "1455975613"),  # the example of Octopush's own page
        ("2016-02-20T14:40:13.9+01:00", "1455975613"),
    ],
)
def test_sending_date_is_a_plain_unix_epoch(at, epoch):
    order = Submit("k", ("+33612345678",), "hi", "FR", "Octo", transactional=True, send_at=datetime.fromisoformat(at))
    fields = parse_qs(form.submit(ACCOUNT, order).decode())
    assert (fields["sending_date"], fields["sms_mode"]) == ([epoch], ["2"])


@pytest.mark.parametrize(("wanted", "written"), [(True, ["1"]), (False, None)])
def test_a_message_that_can_be_answered_says_so(wanted, written):
    order = Submit("k", ("+33612345678",), "hi", "FR", "Octo", transactional=True, send_at=None, with_replies=wanted)
    assert parse_qs(form.submit(ACCOUNT, order).decode()).get("with_replies") == written


@given(st.text())
def test_a_text_goes_out_as_every_form_is_written(text):
    order = Submit("k", ("+33612345678",), text, "FR", "Octo", transactional=True, send_at=None)
    assert f"&{urlencode({'sms_text': text})}&" in form.submit(ACCOUNT, order).decode("ascii")


def test_half_a_character_does_not_go_out():
    order = Submit("k", ("+33612345678",), "half \ud83d", "FR", "Octo", transactional=True, send_at=None)
    with pytest.raises(UnicodeEncodeError):
        form.submit(ACCOUNT, order)
