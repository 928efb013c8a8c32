"""The store for an event loop: the same scripts, the same requests and answers, over redis.asyncio.

1. A method of `Store` is run up to where it would ask Redis, and what it asks is noted (`_Noting`).
2. The call joins those that wait in this loop; up to a hundred of them make one round trip.
3. The method is run again, with the answer. It decides nothing before it has one, so the first run leaves no trace.

A call waits for Redis and not for its turn in the loop: thousands may wait at once, and while Redis answers any of them the
others go on. When Redis does not answer within the budget, all who have waited that long hear of it together.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

import redis
import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from octoworker import environment
from octoworker.errors import StoreError
from octoworker.sms.record import Record
from octoworker.store import Store, keys, primary
from octoworker.store.confirm import CONFIRMED, Confirm
from octoworker.store.scripts import NO_WAY, digest, function, missing, ours, source

T = TypeVar("T")

AT_ONCE = 100
"""Calls in one round trip."""

CONNECTIONS = 4
"""Round trips under way at once: while one is on the wire the next is put together."""


class _Ask(BaseException):
    """What a method of the store asks. Not an Exception, so that nothing takes it for a failure."""

    def __init__(self, name: str, places: Sequence[str], arguments: Sequence[Any]) -> None:
        self.name, self.places, self.arguments = name, places, arguments


class _Noting:
    """In the place of Scripts: answers with what it was given, else says what was asked."""

    def __init__(self) -> None:
        self.answers: list[Any] = []

    def run(self, name: str, places: Sequence[str], arguments: Sequence[Any]) -> Any:
        """One script."""
        if self.answers:
            return self.answers.pop()
        raise _Ask(name, places, arguments)


class _Call(NamedTuple):
    """One call that waits. `script`: "" of a plain command, which stands in `arguments`."""

    script: str
    places: Sequence[str]
    arguments: Sequence[Any]
    done: asyncio.Future[Any]
    since: float

    def __repr__(self) -> str:
        return f"_Call({self.script!r})"


class AsyncStore:
    """The records, as the coroutines of one event loop use them. `plan`: a store with the same settings, which asks nobody."""

    def __init__(
        self, url: str, plan: Callable[[Any], Store], *, budget: float, confirm: Confirm | None = None
    ) -> None:
        self._noting = _Noting()
        self._plan = plan(self._noting)
        self._budget = budget
        self._confirm = confirm
        self._by_function = True
        self._digests: dict[str, str] = {}
        self._waiting: deque[_Call] = deque()
        self._working: set[asyncio.Task[None]] = set()
        options: dict[str, Any] = {
            "decode_responses": True,
            "socket_timeout": budget,
            "socket_connect_timeout": budget,
            "socket_keepalive": True,
            "max_connections": CONNECTIONS + 1,
            "retry": Retry(NoBackoff(), 0),
            "client_name": "octoworker",
        }
        if environment.names_sentinels(url):
            self._redis = primary.connect_async(environment.sentinels(url), **options)
        else:
            self._redis = redis.asyncio.Redis.from_url(url, **options)

    async def ask(self, act: Callable[[Store], T]) -> T:
        """What `act` makes of the store's answer: one call of one of its methods. StoreError as from Store."""
        try:
            return act(self._plan)
        except _Ask as asked:
            wanted = asked
        answer = await self._answer(wanted.name, wanted.places, wanted.arguments)
        self._noting.answers = [answer]
        try:
            return act(self._plan)
        finally:
            self._noting.answers = []

    async def get(self, message_id: str) -> Record | None:
        """The record, or None."""
        flat = await self._answer("", (), ("HGETALL", keys.record(message_id)))
        fields = flat if isinstance(flat, dict) else dict(zip(flat[::2], flat[1::2], strict=True))
        return Record.from_hash(message_id, fields) if fields.get("state") else None

    async def close(self) -> None:
        """Give the connections back."""
        for task in tuple(self._working):
            task.cancel()
        await asyncio.gather(*self._working, return_exceptions=True)
        await self._redis.aclose()

    async def _answer(self, script: str, places: Sequence[str], arguments: Sequence[Any]) -> Any:
        loop = asyncio.get_running_loop()
        call = _Call(script, places, arguments, loop.create_future(), loop.time())
        self._waiting.append(call)
        if len(self._working) < CONNECTIONS:
            task = loop.create_task(self._work())
            self._working.add(task)
            task.add_done_callback(self._working.discard)
        return await call.done

    async def _work(self) -> None:
        """Send what waits, until nothing does."""
        while self._waiting:
            some = [self._waiting.popleft() for _ in range(min(len(self._waiting), AT_ONCE))]
            calls = [call for call in some if not call.done.done()]
            if not calls:
                continue
            try:
                async with asyncio.timeout(self._budget):
                    answers = await self._sent(calls)
            except (StoreError, redis.RedisError, OSError, TimeoutError) as error:
                self._fail(calls, error if isinstance(error, StoreError) else ours(error))
            else:
                for call, answer in zip(calls, answers, strict=True):
                    _conclude(call, answer)

    async def _sent(self, calls: Sequence[_Call]) -> list[Any]:
        """The answers to these, each in its place. UnconfirmedError: they happened, and replicas did not confirm it."""
        answers = await self._piped(calls)
        gone = [n for n, answer in enumerate(answers) if isinstance(answer, redis.RedisError) and _unfound(answer)]
        if gone:
            await self._load({calls[n].script for n in gone})
            again = await self._piped([calls[n] for n in gone])
            for n, answer in zip(gone, again, strict=True):
                answers[n] = answer
        return answers

    async def _piped(self, calls: Sequence[_Call]) -> list[Any]:
        confirm = self._confirm if any(call.script in CONFIRMED for call in calls) else None
        async with self._redis.pipeline(transaction=False) as pipe:
            for command in (*map(self._command, calls), *(confirm.commands if confirm else ())):
                pipe.execute_command(*command)
            answers: list[Any] = await pipe.execute(raise_on_error=False)
        if confirm:
            confirm.check(answers[len(calls) :], answers[: len(calls)])
        return answers[: len(calls)]

    def _command(self, call: _Call) -> tuple[Any, ...]:
        if not call.script:
            return tuple(call.arguments)
        rest = (len(call.places), *call.places, *call.arguments)
        if self._by_function:
            return ("FCALL", function(call.script), *rest, digest(call.script))
        return ("EVALSHA", self._digests.get(call.script, ""), *rest)

    async def _load(self, scripts: set[str]) -> None:
        """There are no functions of this release here, so these are called as scripts; whoever may not looks for the
        functions again at the next call."""
        self._by_function = False
        try:
            for script in scripts:
                self._digests[script] = await self._redis.script_load(source(script))
        except redis.exceptions.NoPermissionError:
            self._by_function = True
            raise StoreError(NO_WAY) from None

    def _fail(self, calls: Sequence[_Call], error: StoreError) -> None:
        """All of these, and all who have waited for as long as Redis is waited for."""
        latest = asyncio.get_running_loop().time() - self._budget
        late = []
        while self._waiting and self._waiting[0].since <= latest:
            late.append(self._waiting.popleft())
        for call in (*calls, *late):
            if not call.done.done():
                call.done.set_exception(type(error)(*error.args))


def _unfound(answer: redis.RedisError) -> bool:
    return missing(answer) or isinstance(answer, redis.exceptions.NoScriptError)


def _conclude(call: _Call, answer: Any) -> None:
    if call.done.done():
        return
    if isinstance(answer, redis.RedisError):
        call.done.set_exception(ours(answer))
    else:
        call.done.set_result(answer)
