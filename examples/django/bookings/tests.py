"""What the salon sends, without Redis, worker or network: `python manage.py test`."""

import re
from datetime import timedelta

from django.contrib.auth.models import User
from django.db import transaction
from django.test import TestCase
from django.utils import timezone

import octoworker
from bookings.models import Appointment
from octoworker.contrib.django import signals
from octoworker.contrib.django.test import SmsOutboxMixin

NUMBER = "+33612345678"


class Login(SmsOutboxMixin, TestCase):
    def test_a_customer_logs_in_by_code(self) -> None:
        self.client.post("/login/", {"phone": "06 12 34 56 78"})
        sms = self.sms_outbox.only()
        self.assertEqual(sms.recipients, (NUMBER,))
        found = re.search(r"@salon\.example\.com #(\d{6})$", sms.text)
        assert found
        answer = self.client.post("/login/code/", {"code": found[1]})
        self.assertRedirects(answer, "/")
        self.assertTrue(User.objects.filter(username=NUMBER).exists())

    def test_a_wrong_code_is_said(self) -> None:
        self.client.post("/login/", {"phone": NUMBER})
        self.assertContains(self.client.post("/login/code/", {"code": "no code"}), "pas le bon code")

    def test_a_landline_gets_no_code(self) -> None:
        self.assertContains(self.client.post("/login/", {"phone": "0123"}), "ne peut pas recevoir")
        self.assertEqual(len(self.sms_outbox), 0)

    def test_the_field_is_filled_in_by_the_telephone(self) -> None:
        self.assertContains(self.client.get("/login/code/"), 'autocomplete="one-time-code"')


class Reminders(SmsOutboxMixin, TestCase):
    def setUp(self) -> None:
        super().setUp()
        self.customer = User.objects.create(username=NUMBER)
        self.client.force_login(self.customer)
        self.at = timezone.now() + timedelta(days=3)

    def booked(self) -> Appointment:
        appointment = Appointment(customer=self.customer, at=self.at)
        appointment.book()
        return appointment

    def test_it_goes_a_day_before(self) -> None:
        self.booked()
        self.sms_outbox.advance(timedelta(days=1, hours=23))
        self.assertEqual(self.sms_outbox.only().state, "scheduled")
        self.sms_outbox.advance(timedelta(hours=1, minutes=1))
        self.assertEqual(self.sms_outbox.only().state, "accepted")

    def test_it_is_moved_with_its_appointment(self) -> None:
        appointment = self.booked()
        self.assertEqual(self.sms_outbox.only().due_at, self.at - timedelta(days=1))
        later = (timezone.localtime(self.at) + timedelta(days=1)).replace(microsecond=0)
        self.client.post(f"/{appointment.pk}/move/", {"at": later.strftime("%Y-%m-%dT%H:%M:%S")})
        appointment.refresh_from_db()
        self.assertEqual(appointment.at, later)
        self.assertEqual(self.sms_outbox.only().due_at, later - timedelta(days=1))

    def test_it_is_cancelled_with_its_appointment(self) -> None:
        appointment = self.booked()
        (sms,) = self.sms_outbox.messages
        self.client.post(f"/{appointment.pk}/cancel/")
        self.assertEqual(sms.state, "cancelled")
        self.assertContains(self.client.get("/"), "Aucun rendez-vous")

    def test_what_is_rolled_back_has_no_reminder(self) -> None:
        with self.assertRaises(ZeroDivisionError), transaction.atomic():
            self.booked()
            raise ZeroDivisionError
        self.assertEqual(len(self.sms_outbox), 0)

    def test_that_it_arrived_stands_in_the_admin(self) -> None:
        self.booked()
        self.sms_outbox.handle_events(signals.send)
        self.sms_outbox.advance(timedelta(days=2, minutes=1))
        self.sms_outbox.only().deliver()
        self.client.force_login(User.objects.create_superuser("boss", password="boss"))
        self.assertContains(self.client.get("/admin/bookings/appointment/"), "delivered")

    def test_a_stop_is_shown(self) -> None:
        octoworker.enqueue(recipients=NUMBER, text="Soldes STOP au XXXXX")
        self.sms_outbox.only().reply("STOP")
        self.assertContains(self.client.get("/"), "Vous avez répondu STOP")
