"""Our Celery application in a process that may have its own, of which it changes nothing.

Plain `Celery(...)` becomes the current application of its thread, so that the host's `@shared_task` jobs would go to our
queues; under Django it adds to `sys.path` and listens to Celery's signals; and it takes brokers, results, loader and
configuration from variables of the environment that the host has set for itself.
"""

from __future__ import annotations

from typing import Any

from celery import Celery
from celery.app.utils import Settings

LOADER = "celery.loaders.app:AppLoader"
"""Celery's usual one, whatever CELERY_LOADER says."""


class _Configuration(Settings):
    """Celery's configuration without what it reads from the environment by itself: the host's CELERY_BROKER_URL would come
    before our OCTOWORKER_BROKER_URL. `environment` and `config` know which variable comes first."""

    # Celery's stubs leave out what is inherited here.
    first: Any

    @property
    def broker_url(self) -> Any:
        return self.first("broker_url")

    @property
    def broker_read_url(self) -> Any:
        return self.broker_url

    @property
    def broker_write_url(self) -> Any:
        return self.broker_url

    @property
    def result_backend(self) -> Any:
        return self.first("result_backend")


class OwnCelery(Celery):
    """An application that is neither current nor default, and is configured by `source` alone: a mapping, or a module's name.

    Its tasks are to be made with `shared=False`: others are every application's. A worker that runs it makes it current.
    """

    def __init__(self, main: str | None = None, *, source: Any = None, **options: Any) -> None:
        ours = {"set_as_current": False, "fixups": (), "loader": LOADER}
        super().__init__(main, **{"config_source": {} if source is None else source, **options, **ours})

    # Celery's stubs leave it out.
    _conf: Any

    def on_init(self) -> None:
        """What Celery calls at the end of its own `__init__`."""
        # Setting an attribute of it would set a setting of this name.
        object.__setattr__(self._conf, "__class__", _Configuration)
