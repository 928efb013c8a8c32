"""Reading one HTTP request off a connection, to its last byte."""

from __future__ import annotations

from collections.abc import Callable
from email.message import Message
from http.client import HTTPException, parse_headers
from typing import BinaryIO

from octoworker.sandbox.form import Request

LONGEST_LINE = 64 * 1024
"""Bytes of the request line: a GET with 500 recipients fits several times."""
LARGEST_BODY = 1024 * 1024
"""Bytes. 500 recipients with names need about a tenth."""
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class UnreadableError(Exception):
    """What came in is no request we can read; `status` is the HTTP status to say so with."""

    def __init__(self, status: int) -> None:
        super().__init__(f"The request cannot be read: HTTP {status}.")
        self.status = status


def read_request(stream: BinaryIO, line: bytes, write: Callable[[bytes], None]) -> Request | None:
    """The request that starts with `line`; None when the caller went away in the middle of it.

    `write` is used for the one word a caller may wait for before it sends its body. Raises UnreadableError.
    """
    method, target, version = _request_line(line)
    headers = _headers(stream)
    length = _length(headers)
    if headers.get("Expect", "").lower() == "100-continue":
        write(CONTINUE)
    body = stream.read(length)
    keep = version == "HTTP/1.1" and headers.get("Connection", "").lower() != "close"
    if len(body) != length:
        return None
    named = {name.lower(): value for name, value in headers.items()}
    return Request(method, target, headers.get("Content-Type", ""), body, keep, named)


def _request_line(line: bytes) -> list[str]:
    words = line.decode("latin-1").split()
    if len(words) != len(("method", "target", "version")):
        raise UnreadableError(400)
    return words


def _headers(stream: BinaryIO) -> Message:
    try:
        return parse_headers(stream)
    except HTTPException as error:
        raise UnreadableError(431) from error


def _length(headers: Message) -> int:
    """Without a length there is no body; a chunked one is turned away, as no client of Octopush sends it."""
    length = headers.get("Content-Length", "0")
    if "Transfer-Encoding" in headers:
        raise UnreadableError(411)
    if not length.isdecimal():
        raise UnreadableError(400)
    if int(length) > LARGEST_BODY:
        raise UnreadableError(413)
    return int(length)
