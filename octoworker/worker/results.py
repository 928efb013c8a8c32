"""Celery's results in Redis, with what our records make needless left out.

Celery looks before each write whether a result is there already, so that a copy of a job cannot overwrite a success.
Our claim keeps copies from doing anything, and what they store is the record as it stands. One round trip less per job.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

from celery.backends.redis import RedisBackend, SentinelBackend
from kombu.utils.encoding import bytes_to_str

from octoworker.store.connections import Talk

PATHS = {
    **dict.fromkeys(("redis", "rediss"), "octoworker.worker.results:Results"),
    "sentinel": "octoworker.worker.results:ResultsAtPrimary",
}
"""For Celery's loader: which class writes the results of which address."""


class Results(RedisBackend):
    """Writes without looking first."""

    # Celery's stubs leave out what is inherited here.
    _get_result_meta: Any
    _set_with_state: Any
    expires: Any
    client: Any

    @cached_property
    def _talk(self) -> Talk:
        return Talk(self.client.connection_pool)

    def _store_result(
        self, task_id: str, result: Any, state: str, traceback: Any = None, request: Any = None, **_: Any
    ) -> Any:
        meta = self._get_result_meta(result=result, state=state, traceback=traceback, request=request)
        meta["task_id"] = bytes_to_str(task_id)
        self._set_with_state(self.get_key_for_task(task_id), self.encode(meta), state)
        return result

    def _set(self, key: str, value: Any, expires: int | None = None) -> None:
        """Both commands in one write; they need no transaction, for who waits reads the result and not the call."""
        seconds = int(self.expires if expires is None else expires)
        kept: list[Any] = ["EX", seconds] if seconds else []
        self._talk.ask_all([("SET", key, value, *kept), ("PUBLISH", key, value)])


class ResultsAtPrimary(Results, SentinelBackend):
    """The same on the primary that Sentinels name."""
