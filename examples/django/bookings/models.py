"""Appointments, each with one reminder by SMS a day before."""

from contextlib import suppress
from datetime import datetime, timedelta

from django.conf import settings
from django.db import models, transaction
from django.utils import timezone

import octoworker
from octoworker.contrib.django import enqueue

DAY_BEFORE = timedelta(days=1)


class Appointment(models.Model):
    customer = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)
    at = models.DateTimeField()
    cancelled = models.BooleanField(default=False)
    sms = models.CharField("message id", max_length=32, blank=True, db_index=True, editable=False)
    sms_state = models.CharField("reminder", max_length=20, blank=True, editable=False)
    sms_sequence = models.PositiveIntegerField(default=0, editable=False)

    class Meta:
        ordering = ("at",)

    def __str__(self) -> str:
        return f"appointment {self.pk}"

    def book(self) -> None:
        """The appointment and its reminder: both or none of them."""
        with transaction.atomic():
            self.save()
            self._remind()

    def move(self, at: datetime) -> None:
        """To another time. UnknownMessageError, EnqueueError: its reminder is out of reach at the moment, and nothing is changed."""
        with transaction.atomic():
            self.at = at
            self.save(update_fields=["at"])
            try:
                # The last step: when it fails, the appointment stays where it was, too.
                octoworker.reschedule(self.sms, at - DAY_BEFORE)
            except (octoworker.RefusedError, octoworker.PayloadError):
                self._stop()
                self._remind()  # there was none, or it has gone: the new time has one of its own

    def cancel(self) -> None:
        """As `move`: an appointment whose reminder is out of reach is not cancelled."""
        with transaction.atomic():
            self.cancelled = True
            self.save(update_fields=["cancelled"])
            self._stop()

    def _stop(self) -> None:
        with suppress(octoworker.RefusedError, octoworker.PayloadError):  # it has gone, or there was none
            octoworker.cancel(self.sms)

    def _remind(self) -> None:
        send_at = self.at - DAY_BEFORE
        if send_at < timezone.now():
            return  # whoever books for today needs no reminder
        self.sms = enqueue(
            recipients=self.customer.get_username(),
            text="Rappel : votre rendez-vous au salon est demain.",
            transactional=True,
            send_at=send_at,
            hold=True,
            idempotency_key=f"appointment-{self.pk}-{int(self.at.timestamp())}",
            reference=f"appointment {self.pk}",
        )
        self.sms_state, self.sms_sequence = "", 0
        self.save(update_fields=["sms", "sms_state", "sms_sequence"])
