"""Celery's settings for `celery worker` started in this folder. They live in the package, so that the wheel works anywhere."""

from octoworker.celeryconfig import *  # noqa: F403 - this file is the same settings under the name Celery looks for
