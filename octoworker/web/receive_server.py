"""The receiver as a server of its own, for `octoworker receive`."""

from __future__ import annotations

from collections.abc import Sequence

from octoworker.sms import sizes
from octoworker.web.mounting import EMPTY
from octoworker.web.receiver import People, Receiver
from octoworker.web.request import Request, Response
from octoworker.web.server import Limits, Server
from octoworker.web.spool import Put

LIMITS = Limits(connections=256, at_once=16, body=sizes.WEBHOOK_BODY, to_ask=5.0, to_answer=5.0)
"""A call is answered within a second, so that sixteen at once are more than Octopush will make."""


def made(host: str, port: int, tokens: Sequence[str], put: Put, people: People | None = None) -> Server:
    """A server that is not started yet. OSError: the port is taken."""
    receiver = Receiver(tokens, put, people)

    def handled(request: Request) -> Response:
        return Response(status=receiver.answer(request.method, request.path, request.body), headers=(EMPTY[1],))

    return Server(host, port, handled, limits=LIMITS, name="octoworker-receive")
