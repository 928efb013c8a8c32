"""The Redis server itself: what it is, what it keeps, how fast it answers. What this user may not ask is None."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, NamedTuple, TypeVar

import redis

from octoworker.sms import lanes
from octoworker.sms.jobs import BULK_TASK, TASK
from octoworker.store import clock, keys
from octoworker.store.confirm import Confirm
from octoworker.store.scripts import MayNotError, guard, unfit

T = TypeVar("T")

BINDING = "_kombu.binding."

COMPACT_UP_TO = 2048
"""Bytes of a field (`hash-max-listpack-value`) up to which Redis shall keep a hash in its small form. A payload or a history has
some hundreds; with Redis' own 64 a record takes more than half as much memory again (`make bench-memory`)."""


@dataclass(frozen=True)
class Server:
    """One look."""

    answer: timedelta
    drift: timedelta
    """How far this machine's clock is ahead of Redis'."""
    name: str = "Redis"
    version: str | None = None
    appends: bool | None = None
    """Whether there is an append-only file."""
    appends_well: bool = True
    appendfsync: str | None = None
    eviction: str | None = None
    compact_up_to: int | None = None
    """The longest field with which a record is still kept in its small form, bytes."""
    memory: int | None = None
    memory_limit: int | None = None
    """Bytes; None when there is no limit, or it may not be asked for."""
    cluster: bool = False
    set_aside: int = 0
    """Jobs that could not be read or ended several workers (`keys.JOBS_SET_ASIDE`)."""
    unreadable: int = 0
    """Records on which a script failed (`keys.BROKEN_RECORDS`)."""
    unread: Mapping[str, int] = field(default_factory=dict)
    """Queues that no worker of ours reads, and how many jobs stand there that somebody means for us."""
    jobs_eviction: str | None = None
    jobs_append: bool | None = None
    """The same of the Redis of the jobs, where that is another one."""
    replicas: int | None = None
    """How many follow it now; None: that may not be asked for, or it is a replica itself."""
    confirmation: timedelta | None = None
    """How long the replicas that were asked took to confirm one write; None: none was asked, or too few confirmed it."""
    confirmed_by: int = 0
    """How many did, in time."""
    refuses: str | None = None
    """Why it writes nothing, though it answers; None when it writes, or that may not be asked for."""


def examine(client: redis.Redis, confirm: Confirm | None = None, jobs: redis.Redis | None = None) -> Server:
    """Look at it. `confirm`: what replicas are asked to confirm; `jobs`: the Redis of the jobs, where it is another one.
    StoreError when it is out of reach."""
    found: Server = guard(lambda: _examined(client))
    if jobs is not None:
        found = replace(found, **_of_jobs(jobs), **_of_their_redis(jobs))
    return replace(found, **_confirmation(client, confirm)) if confirm else found


def appendfsync(client: redis.Redis) -> str | None:
    """When it writes to its disk: `no append-only file`, or the policy; None when this user may not ask. StoreError: it is away."""

    def ask() -> str | None:
        config = _asked(lambda: client.config_get("append*"))
        if config.get("appendonly", "yes") == "no":
            return NO_FILE
        return config.get("appendfsync")

    return guard(ask)  # type: ignore[no-any-return]


class Lineage(NamedTuple):
    """Which stream of writes a Redis has, and how far it goes."""

    id: str
    """Another one after a failover, and after a restart."""
    offset: int
    """Bytes, up to now."""
    before: str = ""
    """The stream that it followed until it was promoted."""
    followed_until: int = 0
    """The first byte of that one which it does not have."""

    def lost_since(self, seen: Lineage) -> int | None:
        """Bytes of what was written up to `seen` that are not here, at the least; None: nobody can tell."""
        if self.id == seen.id:
            return 0
        return max(0, seen.offset + 1 - self.followed_until) if self.before == seen.id else None


def lineage(client: redis.Redis) -> Lineage | None:
    """None where this user may not ask, or that server does not tell. StoreError: it is out of reach."""
    said: Mapping[str, Any] = guard(lambda: _asked(lambda: client.info("replication")))
    if said.get("role") != "master" or "master_replid" not in said:
        return None
    return Lineage(
        str(said["master_replid"]),
        int(said.get("master_repl_offset", 0)),
        str(said.get("master_replid2", "")),
        int(said.get("second_repl_offset", 0)),
    )


NO_FILE = "no append-only file"

TRIES = 5
"""Writes that are confirmed to tell what one costs: the middle one counts."""


def _confirmation(client: redis.Redis, confirm: Confirm) -> dict[str, Any]:
    def ask() -> list[tuple[float, int]]:
        found = []
        for _ in range(TRIES):
            began = time.perf_counter()
            with client.pipeline(transaction=False) as pipe:
                for command in confirm.commands:
                    pipe.execute_command(*command)  # type: ignore[no-untyped-call]  # so in its stubs
                confirmed_by = pipe.execute()[-1]
            found.append((time.perf_counter() - began, int(confirmed_by)))
            if confirmed_by < confirm.replicas:
                break
        return found

    tries = _asked(lambda: {"tries": ask()}).get("tries")
    if not tries:
        return {}
    fewest = min(count for _, count in tries)
    middle = sorted(took for took, _ in tries)[len(tries) // 2]
    enough = fewest >= confirm.replicas
    return {"confirmed_by": fewest, "confirmation": timedelta(seconds=middle) if enough else None}


def fitness(client: redis.Redis) -> tuple[bool, str]:
    """Whether it is a cluster, and its policy for evicting ("": unknown), by what every user of ours may ask. StoreError: it is away."""

    def ask() -> tuple[bool, str]:
        policy = _asked(lambda: client.info("memory")).get("maxmemory_policy", "")
        return _is_cluster(_asked(lambda: client.info("server"))), str(policy)

    return guard(ask)  # type: ignore[no-any-return]


def _is_cluster(info: Mapping[str, Any]) -> bool:
    return (info.get("redis_mode") or info.get("server_mode")) == "cluster"


def allowed(question: Callable[[], T]) -> T | None:
    """The answer; None when this user of Redis may not ask. StoreError when it is out of reach."""
    try:
        return guard(question)  # type: ignore[no-any-return]
    except MayNotError:
        return None


def _examined(client: redis.Redis) -> Server:
    client.ping()
    clocks = clock.look(client)
    found = _asked(lambda: client.info("server"))
    filled = _asked(lambda: client.info("memory"))
    kept = _asked(lambda: client.info("persistence"))
    follows = _asked(lambda: client.info("replication"))
    config = dict[str, Any]()
    for some in ("append*", "maxmemory-policy", "hash-max-listpack-value"):
        config |= _asked(lambda some=some: client.config_get(some))  # type: ignore[misc]
    appends = {"yes": True, "no": False}.get(config.get("appendonly", ""))
    if appends is None and "aof_enabled" in kept:
        appends = bool(kept["aof_enabled"])
    version = found.get("valkey_version") or found.get("redis_version")
    return Server(
        clocks.answer,
        clocks.drift,
        name="Valkey" if "valkey_version" in found else "Redis",
        version=str(version) if version else None,
        appends=appends,
        appends_well=kept.get("aof_last_write_status", "ok") == "ok",
        appendfsync=config.get("appendfsync"),
        eviction=config.get("maxmemory-policy") or filled.get("maxmemory_policy"),
        compact_up_to=int(config["hash-max-listpack-value"]) if "hash-max-listpack-value" in config else None,
        memory=filled.get("used_memory"),
        memory_limit=filled.get("maxmemory") or None,
        cluster=_is_cluster(found),
        unreadable=_asked(lambda: {"records": client.zcard(keys.BROKEN_RECORDS)}).get("records", 0),
        replicas=follows.get("connected_slaves") if follows.get("role") == "master" else None,
        refuses=refusal({**kept, **follows}),
        **_of_jobs(client),
    )


def _of_jobs(client: redis.Redis) -> dict[str, Any]:
    """What lies where no worker takes it. Nothing of a broker that is away: whoever asks for the workers says so."""
    try:
        return {
            "set_aside": _asked(lambda: {"jobs": client.llen(keys.JOBS_SET_ASIDE)}).get("jobs", 0),
            "unread": _asked(lambda: _unread(client)),
        }
    except (redis.ConnectionError, redis.TimeoutError):
        return {}


def _of_their_redis(client: redis.Redis) -> dict[str, Any]:
    try:
        policy = _asked(lambda: client.info("memory")).get("maxmemory_policy")
        kept = _asked(lambda: client.info("persistence")).get("aof_enabled")
    except (redis.ConnectionError, redis.TimeoutError):
        return {}
    return {"jobs_eviction": policy, "jobs_append": None if kept is None else bool(kept)}


def _unread(client: redis.Redis) -> dict[str, int]:
    """Where producers put jobs beside our queues: into one with a name like ours, or ours into one of another name, as Celery's
    own `celery`. kombu keeps a set for each queue that somebody has named."""
    named = (str(key).removeprefix(BINDING) for key in client.scan_iter(f"{BINDING}*", count=1000))
    strays = [queue for queue in named if queue not in lanes.QUEUES.values()]
    return {queue: jobs for queue in strays if (jobs := _strays(client, queue))}


LOOKED_THROUGH = 100
"""Jobs of a queue with another name, the oldest: it is read by whoever it belongs to, who throws ours away."""


def _strays(client: redis.Redis, queue: str) -> int:
    try:
        if queue.startswith(tuple(lanes.QUEUES.values())):
            return int(client.llen(queue))
        return sum(map(_is_ours, client.lrange(queue, -LOOKED_THROUGH, -1)))
    except redis.ResponseError:  # it is none, or this user may not look
        return 0


def _is_ours(job: str | bytes) -> bool:
    """Whether a job names a task of ours."""
    try:
        return json.loads(job)["headers"]["task"] in (TASK, BULK_TASK)
    except (ValueError, TypeError, LookupError, RecursionError):
        return False


def refusal(info: Mapping[str, Any]) -> str | None:
    """Why a Redis that answers takes nothing new, from what INFO says. None: it does. A full one is told by its memory."""
    if info.get("role") == "slave":
        return "it is a replica"
    if info.get("aof_enabled") and info.get("aof_last_write_status", "ok") != "ok":
        return "its append-only file cannot be written"
    # Told only where min-replicas-to-write is set.
    if info.get("min_slaves_good_slaves") == 0:
        return "no replica follows it (min-replicas-to-write)"
    return None


def _asked(question: Callable[[], Any]) -> dict[str, Any]:
    """The answer; nothing when this user of Redis may not ask. A Redis that will never do says so here, too."""
    try:
        return dict(question())
    except redis.ResponseError as error:
        if unfit(error):
            raise
        return {}
