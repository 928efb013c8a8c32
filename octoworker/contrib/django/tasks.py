"""The task to which octoworker's workers send their events. The project's own Celery worker runs it, and finds it by itself.

On the workers of octoworker: `OCTOWORKER_EVENT_TASK=octoworker.contrib.django.event`, `OCTOWORKER_EVENT_QUEUE=celery` (the
project's queue).
"""

from __future__ import annotations

from celery import shared_task

from octoworker.contrib.django import signals
from octoworker.sms.shapes import Event


@shared_task(name="octoworker.contrib.django.event", ignore_result=True)
def event(given: Event) -> None:
    """Send the signals of an event."""
    signals.send(given)
