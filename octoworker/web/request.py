"""One request and one response, and how the bytes of a connection become the one and the other.

h11 reads and writes HTTP/1.1: framing, chunks and what a header may hold are its business. How much may come is ours.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import parse_qsl

import h11

PIECE = 16_384
"""Bytes that are read from a connection at once."""

FIELDS = 100
"""Names in a query or a form; more are refused."""


@dataclass(frozen=True)
class Request:
    """What a caller asks for. `query` holds the last value of each name, `headers` are named Like-This.

    `body` is complete, and never longer than the server's limit. No repr shows it: it may hold numbers, texts, a token.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    peer: str = field(default="", repr=False)
    """The caller's address, as the socket knows it."""

    @property
    def form(self) -> Mapping[str, str]:
        """The body as a browser's form sends it. ValueError: it has more than 100 fields."""
        return pairs(self.body.decode("utf-8", "replace"))


@dataclass(frozen=True)
class Response:
    """What goes back. Its length and the end of the connection are added by the server."""

    body: bytes = field(default=b"", repr=False)
    status: HTTPStatus = HTTPStatus.OK
    kind: str = "text/plain; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)


class RequestRefusedError(Exception):
    """A request that is not read any further: it is broken, or larger than it may be. `status` says which."""

    def __init__(self, status: HTTPStatus) -> None:
        super().__init__(status.phrase)
        self.status = status


def pairs(encoded: str) -> Mapping[str, str]:
    """The last value of each name in `a=1&b=2`. ValueError: more than 100 of them."""
    return dict(parse_qsl(encoded, keep_blank_values=True, max_num_fields=FIELDS))


class Conversation:
    """One connection's request and response. `head`, `body`: bytes that each may have."""

    def __init__(self, *, head: int, body: int) -> None:
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=head)
        self._longest_body = body
        self._head: h11.Request | None = None

    async def request(
        self, read: Callable[[int], Awaitable[bytes]], write: Callable[[bytes], None], peer: str = ""
    ) -> Request | None:
        """The request, complete; None when the caller leaves without one. RequestRefusedError: broken, or too large."""
        try:
            body = await self._read(read, write)
            return None if self._head is None or body is None else _request(self._head, body, peer)
        except h11.RemoteProtocolError as error:
            # Not with h11's sentence, which repeats what the caller wrote.
            raise RequestRefusedError(HTTPStatus(error.error_status_hint)) from None
        except ValueError:
            raise RequestRefusedError(HTTPStatus.BAD_REQUEST) from None

    async def _read(self, read: Callable[[int], Awaitable[bytes]], write: Callable[[bytes], None]) -> bytes | None:
        body = bytearray()
        while True:
            event = self._http.next_event()
            if event is h11.NEED_DATA:
                if self._http.they_are_waiting_for_100_continue:
                    # curl asks so before a body of more than 1 kB, and waits a second for the answer.
                    write(self._http.send(h11.InformationalResponse(status_code=100, headers=[])) or b"")
                self._http.receive_data(await read(PIECE))
            elif isinstance(event, h11.Request):
                self._head = event
                self._check(event)
            elif isinstance(event, h11.Data):
                body += event.data
                self._check_length(len(body))
            else:
                return bytes(body) if isinstance(event, h11.EndOfMessage) else None

    def _check(self, head: h11.Request) -> None:
        """What needs no look at the body, so that a long one is not read at all."""
        if head.method == b"CONNECT":
            raise RequestRefusedError(HTTPStatus.NOT_IMPLEMENTED)
        self._check_length(next((int(value) for name, value in head.headers if name == b"content-length"), 0))

    def _check_length(self, length: int) -> None:
        if length > self._longest_body:
            raise RequestRefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)

    def response(self, given: Response) -> bytes:
        """The bytes of the response, after which the connection ends. A HEAD gets no body."""
        length = [] if given.status is HTTPStatus.NO_CONTENT else [("Content-Length", str(len(given.body)))]
        own = [("Content-Type", given.kind), *length, ("Connection", "close"), ("Server", "octoworker")]
        reason = given.status.phrase.encode()
        sent = self._http.send(h11.Response(status_code=given.status, reason=reason, headers=[*own, *given.headers]))
        if self._head is None or self._head.method != b"HEAD":
            sent = (sent or b"") + (self._http.send(h11.Data(data=given.body)) or b"")
        return sent or b""


def _request(head: h11.Request, body: bytes, peer: str) -> Request:
    path, _, query = head.target.decode("ascii").partition("?")
    return Request(
        method=head.method.decode("ascii"),
        path=path,
        query=pairs(query),
        headers={name.decode("ascii").title(): value.decode("latin-1") for name, value in head.headers},
        body=body,
        peer=peer,
    )
