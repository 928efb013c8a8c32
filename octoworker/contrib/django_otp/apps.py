"""The Django application with the table of devices."""

from django.apps import AppConfig


class SmsDeviceConfig(AppConfig):
    """Its table is octoworker_otp_smsdevice."""

    name = "octoworker.contrib.django_otp"
    label = "octoworker_otp"
    verbose_name = "SMS devices"
    default_auto_field = "django.db.models.BigAutoField"
