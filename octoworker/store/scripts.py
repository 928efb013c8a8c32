"""How the scripts beside this file are loaded and run, and how Redis' failures become ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib.resources import files
from typing import Any

import redis

from octoworker.errors import StoreError
from octoworker.store import keys
from octoworker.store.connections import Talk

SHARED: Mapping[str, tuple[str, ...]] = {
    "create": ("_common",),
    "create_many": ("_common",),
    "resume_campaign": ("_common", "_gates"),
    "claim": ("_common", "_gates", "_caps"),
    "settle": ("_common", "_gates"),
    "reject": ("_common", "_gates"),
    "take_due": ("_common", "_gates"),
    "change": ("_common", "_gates"),
    "receipt": ("_common", "_gates"),
    "forget": ("_common",),
}
"""Each script, and what is put in front of it."""


NAMES = f"local CAMPAIGNS = '{keys.CAMPAIGN_PREFIX}'\n"
"""Names that a script cannot be given as KEYS, because only the record tells which one it needs."""


class Scripts:
    """The scripts on one Redis."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        self._talk = Talk(client.connection_pool)
        self._scripts = {
            name: client.register_script("".join([NAMES, *(_source(each) for each in (*shared, name))]))
            for name, shared in SHARED.items()
        }

    def run(self, name: str, places: Sequence[str], arguments: Sequence[Any]) -> Any:
        """One script, one round trip. StoreError when it did not happen, or we cannot know.

        A script that is asked for twice by accident does no harm: each looks where its message stands.
        """
        script = self._scripts[name]
        try:
            return self._talk.ask("EVALSHA", script.sha, len(places), *places, *arguments)
        except redis.RedisError:
            return guard(lambda: script(keys=places, args=arguments))

    def run_many(self, name: str, calls: Sequence[tuple[Sequence[str], Sequence[Any]]]) -> list[Any]:
        """One script for each of several, in one round trip. A call that failed has its StoreError in its place.

        StoreError when the round trip failed as a whole; some calls may have happened then.
        """
        answers = guard(lambda: self._attempt(name, calls))
        if any(isinstance(answer, redis.exceptions.NoScriptError) for answer in answers):
            guard(lambda: self._client.script_load(self._scripts[name].script))
            answers = guard(lambda: self._attempt(name, calls))
        return [_ours(answer) if isinstance(answer, redis.RedisError) else answer for answer in answers]

    def close(self) -> None:
        self._talk.close()

    def _attempt(self, name: str, calls: Sequence[tuple[Sequence[str], Sequence[Any]]]) -> list[Any]:
        script = self._scripts[name]
        with self._client.pipeline(transaction=False) as pipe:
            for places, arguments in calls:
                pipe.evalsha(script.sha, len(places), *places, *arguments)
            answers: list[Any] = pipe.execute(raise_on_error=False)
        return answers


def guard(act: Callable[[], Any]) -> Any:
    """Redis' own errors may quote a command, and with it a number: ours name only their kind."""
    try:
        return act()
    except redis.RedisError as error:
        raise _ours(error) from None


def _ours(error: redis.RedisError) -> StoreError:
    return StoreError(f"Redis could not be read or written ({type(error).__name__}).")


def _source(script: str) -> str:
    return files("octoworker.store").joinpath(f"lua/{script}.lua").read_text(encoding="utf-8")
