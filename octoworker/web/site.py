"""Which path is what: `/metrics` for everybody, the rest for whoever has the token, and nothing else at all."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from octoworker.errors import StoreError
from octoworker.sms.record import State
from octoworker.store import Store
from octoworker.store.scripts import MayNotError
from octoworker.web import frame, page
from octoworker.web.access import Access
from octoworker.web.request import Request, Response
from octoworker.web.search import Search

LATEST = 50
"""Messages on the page."""

HTML = "text/html; charset=utf-8"

MESSAGE = re.compile(r"/message/([0-9a-f]{32})")

STATES = frozenset(State)

READING = frozenset({"GET", "HEAD"})

SHUT = (
    ("Content-Security-Policy", frame.POLICY),
    ("Cache-Control", "no-store"),
    ("Referrer-Policy", "same-origin"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
)
"""On every page: nothing from elsewhere, nothing kept, nobody frames it."""


class Site:
    """Answers requests. `token` "": there is no page. `queues`: the broker's list of each lane."""

    def __init__(
        self,
        collectors: tuple[Collector, ...],
        store: Store,
        queues: Mapping[str, str],
        token: str,
        search: Search | None = None,
    ) -> None:
        self._registry = CollectorRegistry()
        for collector in collectors:
            # Not by `register`, which collects once to learn the names: Redis may be away, or slow.
            self._registry.register(_Undescribed(collector))
        self._store = store
        self._queues = queues
        self._access = Access(token) if token else None
        self._search = search or Search(store)

    def route(self, request: Request) -> Response:
        forms = {"/login": self._let_in, "/find": self._find}
        if request.method == "POST" and request.path in forms and self._access:
            return forms[request.path](request, self._access)
        if request.method not in READING:
            return Response(
                b"Nothing is changed here.\n", HTTPStatus.METHOD_NOT_ALLOWED, headers=(("Allow", "GET, HEAD"),)
            )
        if request.path == "/metrics":
            encode, kind = choose_encoder(request.headers.get("Accept", ""))
            return Response(encode(self._registry), kind=kind)
        if self._access is None:
            return Response(b"Not found.\n", HTTPStatus.NOT_FOUND)
        if not self._access.may_see(request.headers):
            return _locked(request.path)
        return self._page(request)

    def _let_in(self, request: Request, access: Access) -> Response:
        """The token comes in a body and becomes a cookie: no address, no history and no screenshot holds it."""
        if not _from_here(request):
            return Response(b"Open the page itself.\n", HTTPStatus.FORBIDDEN)
        form = request.form
        place = _place(form.get("place", ""))
        if not access.is_token(form.get("token", "")):
            return _locked(place, wrong=True)
        secure = request.headers.get("X-Forwarded-Proto", "").lower() == "https"
        cookie = ("Set-Cookie", access.cookie(secure=secure))
        return Response(b"", HTTPStatus.SEE_OTHER, headers=(("Location", place), cookie, *SHUT))

    def _find(self, request: Request, access: Access) -> Response:
        """What is looked for comes in a body, from our own page."""
        if not access.may_see(request.headers):
            return _locked("/")
        if not _from_here(request):
            return Response(b"Open the page itself.\n", HTTPStatus.FORBIDDEN)
        form = request.form
        try:
            return _html(self._search.page(form))
        except MayNotError:
            return _html(page.found([], "", readable=False))
        except StoreError as error:
            return _html(page.away(str(error)), HTTPStatus.SERVICE_UNAVAILABLE)

    def _page(self, request: Request) -> Response:
        if request.path == "/" and (wanted := request.query.get("message", "").strip().lower().replace("-", "")):
            if MESSAGE.fullmatch(f"/message/{wanted}"):
                return Response(b"", HTTPStatus.SEE_OTHER, headers=(("Location", f"/message/{wanted}"), *SHUT))
            return _html(page.missing(), HTTPStatus.NOT_FOUND)
        if request.path == "/":
            chosen = request.query.get("state", "")
            return _from_redis(lambda: self._board(State(chosen) if chosen in STATES else None))
        if found := MESSAGE.fullmatch(request.path):
            return _from_redis(lambda: self._story(found[1]))
        return _html(page.missing(), HTTPStatus.NOT_FOUND)

    def _board(self, state: State | None) -> Response:
        board = self._store.board(self._queues)
        try:
            latest = [*self._store.list(state, LATEST)][:LATEST] if state else self._store.latest(LATEST)
        except StoreError:
            # A user of Redis who may count and not read, like `viewer` in deploy/.
            latest = None
        return _html(page.board(board, latest, state))

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


def _locked(place: str, *, wrong: bool = False) -> Response:
    challenge = ("WWW-Authenticate", 'Bearer realm="octoworker"')
    return _html(page.locked(_place(place), wrong=wrong), HTTPStatus.UNAUTHORIZED, challenge)


def _place(wanted: str) -> str:
    """Where to go after the token: one of our pages, and nowhere else."""
    return wanted if MESSAGE.fullmatch(wanted) else "/"


def _from_here(request: Request) -> bool:
    """Whether a form was sent from our own page. A browser names the page's origin, because our Referrer-Policy lets it; a program
    names none."""
    origin = request.headers.get("Origin")
    return origin is None or urlsplit(origin).netloc == request.headers.get("Host")


def _from_redis(make: Callable[[], Response]) -> Response:
    try:
        return make()
    except StoreError as error:
        return _html(page.away(str(error)), HTTPStatus.SERVICE_UNAVAILABLE)


def _html(text: str, status: HTTPStatus = HTTPStatus.OK, *headers: tuple[str, str]) -> Response:
    return Response(text.encode("utf-8", "replace"), status, HTML, (*headers, *SHUT))
