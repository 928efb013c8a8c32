"""How the scripts in lua/ are put together, loaded and run, and how Redis' failures become ours.

The first line of a script or of a part in lua/lib/ names the parts that it stands on: `-- include: message, backlog`. In
front of them all stand the names of the keys (`keys.NAMES_IN_LUA`). Of all these a script takes along what it names: Redis makes
each function anew at every call, whether or not it is called then.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from functools import cache
from importlib.resources import files
from typing import Any

import redis
from redis.commands.core import Script
from redis.exceptions import NoScriptError as NoScriptError  # noqa: PLC0414 - for the worker's own scripts
from redis.sentinel import MasterNotFoundError

from octoworker.errors import RecordError, StoreError, UnfitRedisError
from octoworker.store import keys
from octoworker.store.confirm import CONFIRMED, Confirm, UnconfirmedError, on_every_replica
from octoworker.store.connections import Talk

LUA = files("octoworker.store").joinpath("lua")

INCLUDE = "-- include: "

NAMES = "".join(f"local {name} = '{key}'\n" for name, key in keys.NAMES_IN_LUA.items())

DEFINITION = re.compile(r"^local (?:function )?(\w+(?:, \w+)*)")
"""At the margin: what a part defines."""


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
    if script.endswith(TOGETHER):
        return _source_together(script.removesuffix(TOGETHER))
    *parts, own = (read(part) for part in parts_of(script))
    whole = spelt_out(_needed(own, parts) + own)
    return sunk(whole) if script in OF_ONE else whole


def _source_together(script: str) -> str:
    """A script of one message for several of them in one call, as lib/many.lua has it."""
    *parts, own = (read(part) for part in parts_of(script))
    one = f"local function one(KEYS, ARGV)\n{sunk(own)}end\nreturn for_each(one)\n"
    return spelt_out(_needed(one, parts) + one)


def _needed(own: str, parts: Sequence[str]) -> str:
    """What a text needs of these parts and the names of the keys."""
    needed, kept = _words(own), []
    # From the last to the first: nothing in Lua is named before it is defined.
    for definition in reversed([each for text in (NAMES, *parts) for each in _definitions(text)]):
        if (found := DEFINITION.match(definition)) and needed.isdisjoint(found[1].split(", ")):
            continue
        needed |= _words(definition)
        kept.append(definition)
    return "".join(reversed(kept))


CONSTANT = re.compile(r"^local ([A-Z_]+) = ('[^'\n]*'|\d+)\n", re.MULTILINE)


def spelt_out(text: str) -> str:
    """A script in which constants stand where they are named: each function that names a local is made with a tie to it."""
    values = dict(CONSTANT.findall(text))
    if not values:
        return text
    named = re.compile(r"(?<![\w.'])(?:" + "|".join(values) + r")(?![\w'])")
    return named.sub(lambda found: values[found[0]], CONSTANT.sub("", text))


OF_ONE = frozenset({"claim", "settle"})
"""Scripts of one message, which are also run for several in one call. Each call used to make some 80 functions, most of them for
what rarely happens."""

TOGETHER = " together"
"""Behind the name of a script of one message: for several of them."""

AT_ONCE = 20
"""Messages in one call of a script. Redis answers nobody else meanwhile, for a millisecond or two; more save hardly anything."""

AT_ONCE_BYTES = 30_000
"""And what they say, together: one to hundreds of people takes as long as many to one."""

MARGIN = re.compile(r"(?!end\b|else|\)|\}|--|\s)")
"""Where a line begins a new piece of a script."""

FUNCTION = re.compile(r"local function (\w+)\(([^()\n]*)\)\n")

TABLE = re.compile(r"local ([A-Z_]+) = \{")


def sunk(text: str) -> str:
    """A script in which a function that only one other function names stands inside that one, and so does a constant table: it is
    made when that one is called, and not at each call of the script. One that would find another value under a name there stays
    where it is."""
    pieces: list[str] = []
    for line in text.splitlines(keepends=True):
        if pieces and not MARGIN.match(line):
            pieces[-1] += line
        else:
            pieces.append(line)
    words = [_words(piece) for piece in pieces]
    defined = {name for piece in pieces if (found := DEFINITION.match(piece)) for name in found[1].split(", ")}
    for at in range(len(pieces) - 1, -1, -1):
        function = FUNCTION.match(pieces[at])
        if (own := function or TABLE.match(pieces[at])) is None:
            continue
        users = [n for n, known in enumerate(words) if n != at and own[1] in known]
        user = FUNCTION.match(pieces[users[0]]) if len(users) == 1 and users[0] > at else None
        foreign = (words[at] & defined) - (_words(function[2]) if function else set())
        if user and foreign.isdisjoint(_words(user[2])):
            pieces[users[0]] = user[0] + pieces[at] + pieces[users[0]][user.end() :]
            words[users[0]] |= words[at]
            pieces[at], words[at] = "", set()
    return "".join(pieces)


def _definitions(text: str) -> list[str]:
    """A text, cut before each line at the margin that defines something; without comments of whole lines."""
    code = "".join(line for line in text.splitlines(keepends=True) if not line.lstrip().startswith("--"))
    return re.split(r"^(?=local )", code, flags=re.MULTILINE)


def _words(code: str) -> set[str]:
    return set(re.findall(r"\w+", code))


def read(path: str) -> str:
    """The text of a script or a part, by its path below lua/."""
    return LUA.joinpath(path).read_text(encoding="utf-8")


def _parts(path: str) -> Iterator[str]:
    for part in included(read(path)):
        yield from _parts(f"lib/{part}.lua")
    yield path


LIBRARY = "octoworker"
"""Of Redis' functions, where the scripts are loaded as such."""

OTHER_RELEASE = "this function is of another release"

NO_WAY = (
    "This user of Redis may run no script, and there is no function of this release to call: whoever deploys loads them "
    "with `octoworker functions load`."
)

MISSING = ("Function not found", OTHER_RELEASE, "unknown command")
"""Words of an answer to FCALL that mean: not by this way. Nothing has been done then. (Before Redis 7 there are no functions.)"""


def function(script: str) -> str:
    """The name under which Redis gives the right to call it."""
    return f"{LIBRARY}_{script}"


@cache
def digest(script: str) -> str:
    """Tells the function of one release from that of another."""
    return hashlib.sha256(source(script).encode()).hexdigest()[:16]


class Scripts:
    """The scripts on one Redis. `by_function`: called as functions where they are loaded, for a user who may run no script.

    `confirm`: what the replicas must have of each that is in CONFIRMED; None: nobody asks them.
    """

    def __init__(self, client: redis.Redis, *, by_function: bool = False, confirm: Confirm | None = None) -> None:
        self._client = client
        self._by_function = self._prefers_functions = by_function
        self._talk = Talk(client.connection_pool)
        self._confirm = confirm
        self._scripts: dict[str, Script] = {}

    def run(self, name: str, places: Sequence[str], arguments: Sequence[Any]) -> Any:
        """One script, one round trip. StoreError when it did not happen, or we cannot know; UnconfirmedError when it
        happened, and too few replicas confirmed it in time.

        A script that is asked for twice by accident does no harm: each looks where its message stands.
        """
        confirm = self._confirm if name in CONFIRMED else None
        if self._by_function:
            try:
                return self._called(name, places, arguments, confirm)
            except redis.RedisError as error:
                if not missing(error):
                    raise ours(error) from None
            self._by_function = False
        script = self._script(name)
        command = ("EVALSHA", script.sha, len(places), *places, *arguments)
        try:
            return self._talk.ask(*command) if confirm is None else self._confirmed(command, confirm)
        except redis.RedisError:
            if confirm is None:
                return self._guarded(lambda: script(keys=places, args=arguments))
        (answer,) = self._all(name, [(places, arguments)], confirm)
        if isinstance(answer, StoreError):
            raise answer
        return answer

    def _confirmed(self, command: Sequence[Any], confirm: Confirm) -> Any:
        """The answer to one command that enough replicas have. UnconfirmedError, or RedisError."""
        answer, *confirmations = self._talk.ask_all([command, *confirm.commands])
        confirm.check(confirmations, [answer])
        return answer

    def on_every_replica(self, within: timedelta) -> bool:
        """Whether all that was written up to now stands on each replica that is connected."""
        try:
            return on_every_replica(self._talk, within)
        except redis.RedisError as error:
            raise ours(error) from None

    @property
    def confirms(self) -> bool:
        """Whether replicas confirm what is written here."""
        return self._confirm is not None

    def is_durable(self, within: timedelta) -> bool:
        """Whether all that was written up to now outlives a failover, as far as it is asked for: as many replicas have it as
        must confirm, or else each that is connected. False: nobody knows."""
        try:
            if self._confirm is None:
                return on_every_replica(self._talk, within)
            *_, has = self._talk.ask_all(self._confirm.commands)
            return int(has) >= self._confirm.replicas
        except redis.RedisError:
            return False

    def _called(self, name: str, places: Sequence[str], arguments: Sequence[Any], confirm: Confirm | None) -> Any:
        """As a function. RedisError when it did not happen, or we cannot know."""
        command = ("FCALL", function(name), len(places), *places, *arguments, digest(name))
        try:
            return self._talk.ask(*command) if confirm is None else self._confirmed(command, confirm)
        except redis.RedisError as error:
            if missing(error):
                raise
            (answer,) = self._piped([command], confirm)
            if isinstance(answer, redis.RedisError):
                raise answer from None
            return answer

    def _guarded(self, act: Callable[[], Any]) -> Any:
        """Who may not run a script looks for the functions again at the next call: they may be loaded by then."""
        try:
            return act()
        except redis.exceptions.NoPermissionError as error:
            if not self._prefers_functions:
                raise ours(error) from None
            self._by_function = True
            raise StoreError(NO_WAY) from None
        except redis.RedisError as error:
            raise ours(error) from None

    def run_many(
        self, name: str, calls: Sequence[tuple[Sequence[str], Sequence[Any]]], *, confirmed: bool = True
    ) -> list[Any]:
        """One script for each of several, in one round trip. A call that failed has its StoreError in its place.

        StoreError when the round trip failed as a whole; some calls may have happened then. UnconfirmedError when all
        happened, and too few replicas confirmed them in time. `confirmed`: False where nobody acts on what is written.
        """
        if self._by_function:
            return [self._one(name, *call) for call in calls]
        confirm = self._confirm if confirmed and name in CONFIRMED else None
        if name not in OF_ONE:
            return self._all(name, calls, confirm)
        some = list(_slices(calls))
        sizes = [len(each) for each in some]
        try:
            return _of_each(self._all(name + TOGETHER, [_as_one(each) for each in some], confirm), sizes)
        except UnconfirmedError as error:
            raise UnconfirmedError(str(error), _of_each(error.answers, sizes)) from None

    def _all(
        self, name: str, calls: Sequence[tuple[Sequence[str], Sequence[Any]]], confirm: Confirm | None
    ) -> list[Any]:
        answers = self._guarded(lambda: self._attempt(name, calls, confirm))
        if any(isinstance(answer, redis.exceptions.NoScriptError) for answer in answers):
            self._guarded(lambda: self._client.script_load(self._script(name).script))
            answers = guard(lambda: self._attempt(name, calls, confirm))
        return [ours(answer) if isinstance(answer, redis.RedisError) else answer for answer in answers]

    def _one(self, name: str, places: Sequence[str], arguments: Sequence[Any]) -> Any:
        try:
            return self.run(name, places, arguments)
        except StoreError as error:
            return error

    def close(self) -> None:
        self._talk.close()

    def _script(self, name: str) -> Script:
        """Put together at its first use: a web app needs two of them."""
        script = self._scripts.get(name)
        if script is None:
            script = self._scripts[name] = self._client.register_script(source(name))
        return script

    def _attempt(
        self, name: str, calls: Sequence[tuple[Sequence[str], Sequence[Any]]], confirm: Confirm | None
    ) -> list[Any]:
        sha = self._script(name).sha
        commands = [("EVALSHA", sha, len(places), *places, *arguments) for places, arguments in calls]
        return self._piped(commands, confirm)

    def _piped(self, commands: Sequence[Sequence[Any]], confirm: Confirm | None) -> list[Any]:
        """The answers to these, in one round trip; of one that failed its RedisError. UnconfirmedError as in `run_many`."""
        answers = self._asked([*commands, *(confirm.commands if confirm else ())])
        if confirm is None:
            return answers
        found, confirmations = answers[: len(commands)], answers[len(commands) :]
        if not any(isinstance(answer, redis.exceptions.NoScriptError) for answer in found):
            confirm.check(confirmations, found)
        return found

    def look(self, commands: Sequence[Sequence[Any]]) -> list[Any]:
        """The answers to commands that only look, in one round trip. StoreError when one has none."""
        answers: list[Any] = guard(lambda: self._asked(commands))
        if failed := next((each for each in answers if isinstance(each, redis.RedisError)), None):
            raise ours(failed)
        return answers

    def _asked(self, commands: Sequence[Sequence[Any]]) -> list[Any]:
        """The answers to these; by redis-py's own pipeline, which tries again, where the short way fails."""
        with contextlib.suppress(redis.RedisError):
            return self._talk.ask_each(commands) if commands else []
        with self._client.pipeline(transaction=False) as pipe:
            for command in commands:
                pipe.execute_command(*command)  # type: ignore[no-untyped-call]  # so in its stubs
            return pipe.execute(raise_on_error=False)


def _slices(
    calls: Sequence[tuple[Sequence[str], Sequence[Any]]],
) -> Iterator[Sequence[tuple[Sequence[str], Sequence[Any]]]]:
    """These calls, cut into those that go together."""
    first, said = 0, 0
    for n, (_, arguments) in enumerate(calls):
        size = sum(len(each) for each in arguments if isinstance(each, str))
        if n > first and (n - first == AT_ONCE or said + size > AT_ONCE_BYTES):
            yield calls[first:n]
            first, said = n, 0
        said += size
    if calls:
        yield calls[first:]


def _as_one(calls: Sequence[tuple[Sequence[str], Sequence[Any]]]) -> tuple[list[str], list[Any]]:
    """These calls of a script of one message as one call for all of them. They share their last argument."""
    places = [place for each, _ in calls for place in each]
    return places, [*(each for _, arguments in calls for each in arguments[:-1]), calls[0][1][-1]]


def _of_each(answers: Sequence[Any], sizes: Sequence[int]) -> list[Any]:
    """What such calls answered, for each of so many messages."""
    found: list[Any] = []
    for answer, size in zip(answers, sizes, strict=True):
        found += [answer] * size if isinstance(answer, Exception) else map(_of_one, answer)
    return found


def _of_one(answer: Any) -> Any:
    return ours(redis.ResponseError(answer[1])) if answer[0] == "failed" else answer


def missing(error: redis.RedisError) -> bool:
    """Whether a function was not called because there is none of this release, or not for this user."""
    if isinstance(error, redis.exceptions.NoPermissionError):
        # A command inside it that this user lacks comes half way through: that is no missing function.
        return "script" not in str(error)
    return isinstance(error, redis.ResponseError) and any(words in str(error) for words in MISSING)


class MayNotError(StoreError):
    """Redis is there, and this user may not ask that."""


def guard(act: Callable[[], Any]) -> Any:
    """Redis' own errors may quote a command, and with it a number: ours name only their kind."""
    try:
        return act()
    except redis.RedisError as error:
        raise ours(error) from None


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


OF_A_RECORD = re.compile(
    r"WRONGTYPE|not an integer|not a (valid )?float|attempt to \w+|bad argument|Expected .+ but found|number expected"
)
"""What a script says that failed on what it read: Redis itself is well, and would say the same again."""


NO_PRIMARY = (
    "The Sentinels name no primary: they are out of reach or refuse the login, know none by that master_name, or a failover "
    "is under way."
)


def ours(error: Exception) -> StoreError:
    """Redis' own errors may quote a command, and with it a number: ours name only their kind."""
    if why := unfit(error):
        return UnfitRedisError(f"This Redis will not do: {why}. Name another one, with OCTOWORKER_REDIS_URL.")
    if type(error) is redis.ResponseError and OF_A_RECORD.search(str(error)):
        return RecordError("The record of this message is not as octoworker writes it; see: octoworker doctor.")
    if isinstance(error, MasterNotFoundError):
        return StoreError(NO_PRIMARY)
    kind = MayNotError if isinstance(error, redis.exceptions.NoPermissionError) else StoreError
    return kind(f"Redis could not be read or written ({type(error).__name__}).")
