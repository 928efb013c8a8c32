"""A reply, and the manner in which it leaves: whole, late, in half, in drops, or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from http import HTTPStatus
from typing import Protocol

from octoworker.sandbox.faults import Fault

HTML = "text/html; charset=utf-8"
JSON = "application/json; charset=utf-8"
NO_CONTENT = 204
ERROR_PAGE = b"<!doctype html><html><head><title>Oops</title></head><body><h1>Something went wrong</h1></body></html>"


class Wire(Protocol):
    """One side of a connection."""

    def write(self, data: bytes) -> None: ...

    def pause(self, seconds: float) -> None: ...

    def wait_until_gone(self, seconds: float) -> None: ...

    def hang_up(self) -> None: ...

    def reset(self) -> None: ...


def _whole(wire: Wire, packet: bytes) -> None:
    wire.write(packet)


@dataclass(frozen=True)
class Reply:
    """What goes back. `delay` is seconds before the first byte; `leave` puts it on the wire."""

    body: bytes = b""
    content_type: str = JSON
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    delay: float = 0.0
    leave: Callable[[Wire, bytes], None] = _whole
    ready: Callable[[], None] = lambda: None
    """Called when `delay` is over, whatever comes then."""
    keep: bool = True
    """Whether the connection may carry another call."""

    def packet(self) -> bytes:
        """The whole reply as it stands on the wire."""
        lines = (
            f"HTTP/1.1 {self.status} {_phrase(self.status)}",
            *(self._about_body() if self.status != NO_CONTENT else ()),
            *(f"{name}: {value}" for name, value in self.headers),
            f"Connection: {'keep-alive' if self.keep else 'close'}",
        )
        return "\r\n".join((*lines, "", "")).encode("latin-1") + self.body

    def _about_body(self) -> tuple[str, str]:
        return f"Content-Type: {self.content_type}", f"Content-Length: {len(self.body)}"


TOO_MANY = Reply(status=429, headers=(("Retry-After", "1"),))


def in_json(document: object, status: int = 200) -> Reply:
    """A JSON reply."""
    return Reply(json.dumps(document).encode(), status=status)


def struck(reply: Reply, fault: Fault) -> Reply:
    """The reply as the fault lets it leave."""
    return LEAVING[fault.kind](reply, fault) if fault.kind in LEAVING else reply


def _phrase(status: int) -> str:
    return HTTPStatus(status).phrase if status in set(HTTPStatus) else "Unknown"


def _hang_up(wire: Wire, packet: bytes) -> None:  # noqa: ARG001 - the whole point is not to send it
    wire.hang_up()


def _reset(wire: Wire, packet: bytes) -> None:  # noqa: ARG001 - the same
    wire.reset()


def _half(wire: Wire, packet: bytes) -> None:
    """The head promises the full length; half of the body comes. Of an answer without one, the head is cut before its status: clients forgive the rest."""
    head, gap, body = packet.partition(b"\r\n\r\n")
    wire.write(head + gap + body[: len(body) // 2] if body else head[: len(b"HTTP/1.1")])
    wire.hang_up()


def _drops(wire: Wire, packet: bytes, seconds: float) -> None:
    for at in range(len(packet)):
        wire.write(packet[at : at + 1])
        wire.pause(seconds)


def _late(reply: Reply, fault: Fault) -> Reply:
    return replace(reply, delay=reply.delay + fault.seconds)


def _silent(reply: Reply, fault: Fault) -> Reply:
    return replace(_late(reply, fault), leave=_hang_up)


def _cut_off(reply: Reply, fault: Fault) -> Reply:  # noqa: ARG001 - one signature for the table
    return replace(reply, leave=_reset)


def _other_body(reply: Reply, fault: Fault) -> Reply:
    """A web page, or the body that the fault gives, said to be JSON."""
    body = str(fault.options.get("body", ""))
    status = int(str(fault.options.get("status", 200)))
    retry_after = str(fault.options.get("retry_after", ""))
    headers = (("Retry-After", retry_after),) if retry_after else ()
    if body:
        return replace(reply, body=body.encode(), content_type=JSON, status=status, headers=headers)
    return replace(reply, body=ERROR_PAGE, content_type=HTML, status=status, headers=headers)


LEAVING: dict[str, Callable[[Reply, Fault], Reply]] = {
    "slow": _late,
    "hang_before": _silent,
    "hang_after": _silent,
    "reset_before": _cut_off,
    "reset_after": _cut_off,
    "cut": lambda reply, _: replace(reply, leave=_half),
    "drip": lambda reply, fault: replace(reply, leave=partial(_drops, seconds=fault.seconds)),
    "html": _other_body,
    "status": _other_body,
}
"""Faults that are not here leave the answer itself alone."""
