"""Who did what by hand, when and from where: a line in the message's story, and an entry in a stream of its own.

Where an act is a script its entry is written in the same step; where it is some commands, in the same transaction; what is only
shown is entered before it is shown. Who acts is the user of the operating system, or OCTOWORKER_ACTOR, or whom `acting` names: a
word that nobody proves. No number, no text and no key of a caller's is in an entry.
"""

from __future__ import annotations

import getpass
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import redis

from octoworker import environment
from octoworker.store import keys
from octoworker.store.scripts import guard
from octoworker.store.units import instant, instant_ms, span_ms

SLICE = 500
LONGEST = 64
"""Characters of a name."""

NOBODY = "?"

_ODD = re.compile(r"[^\w .@:+-]|\|")
_acting: ContextVar[str] = ContextVar("octoworker_actor", default="")


@dataclass(frozen=True)
class Act:
    """One entry. `what`: an id of a message or a campaign, or a word; "" where nothing but the act is told."""

    at: datetime
    act: str
    who: str
    where: str
    what: str


@contextmanager
def acting(who: object) -> Iterator[None]:
    """In this block this person acts: somebody who has logged in to a web app."""
    token = _acting.set(clean(who))
    try:
        yield
    finally:
        _acting.reset(token)


def by(act: str) -> dict[str, Any]:
    """What a script needs to write an act down."""
    return {"act": act, "who": _who(), "where": clean(socket.gethostname()), "keep": span_ms(kept_for())}


def kept_for() -> timedelta:
    """How long an entry is kept."""
    return environment.audit_for()


def clean(word: object) -> str:
    """A name as it may stand in a line of ours."""
    return _ODD.sub("", str(word or ""))[:LONGEST].strip() or NOBODY


def _who() -> str:
    return _acting.get() or clean(environment.actor() or _of_the_system())


def _of_the_system() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container's user need have no name
        return ""


def add(pipe: Any, now: Any, act: str, what: str = "") -> None:
    """Enter an act in a transaction with what it does. `now`: what Redis' TIME has answered."""
    facts = by(act)
    keep = facts.pop("keep")
    oldest = int(now[0]) * 1000 - keep
    pipe.xadd(keys.AUDIT, {**facts, "what": what}, minid=max(0, oldest), approximate=True)
    pipe.pexpire(keys.AUDIT, keep)


class Audit:
    """The stream of one Redis."""

    def __init__(self, client: redis.Redis) -> None:
        self._redis = client

    def note(self, act: str, what: str = "") -> None:
        """Enter what is about to be done, or shown. StoreError: it could not be entered."""

        def write() -> None:
            now = self._redis.time()
            with self._redis.pipeline(transaction=True) as pipe:
                add(pipe, now, act, what)
                pipe.execute()

        guard(write)

    def acts(self, since: datetime | None = None) -> Iterator[Act]:
        """The latest first."""
        start = "-" if since is None else str(instant_ms(since))
        end = "+"
        while True:
            ask = partial(self._redis.xrevrange, keys.AUDIT, end, start, count=SLICE)
            entries: list[Any] = guard(ask)
            for entry, fields in entries:
                at = instant(int(entry.partition("-")[0]))
                yield Act(at, *(fields.get(name, "") for name in ("act", "who", "where", "what")))
            if len(entries) < SLICE:
                return
            end = f"({entries[-1][0]}"
