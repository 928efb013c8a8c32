"""allauth's login and signup by telephone, with SMS through octoworker:

class Adapter(PhoneSmsMixin, DefaultAccountAdapter):
    def get_phone(self, user): ...      # where your project keeps numbers: see allauth's own page

ACCOUNT_ADAPTER = "shop.adapter.Adapter"
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from allauth.account import app_settings
from django.utils.translation import gettext

from octoworker.contrib.code_messages import send_code


class PhoneSmsMixin:
    """In front of DefaultAccountAdapter: the codes that allauth has drawn, as urgent SMS whose text leaves the record."""

    def send_verification_code_sms(self, user: Any, phone: str, code: str, **kwargs: Any) -> None:
        """EnqueueError: it was not taken."""
        del user, kwargs
        send_code(phone, self.code_text(code), timedelta(seconds=app_settings.PHONE_VERIFICATION_TIMEOUT))

    def send_unknown_account_sms(self, phone: str, **kwargs: Any) -> None:
        """Somebody asked for a code to a number without an account: no SMS. Each would be paid for, and anybody can ask."""

    def send_account_already_exists_sms(self, phone: str) -> None:
        """As well. A text of your own may go here, if its price is worth it."""

    def code_text(self, code: str) -> str:
        """What the SMS says."""
        return gettext("Verification code: %(code)s") % {"code": code}
