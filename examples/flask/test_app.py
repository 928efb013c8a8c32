"""What the garage sends, without Redis, worker or network: `pytest`."""

import re
from datetime import UTC, datetime, timedelta

import app as garage
import pytest
from flask.testing import FlaskClient

from octoworker.testing import Outbox

AT = datetime.now(garage.PARIS).replace(microsecond=0, tzinfo=None) + timedelta(days=3)


@pytest.fixture
def customer(sms_outbox: Outbox) -> FlaskClient:
    """Somebody who has logged in by a code."""
    client = garage.app.test_client()
    client.post("/login", data={"phone": "06 12 34 56 78"})
    found = re.search(r"@garage\.example\.com #(\d{6})$", sms_outbox.messages[-1].text)
    assert found
    assert client.post("/code", data={"code": found[1]}).location == "/"
    return client


def first(client: FlaskClient) -> str:
    found = re.search(r'action="(/\d+)/move"', client.get("/").text)
    assert found
    return found[1]


def test_a_wrong_code_is_said(sms_outbox: Outbox) -> None:
    client = garage.app.test_client()
    client.post("/login", data={"phone": "06 12 34 56 78"})
    assert "pas le bon code" in client.post("/code", data={"code": "no code"}).text
    assert client.get("/").location == "/login"
    assert len(sms_outbox) == 1


def test_the_field_is_filled_in_by_the_telephone() -> None:
    assert 'autocomplete="one-time-code"' in garage.app.test_client().get("/code").text


def test_a_reminder_is_moved_arrives_and_is_shown(customer: FlaskClient, sms_outbox: Outbox) -> None:
    customer.post("/", data={"at": AT.isoformat()})
    later = AT + timedelta(days=1)
    customer.post(f"{first(customer)}/move", data={"at": later.isoformat()})
    (reminder,) = sms_outbox.held
    assert reminder.due_at == later.replace(tzinfo=garage.PARIS).astimezone(UTC) - timedelta(days=1)
    sms_outbox.handle_events(garage.note)
    sms_outbox.advance(timedelta(days=3, hours=2))
    reminder.deliver()
    assert "rappel reçu" in customer.get("/").text
    customer.post(f"{first(customer)}/cancel")


def test_a_cancelled_appointment_has_no_reminder(customer: FlaskClient, sms_outbox: Outbox) -> None:
    customer.post("/", data={"at": AT.isoformat()})
    (reminder,) = sms_outbox.held
    customer.post(f"{first(customer)}/cancel")
    assert reminder.state == "cancelled"
    assert "Aucun rendez-vous" in customer.get("/").text


def test_nobody_moves_the_appointment_of_another(customer: FlaskClient) -> None:
    customer.post("/", data={"at": AT.isoformat()})
    number = first(customer)
    assert garage.app.test_client().post(f"{number}/cancel").status_code == 404
    customer.post(f"{number}/cancel")


def test_a_stranger_cannot_say_what_arrived() -> None:
    assert garage.app.test_client().post("/sms-events", data=b"{}").status_code == 401
