"""octoworker in a Django project: `INSTALLED_APPS = [..., "octoworker.contrib.django"]`, then

    from octoworker.contrib.django import enqueue

    with transaction.atomic():
        booking.save()
        enqueue(recipients=booking.phone, text="Your table is booked.", transactional=True)

Inside a transaction the message is a row of it, and goes when, and only when, the transaction is committed. Outside of one it
is taken at once, as by `octoworker.enqueue`.
"""

from octoworker.contrib.django.taking import enqueue as enqueue
from octoworker.contrib.django.taking import enqueue_many as enqueue_many

__all__ = ["enqueue", "enqueue_many"]
