"""The outbox: messages that stand in the web app's own database until octoworker has them."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from django.db import models


class OutboxMessage(models.Model):
    """One message, in the form in which it is taken. It goes with the transaction that wrote it, and leaves once it was taken.

    An idempotency key may stand here twice: octoworker knows that it is one message. It holds number and text in clear, as the record in Redis does, for as long as the relay needs: a second, as a rule.
    """

    message_id: models.CharField[str, str] = models.CharField(
        "message id", max_length=32, db_index=True, editable=False
    )
    lane: models.CharField[str, str] = models.CharField(max_length=8, editable=False)
    fingerprint: models.CharField[str, str] = models.CharField(max_length=64, editable=False)
    wording: models.CharField[str, str] = models.CharField(max_length=64, blank=True, editable=False)
    payload: models.TextField[str, str] = models.TextField(editable=False)
    people: models.PositiveIntegerField[int, int] = models.PositiveIntegerField(default=1, editable=False)
    created: models.DateTimeField[datetime, datetime] = models.DateTimeField(auto_now_add=True, editable=False)
    problem: models.CharField[str, str] = models.CharField(max_length=200, blank=True, default="", editable=False)
    """Why the relay leaves it where it is. Empty: it will be taken."""

    class Meta:
        verbose_name = "message of the outbox"
        verbose_name_plural = "outbox"
        ordering = ("pk",)
        indexes: ClassVar = [models.Index(fields=("problem", "id"), name="octoworker_outbox_next")]

    def __str__(self) -> str:
        return str(self.message_id)


class Sms(models.Model):
    """One of octoworker's messages, for the admin: there is no table, its record is in Redis."""

    message_id: models.CharField[str, str] = models.CharField(primary_key=True, max_length=32)

    class Meta:
        managed = False
        default_permissions = ("view",)
        permissions: ClassVar = [
            ("cancel_sms", "Can cancel an SMS that has not gone"),
            ("replay_sms", "Can send an SMS that has ended once more"),
            ("reveal_sms", "Can see numbers and texts of SMS"),
        ]
        verbose_name = "SMS"
        verbose_name_plural = "SMS"

    def __str__(self) -> str:
        return str(self.message_id)
