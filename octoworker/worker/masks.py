"""A job whose arguments are shown nowhere."""

from __future__ import annotations

import json
from typing import Any

from billiard.exceptions import TimeLimitExceeded, WorkerLostError
from celery.worker.request import Request

from octoworker.sms import jobs
from octoworker.worker.in_hand import noted

MASKED_ARGS = "()"

PUBLISHES = {"callbacks": "link", "errbacks": "link_error", "chain": "chain", "chord": "chord"}
"""Parts of a job with which Celery publishes more jobs once it is over, by the option that a producer gives. A stranger's would
make our worker publish any task to any queue, with our rights."""


class MaskedRequest(Request):
    """A job whose arguments are not shown: in logs, in events, and so in Flower. Also for jobs sent without our client.

    And one that is not over when its prefork child died of it, or was killed for taking too long: it goes back and is counted,
    as that of a whole worker. Its claim says whether there is anything left to do.
    """

    _payload: Any
    _decoded: bool
    _lost = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._argsrepr, self._kwargsrepr = MASKED_ARGS, jobs.MASKED_KWARGS
        self.request_dict.update(argsrepr=MASKED_ARGS, kwargsrepr=jobs.MASKED_KWARGS)
        self._take_nothing_to_publish()
        # Ours are made for the lease; a producer's shorter one would kill a child in the middle of a call.
        self.time_limits = (None, None)

    def _take_nothing_to_publish(self) -> None:
        """Such a job loses these parts here, before anything reads them, and the task refuses it by their names."""
        args, kwargs, embed = self._payload
        asked = [option for part, option in PUBLISHES.items() if isinstance(embed, dict) and embed.get(part)]
        self.request_dict["refused_options"] = asked
        if asked:
            self._payload = args, kwargs, {}
            self._body = self._payload if self._decoded else json.dumps(self._payload)

    def on_failure(self, exc_info: Any, *how: Any, **more: Any) -> None:
        error = exc_info.exception
        self._lost = isinstance(getattr(error, "exc", error), WorkerLostError | TimeLimitExceeded)
        super().on_failure(exc_info, *how, **more)

    def on_timeout(self, soft: Any, timeout: float) -> None:
        self._lost = not soft
        super().on_timeout(soft, timeout)

    def acknowledge(self) -> None:
        if self._lost and not self.acknowledged and (notes := noted(self.message)):
            notes.lost(self.message.delivery_tag)
            self.acknowledged = True
        else:
            super().acknowledge()
