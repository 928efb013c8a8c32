"""How the scripts in lua/ are put together, loaded and run, and how Redis' failures become ours.

The first line of a script or of a part in lua/lib/ names the parts that it stands on: `-- include: message, backlog`. In
front of them all stand the names of the keys (`keys.NAMES_IN_LUA`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from importlib.resources import files
from typing import Any

import redis
from redis.commands.core import Script
from redis.exceptions import NoScriptError as NoScriptError  # noqa: PLC0414 - for the worker's own scripts

from octoworker.errors import StoreError, UnfitRedisError
from octoworker.store import keys
from octoworker.store.connections import Talk

LUA = files("octoworker.store").joinpath("lua")

INCLUDE = "-- include: "

NAMES = "".join(f"local {name} = '{key}'\n" for name, key in keys.NAMES_IN_LUA.items())


def names() -> list[str]:
    """Every script."""
    return sorted(each.name.removesuffix(".lua") for each in LUA.iterdir() if each.name.endswith(".lua"))


def included(text: str) -> list[str]:
    """The parts that a script or a part names."""
    first, _, _ = text.partition("\n")
    return first.removeprefix(INCLUDE).split(", ") if first.startswith(INCLUDE) else []


def parts_of(script: str) -> list[str]:
    """The paths below lua/ of what a script is made of: each part once, behind those that it stands on."""
    return list(dict.fromkeys(_parts(f"{script}.lua")))


def source(script: str) -> str:
    """A script as Redis runs it."""
    return NAMES + "".join(read(part) for part in parts_of(script))


def read(path: str) -> str:
    """The text of a script or a part, by its path below lua/."""
    return LUA.joinpath(path).read_text(encoding="utf-8")


def _parts(path: str) -> Iterator[str]:
    for part in included(read(path)):
        yield from _parts(f"lib/{part}.lua")
    yield path


class Scripts:
    """The scripts on one Redis."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        self._talk = Talk(client.connection_pool)
        self._scripts: dict[str, Script] = {}

    def run(self, name: str, places: Sequence[str], arguments: Sequence[Any]) -> Any:
        """One script, one round trip. StoreError when it did not happen, or we cannot know.

        A script that is asked for twice by accident does no harm: each looks where its message stands.
        """
        script = self._script(name)
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
            guard(lambda: self._client.script_load(self._script(name).script))
            answers = guard(lambda: self._attempt(name, calls))
        return [_ours(answer) if isinstance(answer, redis.RedisError) else answer for answer in answers]

    def close(self) -> None:
        self._talk.close()

    def _script(self, name: str) -> Script:
        """Put together at its first use: a web app needs two of them."""
        script = self._scripts.get(name)
        if script is None:
            script = self._scripts[name] = self._client.register_script(source(name))
        return script

    def _attempt(self, name: str, calls: Sequence[tuple[Sequence[str], Sequence[Any]]]) -> list[Any]:
        script = self._script(name)
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


OF_A_CLUSTER = (redis.exceptions.AskError, redis.exceptions.ClusterError, redis.exceptions.TryAgainError)
"""What only a Redis in cluster mode answers. (`AskError` is above `MovedError`.)"""

UNFIT = {
    "hash to the same slot": "it is a cluster, which cannot change several keys in one step",
    "non local key": "it is a cluster, which cannot change several keys in one step",
    "SELECT is not allowed in cluster mode": "it is a cluster, which has no numbered databases",
    "DB index is out of range": "it has no database of the number at the end of its address",
}
"""Words in an answer of Redis, and why this one will not do."""


def unfit(answer: object) -> str:
    """Why a Redis that answers this will never do; "" when this does not say so."""
    if isinstance(answer, OF_A_CLUSTER):
        return "it is a cluster, which cannot change several keys in one step"
    if isinstance(answer, redis.RedisError):
        return next((why for words, why in UNFIT.items() if words in str(answer)), "")
    return ""


def _ours(error: redis.RedisError) -> StoreError:
    if why := unfit(error):
        return UnfitRedisError(f"This Redis will not do: {why}. Name another one, with OCTOWORKER_REDIS_URL.")
    return StoreError(f"Redis could not be read or written ({type(error).__name__}).")
