"""The sandbox as its callers meet it: a port, and behind it both generations of Octopush, the controls and the page."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Self

from octoworker.sandbox import page
from octoworker.sandbox.control import PREFIX, Control
from octoworker.sandbox.door import LOOPBACK, Door
from octoworker.sandbox.form import Request
from octoworker.sandbox.replies import Reply
from octoworker.sandbox.stand_in import StandIn

NOT_FOUND = Reply(b"<!doctype html><title>404</title><h1>Not Found</h1>", "text/html; charset=utf-8", 404)
BASES = {"legacy": "/api", "v1": "/v1/public"}


class Sandbox(StandIn):
    """A stand-in for Octopush on loopback. Use it as a context manager, or call `start` and `close`.

    `port` 0 takes a free one; `credit` is euros, for each generation. Nothing it is given ever leaves this machine.
    """

    def __init__(
        self,
        port: int = 0,
        user_login: str = "demo@example.com",
        api_key: str = "sandbox-key",
        credit: str = "1000.00",
    ) -> None:
        super().__init__(user_login, api_key, credit)
        self.port = port
        self._control = Control(self)
        self._door: Door | None = None
        self._bell: threading.Thread | None = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def urls(self) -> dict[str, str]:
        """By generation, what goes into OCTOPUSH_URL. With port 0 it is known once started."""
        return {api: f"http://{LOOPBACK}:{self.port}{base}" for api, base in BASES.items()}

    @property
    def url(self) -> str:
        """The address of the older generation."""
        return self.urls["legacy"]

    def start(self) -> Self:
        """Bind the port and let callers in. OSError when the port is taken."""
        self._door = Door(self.port, self._route)
        self.port = self._door.port
        self._bell = threading.Thread(target=self._world.ring_bell, name="sandbox-bell", daemon=True)
        self._bell.start()
        self._door.open()
        return self

    def close(self) -> None:
        """Let everybody who waits go, and leave no thread and no socket behind. For good: start a new one after it."""
        self._world.close()
        self._gates.tear_down()
        self._places.tear_down()
        if self._door is not None:
            self._door.close()
        if self._bell is not None:
            self._bell.join()
        self._post.close()

    def _route(self, request: Request) -> Reply:
        if request.path.startswith(PREFIX):
            return self._control.answer(request)
        for dialect in self._dialects:
            if dialect.takes(request):
                return self._desk.answer(dialect, request)
        return page.served(request) or NOT_FOUND

    def _shut_for(self, seconds: float) -> None:
        if self._door is not None:
            self._door.shut_for(seconds)
