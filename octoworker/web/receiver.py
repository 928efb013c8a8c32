"""The address that Octopush calls: `POST /octopush/TOKEN`, and `/receipt`, `/reply`, `/stop` below it.

1. Without the token the answer is 404. Two tokens are good while one replaces the other.
2. What came is read and stored, in one step. Only then is it answered: 200, with an empty body.
3. A worker processes it later. Whatever cannot be read is stored too, and answered the same: Octopush may stop calling an
   address that complains.
"""

from __future__ import annotations

import hmac
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from http import HTTPStatus
from typing import Any, get_args

from octoworker.errors import StoreError
from octoworker.gateway.callbacks import Callback, Kind, Unreadable, read
from octoworker.sms import opt_outs, sizes
from octoworker.sms.opt_outs import Source
from octoworker.sms.recipient import called
from octoworker.store.inbox import Arrival
from octoworker.store.opt_outs import OptOut

ROOT = "/octopush/"

KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True)
class People:
    """How numbers are read and hashed, and which answers mean STOP."""

    region: str = "FR"
    number_keys: tuple[str, ...] = ()
    stop_words: tuple[str, ...] = ()


class Receiver:
    """Answers calls. `tokens`: the secrets of the address, each of them good. `put` stores what came, or raises StoreError."""

    def __init__(
        self, tokens: Sequence[str], put: Callable[[Sequence[Arrival]], None], people: People | None = None
    ) -> None:
        self._tokens = [_digest(token) for token in tokens]
        self._put = put
        self._people = people or People()

    def answer(self, method: str, path: str, body: bytes) -> HTTPStatus:
        """The status of the answer; its body is always empty. `body` may be one byte longer than it may be, to show it."""
        token, _, kind = path.removeprefix(ROOT).removesuffix("/").partition("/")
        known = path.startswith(ROOT) and self._is_good(token) and kind in ("", *KINDS)
        if not known:
            return HTTPStatus.NOT_FOUND
        if method != "POST":
            # Octopush, and whoever sets the address up, tries it so.
            return HTTPStatus.OK if method in ("GET", "HEAD") else HTTPStatus.METHOD_NOT_ALLOWED
        try:
            self._put(arrivals(body, next((each for each in KINDS if each == kind), None), self._people))
        except StoreError:
            return HTTPStatus.SERVICE_UNAVAILABLE
        return HTTPStatus.OK

    def _is_good(self, token: str) -> bool:
        """All of them are compared, each in the same time, whatever is shown."""
        shown = _digest(token)
        return sum(hmac.compare_digest(shown, good) for good in self._tokens) > 0


def arrivals(body: bytes, path_kind: Kind | None, people: People) -> list[Arrival]:
    """What a call brought, as it is stored."""
    if len(body) > sizes.WEBHOOK_BODY:
        cut = body[: sizes.UNREADABLE].decode("utf-8", "replace")
        return [Arrival(cut, reason=f"the body is longer than {sizes.WEBHOOK_BODY} bytes")]
    return [_arrival(each, people) for each in read(body, path_kind)]


def _arrival(found: Callback | Unreadable, people: People) -> Arrival:
    if isinstance(found, Unreadable):
        return Arrival(found.raw[: sizes.UNREADABLE], reason=found.reason)
    return Arrival(json.dumps(found.as_json()), os.urandom(16).hex(), found.kind, opt_out=_opt_out(found, people))


def _opt_out(found: Callback, people: People) -> dict[str, Any] | None:
    """Of a STOP, or of a reply that is one by all its words: what holds before the call is answered."""
    source: Source = "stop" if found.kind == "stop" else "reply"
    if found.kind == "receipt" or (found.kind == "reply" and not opt_outs.is_stop(found.text, people.stop_words)):
        return None
    hashes = opt_outs.hashes(called(found.number, people.region), people.number_keys)
    return {"hashes": hashes, "entry": OptOut(source, ticket=found.ticket).as_json()}


def _digest(text: str) -> bytes:
    return sha256(text.encode("utf-8", "surrogatepass")).digest()
