"""The receiver inside a web app: a WSGI and an ASGI application, to be mounted at any place of it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping, Sequence
from pathlib import Path
from typing import Any

from octoworker import environment
from octoworker.client.client import confirm
from octoworker.errors import SettingsError
from octoworker.sms import sizes
from octoworker.store import Store, budget, connect
from octoworker.store.inbox import Arrival
from octoworker.web.receiver import ROOT, People, Receiver
from octoworker.web.spool import Put, Spool, Spooling

EMPTY = [("Content-Length", "0"), ("Cache-Control", "no-store")]

STORED_WITHIN = 0.7
"""Seconds in which a call is stored, or not: Octopush wants its answer within one."""

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


def wsgi(environ: Mapping[str, str] = os.environ) -> WSGI:
    """The receiver that the environment describes. SettingsError: it has no token."""
    return WSGI(receiver(environ))


def asgi(environ: Mapping[str, str] = os.environ) -> ASGI:
    """The same for ASGI."""
    return ASGI(receiver(environ))


def receiver(environ: Mapping[str, str]) -> Receiver:
    """The receiver that the environment describes, which opens its connections at the first call."""
    try:
        tokens = environment.inbound_tokens(environment.secret(environ, environment.INBOUND))
    except ValueError as error:
        raise SettingsError([f"{environment.INBOUND}: {error}."]) from None
    if not tokens:
        raise SettingsError([f"{environment.INBOUND} is not set (or give {environment.INBOUND}_FILE)."])
    put = putting(environment.load(environ).redis_url, environ.get(environment.INBOUND_SPOOL) or "")
    return Receiver(tokens, put, _people(environ))


def _people(environ: Mapping[str, str]) -> People:
    try:
        number_keys = environment.number_keys(environment.secret(environ, environment.NUMBER_KEYS))
    except ValueError as error:
        raise SettingsError([f"{environment.NUMBER_KEYS}: {error}."]) from None
    words = environment.listed(environ.get(environment.STOP_WORDS) or "")
    return People(environment.load(environ).region, number_keys, words)


def putting(redis_url: str, spool: str) -> Put:
    """Stores calls in this Redis, or in the spool (a folder) while that is away. SettingsError: it cannot be written."""
    client = connect(redis_url, timeout=STORED_WITHIN, retries=1)
    shared = environment.load()
    store = Store(
        client,
        keep_for=shared.keep_for,
        requeue_after=shared.requeue_after,
        by_function=True,
        confirm=confirm(shared.confirm, STORED_WITHIN),
    )

    def put(arrivals: Sequence[Arrival]) -> None:
        with budget.within(STORED_WITHIN):
            store.inbox.put(arrivals)

    if not spool:
        return put
    if not os.access(spool, os.W_OK | os.X_OK):
        raise SettingsError([f"{environment.INBOUND_SPOOL}: name a folder that exists and can be written."])
    return Spooling(put, Spool(Path(spool)))


class WSGI:
    """`POST .../octopush/TOKEN` as a WSGI application."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver

    def __call__(self, environ: Mapping[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = _below(environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", ""))
        status = self._receiver.answer(environ["REQUEST_METHOD"], path, _body(environ))
        start_response(f"{status.value} {status.phrase}", EMPTY)
        return []


class ASGI:
    """The same as an ASGI application. Redis is waited for in a thread, so that the app's loop goes on."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
            return
        if scope["type"] != "http":
            return
        body = await _read(receive)
        if body is None:
            return
        status = await asyncio.to_thread(self._receiver.answer, scope["method"], _below(scope["path"]), body)
        headers = [(name.lower().encode(), value.encode()) for name, value in EMPTY]
        await send({"type": "http.response.start", "status": status.value, "headers": headers})
        await send({"type": "http.response.body", "body": b""})


def _below(path: str) -> str:
    """The path from our own root on, wherever the app has mounted us."""
    at = path.rfind(ROOT)
    return path[at:] if at >= 0 else path


def _body(environ: Mapping[str, Any]) -> bytes:
    """One byte more than is allowed at the most, so that it shows. In chunks a body has no length, and ends by itself."""
    most = sizes.WEBHOOK_BODY + 1
    if not environ.get("wsgi.input_terminated"):
        try:
            most = min(max(0, int(environ.get("CONTENT_LENGTH") or 0)), most)
        except ValueError:
            most = 0
    found: bytes = environ["wsgi.input"].read(most)
    return found


async def _read(receive: Receive) -> bytes | None:
    """None: the caller has hung up before its end, so that nobody knows what it would have said."""
    pieces, size, more = [], 0, True
    while more:
        event = await receive()
        if event["type"] == "http.disconnect":
            return None
        more = event.get("more_body", False)
        piece = event.get("body", b"")
        if size <= sizes.WEBHOOK_BODY:
            pieces.append(piece)
        size += len(piece)
    return b"".join(pieces)[: sizes.WEBHOOK_BODY + 1]


async def _live(receive: Receive, send: Send) -> None:
    while True:
        event = await receive()
        await send({"type": f"{event['type']}.complete"})
        if event["type"] == "lifespan.shutdown":
            return
