"""Django signals for octoworker's events. Each receiver gets `event`: an `octoworker.Event` with its `id`.

    @receiver(sms_delivered)
    def note(sender, event, **kwargs):
        Order.objects.filter(sms=event["data"]["message_id"]).update(told=True)

The same `id` may come more than once, and events come in no promised order: `data["sequence"]` is theirs.
"""

from __future__ import annotations

from django.dispatch import Signal

from octoworker.sms.shapes import Event

sms_event = Signal()
"""Every event, before the signal of its own."""

sms_accepted = Signal()
sms_delivered = Signal()
sms_failed = Signal()
"""It did not arrive, or was not sent: undelivered, rejected, expired, dead."""

sms_unknown = Signal()
"""Nobody knows whether it was sent: an operator must look."""

sms_cancelled = Signal()
sms_replied = Signal()
sms_opted_out = Signal()

SIGNALS = {
    "sms.accepted": sms_accepted,
    "sms.delivered": sms_delivered,
    "sms.undelivered": sms_failed,
    "sms.rejected": sms_failed,
    "sms.expired": sms_failed,
    "sms.dead": sms_failed,
    "sms.unknown": sms_unknown,
    "sms.cancelled": sms_cancelled,
    "sms.reply": sms_replied,
    "sms.optout": sms_opted_out,
}
"""The event's type, and the signal that is sent for it beside `sms_event`."""


def send(event: Event) -> None:
    """Tell the project. An error of a receiver is raised, once all have heard: the task fails, and whoever runs it sees why."""
    types = [sms_event, SIGNALS[event["type"]]] if event["type"] in SIGNALS else [sms_event]
    answers = [answer for signal in types for answer in signal.send_robust(sender=None, event=event)]
    for _, answer in answers:
        if isinstance(answer, Exception):
            raise answer
