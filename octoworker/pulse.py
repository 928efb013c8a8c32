"""The worker's part of `health`: who keeps the two files fresh."""

from __future__ import annotations

from typing import Any

from celery import bootsteps

from octoworker import health, log


class Consuming(bootsteps.StartStopStep):
    """`ready` lives as long as this worker takes jobs: from the last step of a connection to its loss, or the shutdown."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def __init__(self, consumer: Any, **options: Any) -> None:
        super().__init__(consumer, **options)
        self._pulse = health.Pulse(health.READY)
        self._timer: Any = None

    def start(self, consumer: Any) -> None:
        if self._pulse.of_another():
            log.warning(
                "health.shared", hint=f"another worker keeps the same health files: give each its own {health.FOLDER}"
            )
        self._pulse.beat()
        self._timer = consumer.timer.call_repeatedly(health.BEAT, self._pulse.beat)

    def stop(self, consumer: Any) -> None:
        del consumer
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._pulse.end()

    def shutdown(self, consumer: Any) -> None:
        self.stop(consumer)

    def terminate(self, consumer: Any) -> None:
        self.stop(consumer)
