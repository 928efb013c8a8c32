"""How the scripts beside this file are loaded and run, and how Redis' failures become ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib.resources import files
from typing import Any

import redis

from octoworker.errors import StoreError

SHARED: Mapping[str, tuple[str, ...]] = {
    "create": ("_common",),
    "claim": ("_common", "_gates", "_caps"),
    "settle": ("_common", "_gates"),
    "reject": ("_common", "_gates"),
    "take_due": ("_common", "_gates"),
    "change": ("_common", "_gates"),
    "receipt": ("_common", "_gates"),
}
"""Each script, and what is put in front of it."""


class Scripts:
    """The scripts on one Redis."""

    def __init__(self, client: redis.Redis) -> None:
        self._scripts = {
            name: client.register_script("".join(_source(each) for each in (*shared, name)))
            for name, shared in SHARED.items()
        }

    def run(self, name: str, places: Sequence[str], arguments: Sequence[Any]) -> Any:
        """One script, one round trip. StoreError when it did not happen, or we cannot know."""
        return guard(lambda: self._scripts[name](keys=places, args=arguments))


def guard(act: Callable[[], Any]) -> Any:
    """Redis' own errors may quote a command, and with it a number: ours name only their kind."""
    try:
        return act()
    except redis.RedisError as error:
        raise StoreError(f"Redis could not be read or written ({type(error).__name__}).") from None


def _source(script: str) -> str:
    return files("octoworker.store").joinpath(f"lua/{script}.lua").read_text(encoding="utf-8")
