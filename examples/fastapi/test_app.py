"""What the practice sends, without Redis, worker or network: `pytest`."""

import re
from datetime import UTC, datetime, timedelta

import app as practice
from fastapi.testclient import TestClient

from octoworker.testing import Outbox

client = TestClient(practice.app)
AT = datetime.now(UTC).replace(microsecond=0) + timedelta(days=3)


def booked() -> dict[str, str]:
    answer = client.post("/appointments", json={"phone": "06 12 34 56 78", "at": AT.isoformat()})
    assert answer.status_code == 201
    found: dict[str, str] = answer.json()
    return found


def test_a_login_by_code(sms_outbox: Outbox) -> None:
    verification = client.post("/codes", json={"phone": "06 12 34 56 78"}).json()["verification"]
    found = re.search(r"@practice\.example\.com #(\d{6})$", sms_outbox.only().text)
    assert found
    wrong = client.post("/codes/check", json={"verification": verification, "code": "no code"}).json()
    assert wrong == {"outcome": "wrong", "left": 4}
    right = client.post("/codes/check", json={"verification": verification, "code": found[1]}).json()
    assert right["outcome"] == "ok"


def test_a_number_that_is_none_is_said(sms_outbox: Outbox) -> None:
    answer = client.post("/codes", json={"phone": "12"})
    assert answer.status_code == 422
    assert answer.json()["detail"]
    assert len(sms_outbox) == 0


def test_a_reminder_goes_a_day_before_and_moves_with_its_appointment(sms_outbox: Outbox) -> None:
    appointment = booked()
    assert sms_outbox.only().due_at == AT - timedelta(days=1)
    later = AT + timedelta(days=1)
    client.patch(f"/appointments/{appointment['id']}", json={"at": later.isoformat()})
    assert sms_outbox.only().due_at == later - timedelta(days=1)
    sms_outbox.handle_events(practice.note)
    sms_outbox.advance(timedelta(days=3, minutes=1))
    sms_outbox.only().deliver()
    assert client.get(f"/appointments/{appointment['id']}").json()["reminder"] == "delivered"


def test_a_reminder_that_has_gone_is_not_moved_and_nor_is_its_appointment(sms_outbox: Outbox) -> None:
    appointment = booked()
    sms_outbox.advance(timedelta(days=2, minutes=1))
    answer = client.patch(f"/appointments/{appointment['id']}", json={"at": (AT + timedelta(days=1)).isoformat()})
    assert answer.status_code == 409
    assert client.get(f"/appointments/{appointment['id']}").json()["at"] == AT.isoformat()


def test_a_cancelled_appointment_has_no_reminder(sms_outbox: Outbox) -> None:
    appointment = booked()
    assert client.delete(f"/appointments/{appointment['id']}").status_code == 204
    assert [each.state for each in sms_outbox.messages] == ["cancelled"]


def test_a_stranger_cannot_say_what_arrived() -> None:
    assert client.post("/sms-events", content=b"{}").status_code == 401
