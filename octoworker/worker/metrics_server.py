"""The metrics of a worker: counted from before its pool is forked, and served as long as it runs.

Whatever fails here is logged and left: a port that is taken must not keep a worker from sending.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from celery import bootsteps

from octoworker.config import Settings
from octoworker.telemetry import log, metrics
from octoworker.worker import runtime, share

if TYPE_CHECKING:
    from octoworker.web.server import Server


def begin(settings: Settings) -> Path | None:
    """Count from now on, in all processes that are made from this one. None: nobody asks, or there is no room."""
    if not settings.metrics_port:
        return None
    try:
        return metrics.start()
    except OSError as error:
        log.warning("metrics.off", kind=type(error).__name__, reason="no room for the files they are counted in")
        return None


class Exporter(bootsteps.StartStopStep):
    """The steps of a worker are made before any is started: so this counts before the first child exists. Of several processes
    of a worker the supervisor began to count, and the first serves what all have counted."""

    def __init__(self, worker: Any, **options: Any) -> None:
        super().__init__(worker, **options)
        self._settings = Settings.load()
        self._folder: Path | None = None
        self._server: Server | None = None
        self._folder = metrics.folder() if share.mine.supervisor else begin(self._settings)

    def start(self, worker: Any) -> None:
        del worker
        if self._folder is None or share.mine.index != 1:
            return
        # Not before: prometheus_client looks for the folder when it is imported.
        from octoworker.web.search import Search  # noqa: PLC0415
        from octoworker.web.server import Server  # noqa: PLC0415
        from octoworker.web.site import Site  # noqa: PLC0415

        settings = self._settings
        token = settings.status_token.get_secret_value() if settings.status_token else ""
        store = runtime.look(settings)
        search = Search(store, settings.message.region, settings.opt_outs.number_keys)
        site = Site((metrics.Summed(self._folder),), store, runtime.queues(settings), token, search)
        try:
            self._server = Server(settings.metrics_host, settings.metrics_port, site.route, name="octoworker-metrics")
            self._server.start()
        except OSError as error:
            log.warning("metrics.not_served", kind=type(error).__name__, port=settings.metrics_port)

    def stop(self, worker: Any) -> None:
        del worker
        if self._server is not None:
            self._server.stop()
        if self._folder is not None and not share.mine.supervisor:
            metrics.stop(self._folder)

    def terminate(self, worker: Any) -> None:
        self.stop(worker)
