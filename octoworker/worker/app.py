"""The whole worker: the application, its tasks, and the steps that a worker takes when it starts."""

from __future__ import annotations

from octoworker.worker import tasks as tasks  # noqa: PLC0414 - importing it registers them
from octoworker.worker.application import app as app  # noqa: PLC0414 - what Celery's command looks for
from octoworker.worker.boot_checks import BootChecks
from octoworker.worker.ending import Ending
from octoworker.worker.heartbeat import Consuming
from octoworker.worker.logs import Telemetry
from octoworker.worker.metrics_server import Exporter
from octoworker.worker.prefork import LastingPrefork
from octoworker.worker.presence import PresenceStep
from octoworker.worker.scheduler import SchedulerStep
from octoworker.worker.stream_readers import StreamsStep

app.steps["worker"].update(
    {BootChecks, Telemetry, LastingPrefork, Ending, Exporter, PresenceStep, StreamsStep, SchedulerStep}
)
app.steps["consumer"].add(Consuming)
