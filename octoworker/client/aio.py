"""The doors of `octoworker` for coroutines: `aenqueue`, `aenqueue_many`, `astatus`, `acancel`, `areschedule`.

Each says what its twin without the `a` says, with the same errors within the same second. A Redis that hangs stops no loop.
Reading a message (its numbers, its text) takes a tenth of a millisecond in the loop itself. Each loop has connections of its
own, made at its first call; `aclose` gives them back.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable
from functools import partial
from typing import Literal, TypeVar, Unpack, overload
from weakref import WeakKeyDictionary

from octoworker import environment
from octoworker.client import client as twins
from octoworker.client.client import Client, MessageId, not_taken
from octoworker.errors import RefusedError, StoreError, UnknownMessageError
from octoworker.sms import identity
from octoworker.sms.shapes import Instant, MessageRecord, SmsArguments
from octoworker.store.aio import AsyncStore

T = TypeVar("T")

_stores: WeakKeyDictionary[asyncio.AbstractEventLoop, tuple[int, AsyncStore]] = WeakKeyDictionary()
"""By loop: the process that made it, and its store."""


async def aenqueue(*, replace: bool = False, **message: Unpack[SmsArguments]) -> MessageId:
    """`enqueue` for a coroutine: take an SMS and return its message id."""
    if twins.stand_in() is not None:
        return twins.enqueue(replace=replace, **message)
    twins.check_names(message)
    if replace and message.get("idempotency_key") is None:
        raise TypeError(twins.NO_KEY)
    mine = twins.client()
    asked = mine.asked(message, identity.new_incarnation() if replace else "")
    try:
        if replace:
            outcome, before = await store().ask(asked.replaced)
            return await _finished(mine, partial(mine.replaced, asked, outcome, before))
        taken = await store().ask(asked.created)
    except StoreError as error:
        raise not_taken(error) from None
    return await _finished(mine, partial(mine.taken, asked, taken))


async def aenqueue_many(messages: Iterable[SmsArguments]) -> list[MessageId]:
    """`enqueue_many` for a coroutine: take many messages and return their ids, in order."""
    listed = list(messages)
    if twins.stand_in() is not None:
        return twins.enqueue_many(listed)
    for arguments in listed:
        twins.check_names(arguments)
    mine = twins.client()
    ids, batches = mine.batches(listed)
    replies = []
    for batch in batches:
        create = partial(batch.created, job=mine.jobs_of(batch.messages, batch.lane))
        try:
            replies.append(await store().ask(create))
        except StoreError as error:
            raise not_taken(error) from None
        await _finished(mine, partial(mine.taken_many, batch.messages, batch.lane, replies[-1]))
    return twins.named(ids, batches, replies)


async def astatus(message_id: str) -> MessageRecord | None:
    """`status` for a coroutine: the record of a message; None when there is none."""
    if twins.stand_in() is not None:
        return twins.status(message_id)
    record = await store().get(identity.known_id(message_id))
    return record.as_json() if record else None


@overload
async def acancel(message_id: str, *, missing_ok: Literal[False] = False) -> MessageRecord: ...
@overload
async def acancel(message_id: str, *, missing_ok: bool) -> MessageRecord | None: ...
async def acancel(message_id: str, *, missing_ok: bool = False) -> MessageRecord | None:
    """`cancel` for a coroutine: stop a message that has not gone yet."""
    if twins.stand_in() is not None:
        return twins.cancel(message_id, missing_ok=missing_ok)
    its, known = store(), identity.known_id(message_id)
    try:
        return (await its.ask(lambda plan: plan.cancel(known))).as_json()
    except UnknownMessageError:
        if not missing_ok:
            raise
        return None
    except RefusedError:
        found = await its.get(known) if missing_ok else None
        if found is None or not twins.is_unsent(found):
            raise
        return found.as_json()


async def areschedule(message_id: str, send_at: Instant) -> MessageRecord:
    """`reschedule` for a coroutine: move a message that is held here to another time."""
    if twins.stand_in() is not None:
        return twins.reschedule(message_id, send_at)
    its, known = store(), identity.known_id(message_id)
    change = twins.client().change_of_time(known, send_at, await its.get(known))
    return (await its.ask(change)).as_json()


async def aclose() -> None:
    """Give this loop's connections back. The next call makes new ones."""
    _, its = _stores.pop(asyncio.get_running_loop(), (0, None))
    if its is not None:
        await its.close()


def store() -> AsyncStore:
    """This loop's store, made at its first use and again after a fork."""
    loop, pid = asyncio.get_running_loop(), os.getpid()
    made_by, its = _stores.get(loop, (0, None))
    if its is None or made_by != pid:
        shared = environment.load()
        plan = partial(twins.opened, shared, twins.TIMEOUT)
        its = AsyncStore(
            shared.redis_url, plan, budget=twins.BUDGET, confirm=twins.confirm(shared.confirm, twins.TIMEOUT)
        )
        _stores[loop] = (pid, its)
    return its


async def _finished(mine: Client, finish: Callable[[], T]) -> T:
    """What follows the answer. Where the broker is elsewhere, kombu publishes, which would stop the loop."""
    return finish() if mine.one_redis else await asyncio.to_thread(finish)
