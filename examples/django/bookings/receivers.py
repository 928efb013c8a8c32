"""What became of each reminder, in the salon's own database."""

from django.dispatch import receiver

from bookings.models import Appointment
from octoworker import Event
from octoworker.contrib.django.signals import sms_event


@receiver(sms_event)
def note(event: Event, **_: object) -> None:
    """An event may come twice, and after a later one: the sequence says which is the latest."""
    said = event["data"]
    if state := said.get("state"):
        sequence = said.get("sequence") or 0
        known = Appointment.objects.filter(sms=said.get("message_id"), sms_sequence__lt=sequence)
        known.update(sms_state=state, sms_sequence=sequence)
