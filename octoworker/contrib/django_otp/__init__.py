"""A device of django-otp: `INSTALLED_APPS = [..., "django_otp", "octoworker.contrib.django_otp"]`, and `SmsDevice`."""
