"""A small HTTP server that cannot be starved: for metrics and the status page, and for whatever else is asked over HTTP.

1. One thread turns an event loop; a slow caller costs a socket in it, and no thread.
2. Connections are bounded. When there is no room, the caller that we have waited for longest makes room: one that drips its
   request, or takes its answer slowly, keeps nobody out. When all of them wait for us, the new one is turned away.
3. A request has a deadline to arrive, an answer one to be made, and one to be taken.
4. Answers are made by `handler`, in few threads of their own, because it may wait for Redis.

It logs nothing of what it is asked: an address or a body may hold a secret.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus

from octoworker.web.request import PIECE, Conversation, Request, RequestRefusedError, Response

Handler = Callable[[Request], Response]
"""Answers a request, in a thread of the server's. What it raises becomes a 500 without a word of it."""


@dataclass(frozen=True)
class Limits:
    """What a server gives to its callers. Sizes in bytes, times in seconds."""

    connections: int = 64
    """At once. Each costs a descriptor, and some 50 kB at most."""
    at_once: int = 8
    """Answers that are made at once; others wait for their turn."""
    head: int = 16_384
    body: int = 16_384
    to_ask: float = 5.0
    to_answer: float = 15.0
    to_take: float = 5.0


class Server:
    """Listens from when it is made, answers from `start` to `stop`.

    `host` "": every address, IPv6 and IPv4; `port` 0: any that is free. OSError: the port is taken.
    """

    def __init__(
        self, host: str, port: int, handler: Handler, *, limits: Limits | None = None, name: str = "octoworker-web"
    ) -> None:
        self._socket = _listening(host, port)
        self.port: int = self._socket.getsockname()[1]
        self.turned_away: Counter[HTTPStatus] = Counter()
        """How many callers got no answer of the handler's, by what they were told; 408: too slow, 503: no room."""
        self._handler, self._limits = handler, limits or Limits()
        self._open: dict[asyncio.StreamWriter, None] = {}
        self._waited_for: dict[asyncio.StreamWriter, None] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = asyncio.Event()
        self._started = threading.Event()
        self._pool = ThreadPoolExecutor(self._limits.at_once, thread_name_prefix=name)
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()
        self._started.wait()

    def serve(self) -> None:
        """Serve until this thread is interrupted."""
        self.start()
        try:
            self._thread.join()
        finally:
            self.stop()

    def stop(self) -> None:
        """No more answers; whoever waits for one is hung up on."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # its loop has ended
                self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join()
        self._socket.close()
        self._pool.shutdown(wait=False, cancel_futures=True)

    @property
    def connections(self) -> int:
        """Open now."""
        return len(self._open)

    def _run(self) -> None:
        try:
            asyncio.run(self._main())
        finally:
            self._started.set()

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        # asyncio would write each caller that hangs up, and each descriptor that is missing, to the log.
        self._loop.set_exception_handler(lambda *_: None)
        server = await asyncio.start_server(self._met, sock=self._socket, limit=PIECE, backlog=self._limits.connections)
        self._started.set()
        await self._stopping.wait()
        server.close()
        for writer in [*self._open]:
            writer.transport.abort()

    async def _met(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, from its beginning to its end."""
        writer.transport.set_write_buffer_limits(0)  # so that `drain` waits until all of it has been taken
        conversation = Conversation(head=self._limits.head, body=self._limits.body)
        if not self._room():
            self._turn_away(conversation, writer, HTTPStatus.SERVICE_UNAVAILABLE)
            writer.close()
            return
        self._open[writer] = self._waited_for[writer] = None
        try:
            await self._converse(conversation, reader, writer)
        except OSError:
            pass  # the caller has hung up, or did not take its answer in time
        finally:
            self._open.pop(writer, None)
            self._waited_for.pop(writer, None)
            writer.transport.abort()

    def _room(self) -> bool:
        """Whether there is room for one more. The caller that we have waited for longest makes it."""
        if len(self._open) < self._limits.connections:
            return True
        longest = next(iter(self._waited_for), None)
        if longest is None:
            return False
        del self._waited_for[longest], self._open[longest]
        self.turned_away[HTTPStatus.REQUEST_TIMEOUT] += 1
        longest.transport.abort()
        return True

    async def _converse(
        self, conversation: Conversation, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            async with _within(self._limits.to_ask, HTTPStatus.REQUEST_TIMEOUT):
                peer = str(writer.get_extra_info("peername", ("",))[0])
                request = await conversation.request(reader.read, writer.write, peer)
            if request is None:
                return
            self._waited_for.pop(writer, None)
            async with _within(self._limits.to_answer, HTTPStatus.SERVICE_UNAVAILABLE):
                writer.write(conversation.response(await self._answered(request)))
        except RequestRefusedError as refused:
            self._turn_away(conversation, writer, refused.status)
        if writer in self._open:
            self._waited_for[writer] = None
            async with asyncio.timeout(self._limits.to_take):
                await _taken(reader, writer)

    async def _answered(self, request: Request) -> Response:
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._safely, request)

    def _safely(self, request: Request) -> Response:
        try:
            return self._handler(request)
        except Exception:  # noqa: BLE001 - a bug here must not show what it was handling, nor end the process' thread
            return Response(b"Something went wrong here.\n", HTTPStatus.INTERNAL_SERVER_ERROR)

    def _turn_away(self, conversation: Conversation, writer: asyncio.StreamWriter, status: HTTPStatus) -> None:
        self.turned_away[status] += 1
        writer.write(conversation.response(Response(f"{status.phrase}.\n".encode(), status)))


@contextlib.asynccontextmanager
async def _within(seconds: float, status: HTTPStatus) -> AsyncIterator[None]:
    """RequestRefusedError with this status when it takes longer."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise RequestRefusedError(status) from None


async def _taken(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Wait until the caller has its answer. Closing while it still sends would take the answer back (a TCP reset)."""
    await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()
    while await reader.read(PIECE):
        pass


def _listening(host: str, port: int) -> socket.socket:
    everywhere = not host and socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if ":" in host or everywhere else socket.AF_INET
    return socket.create_server((host, port), family=family, dualstack_ipv6=everywhere)
