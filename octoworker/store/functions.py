"""Our scripts as functions of Redis, for web apps that may not run scripts of their own making.

1. Whoever deploys loads the library: `octoworker functions load`, as a user of Redis who may (`admin`).
2. A web app calls a function by its name, `octoworker_create`; its user may call the functions of its job and no script.
3. Where there is no library, the same text goes as a script, by whoever may run one (`scripts.Scripts`).

Each function asks for the digest of its own text, so that a web app never speaks to the function of another release.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

import redis

from octoworker.store.scripts import LIBRARY, OTHER_RELEASE, digest, function, guard, names, source

Loaded = Literal["this", "another", "none"] | None
"""Which release's library: this one's, another's or none; None: it cannot be known."""


def library() -> str:
    """The library as Redis loads it: each script as it stands, in a function of its own."""
    return f"#!lua name={LIBRARY}\n" + "\n".join(map(_registered, names()))


def _registered(script: str) -> str:
    return (
        f"redis.register_function('{function(script)}', function(KEYS, ARGV)\n"
        f"if table.remove(ARGV) ~= '{digest(script)}' then\n"
        f"  return redis.error_reply('ERR {OTHER_RELEASE}')\n"
        "end\n"
        f"{source(script)}\nend)\n"
    )


def load(client: redis.Redis) -> None:
    """Put the library in place of what is there. StoreError when Redis does not take it, or this user may not."""
    guard(lambda: client.function_load(library(), replace=True))


def loaded(client: redis.Redis) -> Loaded:
    """Which library is there. StoreError when Redis is away; None when this user may not ask, or there are no functions yet."""

    def ask() -> Loaded:
        try:
            found = list(_texts(client.function_list(LIBRARY, withcode=True)))
        except redis.ResponseError:
            return None
        return "this" if library() in found else "another" if found else "none"

    return guard(ask)  # type: ignore[no-any-return]


def _texts(answer: Any) -> Iterator[str]:
    """Every text in an answer, whatever its shape: it differs between the versions of Redis' protocol."""
    if isinstance(answer, str):
        yield answer
    elif isinstance(answer, dict):
        yield from _texts(list(answer.values()))
    elif isinstance(answer, list | tuple):
        for each in answer:
            yield from _texts(each)
