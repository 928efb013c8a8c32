"""django-two-factor-auth sends its codes through octoworker: `TWO_FACTOR_SMS_GATEWAY = "octoworker.contrib.two_factor.Gateway"`."""

from __future__ import annotations

from typing import Any, NoReturn

from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext

from octoworker.contrib.code_messages import send_code


class Gateway:
    """The code that the package has drawn, as an urgent SMS whose text leaves the record. Subclass it for another text."""

    def send_sms(self, device: Any, token: str) -> None:
        """EnqueueError: it was not taken, and the login page says so."""
        send_code(device.number.as_e164, self.text(token))

    def make_call(self, device: Any, token: str) -> NoReturn:
        """Octopush sends SMS."""
        del device, token
        raise ImproperlyConfigured("octoworker makes no telephone calls: leave TWO_FACTOR_CALL_GATEWAY out.")

    def text(self, token: str) -> str:
        """What the SMS says: the package's own words, in the language of the request."""
        return gettext("Your OTP token is %(token)s") % {"token": token}
