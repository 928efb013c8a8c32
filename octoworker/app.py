"""The Celery application under its public name: `celery -A octoworker.app`."""

from octoworker.worker.app import app as app  # noqa: PLC0414 - a door: what comes in goes out
