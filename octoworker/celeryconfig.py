"""Celery's settings under their public name."""

from octoworker.worker.celeryconfig import *  # noqa: F403 - the same settings, where Celery's users look for them
