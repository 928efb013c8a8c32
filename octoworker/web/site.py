"""Which path is what: `/metrics` for everybody, the rest for whoever has the token, and nothing else at all."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from octoworker.errors import StoreError
from octoworker.store import Store
from octoworker.web import page
from octoworker.web.access import Access
from octoworker.web.request import Request, Response

LATEST = 50
"""Messages on the page."""

HTML = "text/html; charset=utf-8"

MESSAGE = re.compile(r"/message/([0-9a-f]{32})")

READING = frozenset({"GET", "HEAD"})

SHUT = (
    ("Content-Security-Policy", page.POLICY),
    ("Cache-Control", "no-store"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
)
"""On every page: nothing from elsewhere, nothing kept, nobody frames it."""


class Site:
    """Answers requests. `token` "": there is no page. `queues`: the broker's list of each lane."""

    def __init__(self, collectors: tuple[Collector, ...], store: Store, queues: Mapping[str, str], token: str) -> None:
        self._registry = CollectorRegistry()
        for collector in collectors:
            # Not by `register`, which collects once to learn the names: Redis may be away, or slow.
            self._registry.register(_Undescribed(collector))
        self._store = store
        self._queues = queues
        self._access = Access(token) if token else None

    def route(self, request: Request) -> Response:
        if request.method not in READING:
            return Response(
                b"Nothing is changed here.\n", HTTPStatus.METHOD_NOT_ALLOWED, headers=(("Allow", "GET, HEAD"),)
            )
        if request.path == "/metrics":
            encode, kind = choose_encoder(request.headers.get("Accept", ""))
            return Response(encode(self._registry), kind=kind)
        if self._access is None:
            return Response(b"Not found.\n", HTTPStatus.NOT_FOUND)
        if "token" in request.query:
            return self._let_in(request, self._access)
        if not self._access.may_see(request.headers):
            return _html(page.locked(), HTTPStatus.UNAUTHORIZED, ("WWW-Authenticate", 'Bearer realm="octoworker"'))
        return self._page(request)

    def _let_in(self, request: Request, access: Access) -> Response:
        """The token leaves the address as soon as it has been read, so that no history and no screenshot keeps it."""
        rest = urlencode({name: value for name, value in request.query.items() if name != "token"})
        # One slash: two would make it another site's address.
        place = "/" + request.path.lstrip("/\\") + (f"?{rest}" if rest else "")
        if not access.is_token(request.query["token"]):
            return _html(page.locked(), HTTPStatus.UNAUTHORIZED, ("WWW-Authenticate", 'Bearer realm="octoworker"'))
        secure = request.headers.get("X-Forwarded-Proto", "").lower() == "https"
        cookie = ("Set-Cookie", access.cookie(secure=secure))
        return Response(b"", HTTPStatus.SEE_OTHER, headers=(("Location", place), cookie, *SHUT))

    def _page(self, request: Request) -> Response:
        if request.path == "/" and (wanted := request.query.get("message", "").strip().lower().replace("-", "")):
            if MESSAGE.fullmatch(f"/message/{wanted}"):
                return Response(b"", HTTPStatus.SEE_OTHER, headers=(("Location", f"/message/{wanted}"), *SHUT))
            return _html(page.missing(), HTTPStatus.NOT_FOUND)
        if request.path == "/":
            return _from_redis(self._board)
        if found := MESSAGE.fullmatch(request.path):
            return _from_redis(lambda: self._story(found[1]))
        return _html(page.missing(), HTTPStatus.NOT_FOUND)

    def _board(self) -> Response:
        board = self._store.board(self._queues)
        try:
            latest = self._store.latest(LATEST)
        except StoreError:
            # A user of Redis who may count and not read, like `viewer` in deploy/.
            latest = None
        return _html(page.board(board, latest))

    def _story(self, message_id: str) -> Response:
        record = self._store.get(message_id)
        return _html(page.missing(), HTTPStatus.NOT_FOUND) if record is None else _html(page.story(record))


class _Undescribed(Collector):
    """A collector that is asked only when somebody wants its numbers."""

    def __init__(self, collector: Any) -> None:
        self._collector = collector

    def describe(self) -> list[Any]:
        return []

    def collect(self) -> Any:
        return self._collector.collect()


def _from_redis(make: Callable[[], Response]) -> Response:
    try:
        return make()
    except StoreError as error:
        return _html(page.away(str(error)), HTTPStatus.SERVICE_UNAVAILABLE)


def _html(text: str, status: HTTPStatus = HTTPStatus.OK, *headers: tuple[str, str]) -> Response:
    return Response(text.encode("utf-8", "replace"), status, HTML, (*headers, *SHUT))
