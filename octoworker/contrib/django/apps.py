"""The Django application: its settings become octoworker's, and its checks are registered."""

from __future__ import annotations

from django.apps import AppConfig

from octoworker.contrib.django import conf


class OctoworkerConfig(AppConfig):
    """`OCTOWORKER = {"SENDER": "Shop", ...}` in the settings is read here, once, when the project starts."""

    name = "octoworker.contrib.django"
    label = "octoworker"
    verbose_name = "SMS"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from octoworker.contrib.django import checks  # noqa: F401, PLC0415 - they register themselves, once models can be loaded

        conf.apply()
