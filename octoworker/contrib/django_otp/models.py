"""A telephone as a device of django-otp, with octoworker's one-time codes: no code stands in the database."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext
from django_otp.models import Device

from octoworker import otp


class SmsDevice(Device):  # type: ignore[misc]  # it has no types
    """`generate_challenge` sends a code, `verify_token` looks at a guess: five of each, five minutes, whoever asks (docs/otp.md)."""

    number: models.CharField[str, str] = models.CharField(max_length=32)
    verification: models.CharField[str, str] = models.CharField(max_length=32, blank=True, default="", editable=False)

    class Meta:
        verbose_name = "SMS device"

    def is_interactive(self) -> bool:
        """It is asked for a challenge first."""
        return True

    def generate_challenge(self) -> str:
        """Send the code. PayloadError: that is no mobile number. EnqueueError: Redis is away."""
        started = otp.start(self.number, purpose=f"otp.{self.pk}")
        if self.verification != started.id:
            self.verification = started.id
            self.save(update_fields=["verification"])
        return gettext("sent by SMS")

    def verify_token(self, token: str) -> bool:
        """Whether it is the code: once, and within five guesses."""
        return otp.check(self.verification, str(token)).ok
