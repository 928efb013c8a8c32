"""`octoworker.testing.outbox`: what a web app's own tests have in place of Redis, workers and Octopush."""

from __future__ import annotations

import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from celery import Celery

import octoworker
from octoworker.errors import CampaignSentError, KeyConflictError, RefusedError, SettingsError
from octoworker.testing import RealSendError, outbox

NUMBER, OTHER = "+33612345678", "+33612345679"
MARKETING = "Soldes STOP au XXXXX"
NOON = datetime.now(UTC).replace(hour=11, minute=0, second=0, microsecond=0) + timedelta(days=1)


@pytest.fixture
def box():
    with outbox() as found:
        yield found


def send(number=NUMBER, text="Code 4711", **more):
    return octoworker.enqueue(recipients=number, text=text, transactional=True, **more)


def test_what_is_sent_stands_in_it(box):
    message_id = send("06 12 34 56 78", reference="order 1")
    sms = box.only()
    assert (sms.id, sms.text, sms.recipients, sms.sender) == (message_id, "Code 4711", (NUMBER,), "Testing")
    assert (sms.state, sms.segments, sms.reference) == ("accepted", 1, "order 1")
    assert octoworker.status(message_id)["state"] == "accepted"
    assert box.to("0612345678")[0].id == message_id


def test_a_message_is_read_by_the_rules_of_the_workers(box):
    send(text="")
    octoworker.enqueue(recipients=NUMBER, text="Soldes")
    assert [each.reason.partition(":")[0] for each in box.rejected] == ["text", "text"]
    with pytest.raises(AssertionError, match=r"0 SMS .* rejected: text: "):
        box.only()


def test_the_workers_settings_can_be_given():
    with outbox(settings={"OCTOWORKER_COUNTRIES": "FR"}) as box:
        send("+32470123456")
        assert "recipients" in box.rejected[0].reason


def test_a_repeat_by_its_key_is_one(box):
    assert send(idempotency_key="k") == send(idempotency_key="k")
    assert len(box) == 1
    with pytest.raises(KeyConflictError):
        send(text="another", idempotency_key="k")


def test_the_good_of_a_list_get_theirs(box):
    octoworker.enqueue(recipients=[NUMBER, "12"], text="Alerte", transactional=True)
    sms = box.only()
    assert sms.recipients == (NUMBER,)
    assert sms.record["recipients"]["12"]["state"] == "rejected"


def test_the_life_of_an_appointment(box):
    def book(text, at):
        return send(text=text, send_at=at, hold=True, idempotency_key="reminder-1", replace=True)

    book("at noon", NOON)
    book("at one", NOON + timedelta(hours=1))
    assert [(each.text, each.due_at) for each in box.held] == [("at one", NOON + timedelta(hours=1))]
    octoworker.cancel(octoworker.message_id("reminder-1"))
    assert send(text="at one", send_at=NOON + timedelta(hours=1), hold=True, idempotency_key="reminder-1").over
    book("at two", NOON + timedelta(hours=2))
    box.advance(timedelta(days=2))
    assert [each.text for each in box.sent] == ["at two"]
    with pytest.raises(RefusedError, match="gone"):
        book("at three", NOON + timedelta(days=3))
    assert octoworker.cancel("f" * 32, missing_ok=True) is None


def test_what_is_held_goes_when_its_time_has_come(box):
    message_id = send(send_at=NOON, hold=True)
    octoworker.reschedule(message_id, NOON + timedelta(hours=1))
    box.advance(NOON - datetime.now(UTC))
    assert box.sent == []
    box.advance(3600)
    assert [each.id for each in box.sent] == [message_id]


def test_what_expires_before_its_time_is_not_sent(box):
    send(expires_at=datetime.now(UTC) - timedelta(minutes=5))
    assert [each.state for each in box.messages] == ["expired"]


@pytest.mark.parametrize(("receipt", "state"), [("deliver", "delivered"), ("fail", "undelivered")])
def test_a_receipt_calls_the_apps_handler(receipt, state):
    heard = []
    with outbox(heard.append) as box:
        message_id = send()
        getattr(box.only(), receipt)()
        assert octoworker.status(message_id)["state"] == state
    assert [each["type"] for each in heard] == ["sms.accepted", f"sms.{state}"]
    assert heard[-1]["data"]["message_id"] == message_id


def test_a_message_to_several_is_delivered_when_each_has_it(box):
    octoworker.enqueue(recipients=[NUMBER, OTHER], text="Alerte", transactional=True)
    sms = box.only()
    sms.deliver(NUMBER)
    assert sms.state == "accepted"
    sms.fail("UNKNOWN_SUBSCRIBER", OTHER)
    assert (sms.state, sms.reason) == ("undelivered", "UNKNOWN_SUBSCRIBER")


def test_a_stop_ends_marketing_to_that_number():
    heard = []
    with outbox(heard.append) as box:
        octoworker.enqueue(recipients=NUMBER, text=MARKETING)
        waiting = octoworker.enqueue(recipients=NUMBER, text=MARKETING + "!", send_at=NOON, hold=True)
        box.sent[0].reply(" stop ")
        assert octoworker.opted_out("06 12 34 56 78")
        assert octoworker.status(waiting)["state"] == "cancelled"
        later = octoworker.enqueue(recipients=NUMBER, text=MARKETING + "?")
        assert octoworker.status(later)["reason"] == "opted_out"
        assert octoworker.status(send())["state"] == "accepted"
    assert "sms.optout" in [each["type"] for each in heard]


def test_an_answer_reaches_the_app(box):
    heard = []
    box.handle_events(heard.append)
    send()
    box.only().reply("Oui, merci")
    assert (heard[-1]["type"], heard[-1]["data"]["text"]) == ("sms.reply", "Oui, merci")


def test_no_handset_has_what_did_not_go(box):
    send(send_at=NOON, hold=True)
    with pytest.raises(RefusedError, match="No handset"):
        box.held[0].deliver()


def test_the_apps_task_hears_of_events():
    app, heard = Celery("shop", broker="redis://127.0.0.1:1/0"), []

    @app.task(name="shop.on_sms")
    def on_sms(event):
        heard.append(event)

    app.set_current()
    with outbox(settings={"OCTOWORKER_EVENT_TASK": "shop.on_sms"}) as box:
        send()
        box.only().deliver()
    assert [each["type"] for each in heard] == ["sms.accepted", "sms.delivered"]


def test_a_campaign_and_many_at_once_stand_in_it(box):
    rows = [{"recipient": NUMBER, "prenom": "Zoé"}, {"recipient": OTHER, "prenom": "Ana"}]
    octoworker.campaign("Bonjour {prenom}", rows, transactional=True)
    assert [each.text for each in box.sent] == ["Bonjour Zoé", "Bonjour Ana"]
    with pytest.raises(CampaignSentError):
        octoworker.campaign("Bonjour {prenom}", rows, transactional=True)
    octoworker.enqueue_many([{"recipients": NUMBER, "text": "un", "transactional": True}])
    assert len(box) == 3


def test_our_task_is_taken_and_somebody_elses_job_is_refused(box):
    octoworker.send_sms.delay(recipients=NUMBER, text="par Celery", transactional=True)
    assert box.only().text == "par Celery"
    app = Celery("shop", broker="redis://127.0.0.1:1/0")
    with pytest.raises(RealSendError):
        app.send_task("octoworker.send_sms", kwargs={"recipients": NUMBER, "text": "hi"}, queue="sms")


def test_no_worker_sends_in_its_process(box):
    with pytest.raises(RefusedError, match="outbox"):
        octoworker.send_sms.apply(kwargs={"recipients": NUMBER, "text": "hi"}, throw=True)


def test_a_test_environment_refuses_to_send_really(monkeypatch):
    monkeypatch.setenv("OCTOWORKER_TESTING", "outbox")
    with pytest.raises(SettingsError, match="outbox"):
        send()
    with outbox() as box:
        send()
        assert box.only()


def test_it_shows_no_number_and_no_text(box):
    send()
    assert "4711" not in repr([box, *box.messages])
    assert "612345678" not in repr([box, *box.messages])


def test_the_fixture_is_there_for_whoever_installs_octoworker(tmp_path):
    (tmp_path / "test_shop.py").write_text(
        "import octoworker\n"
        "def test_shop(sms_outbox):\n"
        "    octoworker.enqueue(recipients='+33612345678', text='hi', transactional=True)\n"
        "    assert sms_outbox.only().text == 'hi'\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly", str(tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "1 passed" in done.stdout, done.stdout + done.stderr


def test_pytest_loads_nothing_of_ours_before_a_test_asks_for_it():
    code = "import sys, octoworker.client.pytest_plugin; print({'celery', 'redis', 'pydantic'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_the_examples_of_the_page_pass_as_they_stand(tmp_path):
    page = (Path(__file__).parents[2] / "docs" / "testing.md").read_text(encoding="utf-8")
    for nth, code in enumerate(re.findall(r"```python\n(.*?)```", page, re.DOTALL)):
        (tmp_path / f"test_page_{nth}.py").write_text(code)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "4 passed" in done.stdout, done.stdout + done.stderr
