"""How our worker sets up logging, and which events it adds: for the worker of this application alone.

No signal of Celery's is used for it at import: a host that imports our task would have its own worker's log changed by it.
"""

from __future__ import annotations

from typing import Any

from celery import bootsteps, signals
from celery.app.log import Logging
from celery.utils.log import reset_multiprocessing_logger

from octoworker.config import Settings
from octoworker.telemetry import log, sentry, tracing


class Logs(Logging):
    """Celery's part `app.log`, which its worker asks in each of its processes."""

    def setup_logging_subsystem(self, *_: Any, **__: Any) -> Any:
        """Our log in place of Celery's. True: Celery leaves the standard streams alone."""
        if not self.already_setup:
            self.already_setup = True  # type: ignore[misc]  # a property that its stubs call a variable of the class
            reset_multiprocessing_logger()
            settings = Settings.load()
            log.configure(settings.log_format, settings.log_level)
        return True


class Telemetry(bootsteps.Step):
    """Traces and bug reports, from the start of a worker to its end."""

    def __init__(self, worker: Any, **options: Any) -> None:
        super().__init__(worker, **options)
        settings = Settings.load()
        tracing.start()
        sentry.start(settings.sentry_dsn.get_secret_value() if settings.sentry_dsn else "")
        # Not as a step of the shutdown: those that end after it may have bugs to tell.
        signals.worker_shutdown.connect(_ended, dispatch_uid=_ended.__qualname__)


def _ended(**_: Any) -> None:
    sentry.stop()
