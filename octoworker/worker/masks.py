"""A job whose arguments are shown nowhere."""

from __future__ import annotations

from typing import Any

from celery.worker.request import Request

from octoworker.sms import jobs

MASKED_ARGS = "()"


class MaskedRequest(Request):
    """A job whose arguments are not shown: in logs, in events, and so in Flower. Also for jobs sent without our client."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._argsrepr, self._kwargsrepr = MASKED_ARGS, jobs.MASKED_KWARGS
        self.request_dict.update(argsrepr=MASKED_ARGS, kwargsrepr=jobs.MASKED_KWARGS)
