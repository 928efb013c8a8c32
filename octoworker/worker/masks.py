"""A job whose arguments are shown nowhere."""

from __future__ import annotations

from typing import Any

from billiard.exceptions import TimeLimitExceeded, WorkerLostError
from celery.worker.request import Request

from octoworker.sms import jobs

MASKED_ARGS = "()"


class MaskedRequest(Request):
    """A job whose arguments are not shown: in logs, in events, and so in Flower. Also for jobs sent without our client.

    And one that is not over when its prefork child died of it, or was killed for taking too long: it goes back and is counted,
    as that of a whole worker. Its claim says whether there is anything left to do.
    """

    _lost = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._argsrepr, self._kwargsrepr = MASKED_ARGS, jobs.MASKED_KWARGS
        self.request_dict.update(argsrepr=MASKED_ARGS, kwargsrepr=jobs.MASKED_KWARGS)

    def on_failure(self, exc_info: Any, *how: Any, **more: Any) -> None:
        error = exc_info.exception
        self._lost = isinstance(getattr(error, "exc", error), WorkerLostError | TimeLimitExceeded)
        super().on_failure(exc_info, *how, **more)

    def on_timeout(self, soft: Any, timeout: float) -> None:
        self._lost = not soft
        super().on_timeout(soft, timeout)

    def acknowledge(self) -> None:
        if self._lost and not self.acknowledged:
            self.message.channel.qos.lost(self.message.delivery_tag)
            self.acknowledged = True
        else:
            super().acknowledge()
