from django.contrib import admin

from bookings.models import Appointment


@admin.register(Appointment)
class AppointmentAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # it takes none at run time
    """Whether the reminder has arrived stands beside the appointment; the SMS themselves are below "SMS"."""

    list_display = ("at", "customer", "cancelled", "sms_state", "sms")
    list_filter = ("sms_state", "cancelled")
    readonly_fields = ("sms", "sms_state")
