"""django-sms sends through octoworker: `SMS_BACKEND = "octoworker.contrib.django_sms.SmsBackend"`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, cast

from sms.backends.base import BaseSmsBackend
from sms.message import Message

from octoworker.contrib.django import enqueue_many
from octoworker.errors import OctoworkerError
from octoworker.sms.shapes import SmsArguments, SmsOptions


class SmsBackend(BaseSmsBackend):  # type: ignore[misc]  # it has no types
    """Each message of django-sms is one of octoworker's, in the transaction that sends it (octoworker.contrib.django).

    `OPTIONS` go with each. For marketing make a subclass with others: sent as transactional it breaks Octopush's terms.
    """

    OPTIONS: ClassVar[SmsOptions] = {"transactional": True}

    def send_messages(self, messages: Sequence[Message]) -> int:
        """How many were taken. An error is raised unless `fail_silently`."""
        try:
            return len(enqueue_many([self._arguments(each) for each in messages]))
        except OctoworkerError:
            if not self.fail_silently:
                raise
            return 0

    def _arguments(self, message: Message) -> SmsArguments:
        sender = {"sender": message.originator} if message.originator else {}
        return cast(
            "SmsArguments", {"recipients": list(message.recipients), "text": message.body, **sender, **self.OPTIONS}
        )
