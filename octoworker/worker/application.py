"""The Celery application: its settings, and the queue of each job. What only a worker needs is added in `app`."""

from __future__ import annotations

from typing import Any

from celery import Celery, signals

from octoworker.config import Settings
from octoworker.sms import lanes
from octoworker.telemetry import log, sentry, tracing
from octoworker.worker import results


def route(_name: str, _args: Any, kwargs: dict[str, Any] | None, _options: Any, **_: Any) -> dict[str, str]:
    """Each message goes to the queue of its lane."""
    return {"queue": lanes.queue_of(lanes.lane_of(kwargs or {}))}


app = Celery("octoworker")
app.config_from_object("octoworker.worker.celeryconfig")
app.loader.override_backends = results.PATHS
app.conf.task_routes = (route,)


@signals.setup_logging.connect
def _logging(**_: Any) -> None:
    settings = Settings.load()
    log.configure(settings.log_format, settings.log_level)


@signals.worker_init.connect
def _watching(**_: Any) -> None:
    settings = Settings.load()
    tracing.start()
    sentry.start(settings.sentry_dsn.get_secret_value() if settings.sentry_dsn else "")


@signals.worker_shutdown.connect
def _watched(**_: Any) -> None:
    sentry.stop()
