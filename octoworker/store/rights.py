"""What each user of Redis may do, by list: whatever is not named here is refused, and so is a key that is new.

Adding a key, a command or a script? Name it here, at each user whose job needs it, and run `make docs`: it writes the `user`
lines of deploy/redis/redis.conf. tests/deploy/test_redis_rights.py says what a script needs that is not named, and
tests/deploy/test_redis_users.py tries it on a server.

A script runs with the rights of whoever calls it: who may call a function must have each of its commands and keys, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from octoworker.store import keys
from octoworker.store.scripts import function, parts_of, read

LISTS = ("sms", "sms.*", "sms\\x06\\x16*")
"""The lanes' lists, as redis.conf writes them; the last has kombu's separator, behind which a priority stands."""

CONNECTING = ("auth", "client|setinfo", "client|setname", "hello", "ping", "quit", "reset", "select", "time")

READING = ("hexists", "hget", "hgetall", "hmget", "ttl", "zcard", "zcount", "zrange")
"""What our Python asks by itself, without a script."""


@dataclass(frozen=True)
class User:
    """One user's rights."""

    scripts: tuple[str, ...]
    """Those it may call, as functions."""
    commands: tuple[str, ...]
    keys: tuple[str, ...]
    """Patterns that it may read and write."""
    reads: tuple[str, ...] = ()
    """Patterns that it may read."""
    writes: tuple[str, ...] = ()
    """Patterns that it may write and not read."""
    unused: tuple[str, ...] = ()
    """Commands and beginnings of keys that stand in parts of its scripts which these never run."""
    rest: str = ""
    """What follows, as redis.conf writes it: sets of rights that hold beside these."""

    @property
    def line(self) -> str:
        """Its rights as redis.conf has them."""
        patterns = [
            *(f"~{each}" for each in self.keys),
            *(f"%R~{each}" for each in self.reads),
            *(f"%W~{each}" for each in self.writes),
        ]
        called = (f"fcall|{function(script)}" for script in self.scripts)
        allowed = [f"+{each}" for each in sorted({*self.commands, *called})]
        return " ".join(
            ["on resetkeys resetchannels", *patterns, "-@all", *allowed, *([self.rest] if self.rest else [])]
        )


def _selector(patterns: Iterable[str], *commands: str) -> str:
    return "(" + " ".join([*patterns, "-@all", *(f"+{each}" for each in commands)]) + ")"


def _quoted(pattern: str) -> str:
    return f'"{pattern}"' if "\\" in pattern else pattern


# `%W` is enough to ask how long something is, and no more.
LENGTHS = _selector([_quoted(f"%W~{each}") for each in (*LISTS, "unacked")], "llen", "hlen")

STREAMS = _selector((f"%R~{keys.INBOX}", f"%R~{keys.OUTBOX}", f"%R~{keys.UNREADABLE}"), "xlen")
"""How much came in and is to go out, and nothing of it."""

PUBLISHING = _selector([_quoted(f"%W~{each}") for each in LISTS], "lpush", "llen")
"""Jobs into the lanes, and nothing out of them."""

BINDING = _selector(
    (
        "~_kombu.binding.sms",
        "~_kombu.binding.sms.*",
        "~_kombu.binding_permanent.sms",
        "~_kombu.binding_permanent.sms.*",
    ),
    *("sadd", "smembers", "scard", "exists"),
)
"""What kombu notes of a queue when it publishes to it."""

EVENTS = (
    "(~_kombu.binding.celeryev ~_kombu.binding_permanent.celeryev ~_kombu.binding.*unheard.pidbox "
    "~_kombu.binding_permanent.*unheard.pidbox ~celeryev.* ~*.reply.unheard.pidbox* resetchannels "
    "&/0.celeryev &/0.celeryev/* &/0.unheard.pidbox -@all +brpop +lpush +publish +sadd +srem +smembers +scard +llen "
    "+exists +del +time +subscribe +psubscribe +unsubscribe +punsubscribe +multi +exec)"
)
"""What Celery needs to listen to events. What Flower says goes to an exchange of its own that no worker hears
(deploy/flower/celeryconfig.py)."""

USERS = {
    "producer": User(
        scripts=("cancel", "check_code", "create", "create_many", "replace", "reschedule", "start_code"),
        commands=(
            *CONNECTING,
            *READING,
            *("multi", "exec", "discard", "info"),
            *(
                "del",
                "exists",
                "expire",
                "get",
                "hdel",
                "hincrby",
                "hlen",
                "hset",
                "persist",
                "pexpire",
                "pttl",
                "set",
                "wait",
                "xadd",
                "zadd",
                "zrem",
            ),
        ),
        keys=(
            f"{keys.RECORD_PREFIX}*",
            keys.DUE,
            keys.CONSUMED_UNTIL,
            f"{keys.STATE_PREFIX}*",
            f"{keys.BACKLOG_PREFIX}*",
            keys.RECALLS,
            f"{keys.RECALLS}:*",
            f"{keys.CAMPAIGN_PREFIX}*",
            f"{keys.CAMPAIGN_FILE_PREFIX}*",
            keys.CAMPAIGN_LIST,
            f"{keys.CODES}*",
            f"{keys.CAMPAIGN_SENT_PREFIX}*",
            # What a message that is stopped gives back.
            f"{keys.CAP_PREFIX}*",
            f"{keys.DAY_PREFIX}*",
        ),
        reads=(keys.OPT_OUTS, keys.EVENTS_TO, keys.WEBHOOKS_TO),
        writes=(keys.EVENTS, keys.OUTBOX, keys.WEBHOOKS, keys.WEBHOOKS_DUE, keys.CONFIRMED, keys.AUDIT),
        rest=f"{PUBLISHING} {BINDING}",
    ),
    "receiver": User(
        scripts=("receive",),
        commands=(*CONNECTING, "hmget", "hset", "pexpire", "set", "wait", "xadd", "xtrim"),
        keys=(keys.INBOX, keys.UNREADABLE, keys.OPT_OUTS),
        writes=(keys.CONFIRMED,),
        unused=("pttl", "xack", "xdel", "zadd", keys.HELD_PREFIX, keys.WORKERS),
    ),
    "viewer": User(
        scripts=(),
        commands=(*CONNECTING, *READING, "multi", "exec", "info"),
        keys=(),
        reads=(
            keys.DUE,
            keys.CONSUMED_UNTIL,
            keys.FLOW_CONTROL,
            f"{keys.FLOW_CONTROL}:*",
            keys.BREAKER,
            f"{keys.BREAKER}:*",
            keys.ACCOUNT,
            f"{keys.ACCOUNT}:*",
            keys.ACCOUNTS,
            keys.CLOCKS,
            f"{keys.CODES}total",
            f"{keys.CODES}day:*",
            f"{keys.STATE_PREFIX}*",
            f"{keys.BACKLOG_PREFIX}*",
            f"{keys.DAY_PREFIX}*",
            keys.WORKERS,
            keys.BROKEN_RECORDS,
            keys.WEBHOOKS_DUE,
            keys.WEBHOOKS_DEAD,
            keys.WEBHOOKS_ENDPOINT,
            keys.NOWHERE,
        ),
        rest=f"{STREAMS} {LENGTHS} {EVENTS}",
    ),
    "scaler": User(
        scripts=(),
        commands=(*CONNECTING,),
        keys=(),
        # A script's keys must be its to read and write; what it may do with them are the commands here.
        rest=_selector([_quoted(f"~{each}") for each in LISTS], "llen", "type", "eval", "evalsha"),
    ),
}
"""Everybody but the worker, who may run scripts, and `admin`, who may do everything."""

_COMMAND = re.compile(r"redis\.p?call\('([A-Z]+)'")
_KEY = re.compile(rf"\b({'|'.join(keys.NAMES_IN_LUA)})\b")


def commands_of(script: str) -> set[str]:
    """The commands in a script and its parts."""
    return {each.lower() for part in parts_of(script) for each in _COMMAND.findall(read(part))}


def keys_of(script: str) -> set[str]:
    """The beginnings of the keys that a script and its parts name."""
    named = {each for part in parts_of(script) for each in _KEY.findall(_code(read(part)))}
    return {keys.NAMES_IN_LUA[each] for each in named}


def _code(text: str) -> str:
    """A script without its comments."""
    return re.sub(r"--.*", "", text)


_USER = re.compile(r"^user (\w+) on .*$", re.MULTILINE)


def written(conf: str) -> str:
    """redis.conf with the lines of these users written anew."""
    return _USER.sub(lambda line: f"user {line[1]} {USERS[line[1]].line}" if line[1] in USERS else line[0], conf)


def missing(name: str) -> Iterator[str]:
    """What a user's scripts need and this page does not name."""
    user = USERS[name]
    for script in user.scripts:
        for command in sorted(commands_of(script) - {*user.commands, *user.unused, "lpush"}):
            yield f"{name} may call {script}, which runs {command.upper()}"
        for key in sorted(keys_of(script)):
            named = (pattern.rstrip("*") for pattern in (*user.keys, *user.reads, *user.writes, *user.unused))
            if not any(key.startswith(pattern) for pattern in named):
                yield f"{name} may call {script}, which names {key}"
