"""The checks of `doctor`: what an operator would look at first, each with what to do about it.

It sends nothing, changes nothing, and asks Octopush for the balance alone. It says what it may not look at.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from http import HTTPStatus
from typing import Any
from urllib.error import HTTPError
from urllib.parse import parse_qs, urlsplit
from urllib.request import Request, getproxies, proxy_bypass, urlopen
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from octoworker import environment
from octoworker.config import Settings
from octoworker.errors import GatewayError, RefusedByProviderError, SettingsError, StoreError, UnfitRedisError
from octoworker.gateway import Gateway
from octoworker.sms import lanes
from octoworker.sms.destinations import table
from octoworker.sms.destinations.table import Line
from octoworker.sms.record import SENT, Record, State, iso
from octoworker.store import FILLING, FULL, Board, assessment
from octoworker.store.assessment import Finding, Grade
from octoworker.store.epoch import RolledBack
from octoworker.store.functions import Loaded
from octoworker.store.server import COMPACT_UP_TO, Server
from octoworker.web.receiver import ROOT

OLDEST_REDIS = (7, 0)
SLOW = timedelta(milliseconds=5)
"""Above this each send feels how long an answer of Redis takes: it asks three times."""

DRIFT = timedelta(seconds=1)
"""How far this machine's clock may be away from Redis'."""

ASKED_DIRECTLY = frozenset({"redis", "memory", "workers"})
"""What is not judged from the board here: the server and the workers are asked themselves."""

REACHED_WITHIN = 3.0
"""Seconds for an answer of our own receiver."""

QUICK = 0.5
"""Seconds in which each worker must have told which queues it reads."""

Readers = Callable[[], Mapping[str, list[str]] | None]
"""Who reads which queues: worker name -> queues. None: this user of Redis may not ask."""


def _ok(name: str, says: str) -> Finding:
    return Finding(name, Grade.OK, says)


def _warning(name: str, says: str, do: str) -> Finding:
    return Finding(name, Grade.WARNING, says, do)


def _problem(name: str, says: str, do: str) -> Finding:
    return Finding(name, Grade.PROBLEM, says, do)


def of_contradictions(error: SettingsError) -> Iterator[Finding]:
    """Settings that cannot be read, or contradict each other. Nothing else can be looked at before they are mended."""
    for problem in error.problems:
        yield _problem("settings", problem, "see docs/configuration.md, then run the doctor again")


def of_names(unknown: Iterable[str]) -> Iterator[Finding]:
    """Variables that look like ours."""
    for sentence in unknown:
        yield _warning("unknown", sentence, "write it as docs/configuration.md does, or unset it")


def of_no_redis(error: StoreError) -> Finding:
    """What the doctor says when nothing else can be looked at."""
    if isinstance(error, UnfitRedisError):
        return _problem("redis", str(error), "see docs/guarantees.md, What Redis must be set to")
    return _problem("redis", str(error), "look at OCTOWORKER_REDIS_URL or REDIS_URL, and whether it runs")


def of_settings(settings: Settings, environ: Mapping[str, str] = os.environ) -> Iterator[Finding]:
    """What the settings say, each for itself and together."""
    yield _ok("settings", "do not contradict each other")
    missing = settings.missing_account()
    yield _problem("account", missing[0], "set it; nothing can be sent") if missing else _ok("account", "set")
    if settings.message.sender:
        yield _ok("sender", "set")
    else:
        yield _warning(
            "sender",
            "no default sender",
            "set OCTOWORKER_SENDER, or every message must name one (3 to 11 letters, digits)",
        )
    if settings.account.simulate:
        yield _warning(
            "simulate", "Octopush is asked to simulate: no handset rings", "unset OCTOWORKER_SIMULATE to send"
        )
    yield _of_caps(settings)
    try:
        ZoneInfo("Europe/Paris")
    except ZoneInfoNotFoundError:
        yield _problem("zone", "this machine does not know Europe/Paris", "install tzdata: hours and dates need it")
    else:
        yield _ok("zone", "Europe/Paris is known")
    if through_a_proxy(settings.account.url):
        yield _warning(
            "proxy",
            "calls go through the proxy of this environment",
            "unset HTTPS_PROXY, or set NO_PROXY, if not meant",
        )
    yield from _of_secrets(settings, environ)


def of_destinations(settings: Settings, today: date) -> Iterator[Finding]:
    """What will not arrive with these settings, as the table of destinations has it, and how old that table is."""
    choices, sender = settings.destinations.choices, settings.message.sender
    unregistered = sorted(
        country
        for country in table.places() & (settings.message.countries or table.places())
        for line in table.of(country)
        if line.kind == "sender_register" and choices.of(line, country) != "off"
        if sender and not choices.is_registered(sender, country)
    )
    if unregistered:
        yield _warning(
            "register",
            f"OCTOWORKER_SENDER is not registered in {', '.join(unregistered)}: SMS to there may be blocked or marked",
            "register it there and say so in OCTOWORKER_SENDERS, or leave them out of OCTOWORKER_COUNTRIES",
        )
    for line in _lines_of_the_sender(settings):
        yield _warning("sender", f"OCTOWORKER_SENDER: {line.says}", "octoworker destinations FR")
    if other := _not_french(settings):
        yield _warning(
            "type",
            f"OCTOWORKER_SMS_TYPE is FR, and an SMS may go to {other}",
            "send those with sms_type WWW, or set OCTOWORKER_COUNTRIES=FR",
        )
    if old := sorted({line.kind for line in table.old(today)}):
        yield _warning(
            "table",
            f"what is known of destinations was last looked up more than a year ago: {', '.join(old)}",
            "take a newer release of octoworker, or look at octoworker destinations",
        )


def _lines_of_the_sender(settings: Settings) -> Iterator[Line]:
    """Lines of France that the default sender meets."""
    sender, choices = settings.message.sender, settings.destinations.choices
    for line in table.of("FR"):
        general = line.kind == "sender_word" and sender and sender.lower() in line.values
        digits = line.kind == "sender_digits" and sender and sender.isdigit()
        if (general or digits) and choices.of(line, "FR") != "off" and not choices.is_registered(sender or "", "FR"):
            yield line


def _not_french(settings: Settings) -> str:
    """How many countries that are not French an SMS may go to, when the default type is made for France alone."""
    choices = settings.destinations.choices
    line = next(each for each in table.lines() if each.kind == "type")
    if settings.message.sms_type != "FR" or choices.of(line, "") == "off":
        return ""
    if not settings.message.countries:
        return "every country"
    others = [country for country in settings.message.countries if line.holds_for(country)]
    return f"{len(others)} other countries" if others else ""


def _of_caps(settings: Settings) -> Finding:
    caps = (
        settings.caps.hour,
        settings.caps.day,
        settings.caps.week,
        settings.caps.same_text,
        settings.caps.countries_text,
        settings.caps.money,
    )
    if any(caps):
        return _ok("caps", "set")
    return _warning(
        "caps",
        "no cap: a runaway loop would spend the whole credit",
        "set OCTOWORKER_CAP_MONEY, OCTOWORKER_CAP_DAY or another cap",
    )


def _of_secrets(settings: Settings, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Who could read what, on the way and where it lies."""
    addresses = {
        environment.RECORDS: settings.redis.records_url,
        environment.BROKER: settings.redis.broker_url,
        environment.RESULTS: settings.redis.result_backend,
    }
    for variables, url in addresses.items():
        if unverified(url):
            yield _warning(
                "tls",
                f"{environment.first_of(variables, environ)[0]} does not verify the server's certificate",
                "use ssl_cert_reqs=required",
            )
    if "OCTOPUSH_API_KEY" in environ:
        yield _warning(
            "secret",
            "the API key stands in the environment",
            "give its file with OCTOPUSH_API_KEY_FILE where others can look",
        )
    if not settings.opt_outs.number_keys:
        yield _warning(
            "opt-outs",
            "no key for the numbers of those who said STOP: whoever reads the list can find them by trying all numbers",
            "set OCTOWORKER_NUMBER_KEYS_FILE, the same for workers and the receiver",
        )


def through_a_proxy(url: str) -> bool:
    """Whether the environment sends calls there through a proxy. Plain http goes to this machine only, and directly."""
    parts = urlsplit(url)
    return (
        parts.scheme == "https"
        and bool({"https", "all"} & getproxies().keys())
        and not proxy_bypass(parts.hostname or "")
    )


def unverified(url: str) -> bool:
    """Whether anybody could answer at this address."""
    parts = urlsplit(url)
    return parts.scheme in {"rediss", "sentinels"} and set(parse_qs(parts.query).get("ssl_cert_reqs", ())) != {
        "required"
    }


def of_redis(server: Server) -> Iterator[Finding]:
    """The server: what it is, what it keeps, how fast it is."""
    took = f"{server.answer / timedelta(milliseconds=1):.1f} ms for an answer"
    if server.answer > SLOW:
        yield _warning("latency", took, "bring Redis nearer: each send asks three times")
    else:
        yield _ok("latency", took)
    if abs(server.drift) > DRIFT:
        yield _warning(
            "clock",
            f"this machine is {server.drift.total_seconds():+.1f} s away from Redis",
            "run NTP on both; Redis' clock counts",
        )
    else:
        yield _ok("clock", "agrees with Redis")
    if server.version is None:
        yield _hidden("version", "INFO")
    elif tuple(int(part) for part in server.version.split(".")[:2] if part.isdigit()) < OLDEST_REDIS:
        yield _problem("version", f"{server.name} {server.version}", "use Redis 7 or later, or Valkey 8")
    else:
        yield _ok("version", f"{server.name} {server.version}")
    if server.cluster:
        yield _problem(
            "cluster", "this Redis is a cluster, which cannot change several keys in one step", "use one that is none"
        )
    yield _persistence(server)
    if server.eviction is None:
        yield _hidden("eviction", "CONFIG")
    elif server.eviction != "noeviction":
        yield _problem(
            "eviction",
            f"maxmemory-policy {server.eviction}: Redis may throw messages away",
            "set it to noeviction; or, if that Redis is a cache, give octoworker its own with OCTOWORKER_REDIS_URL",
        )
    else:
        yield _ok("eviction", "noeviction")
    yield _memory(server)
    yield from _record_size(server)
    if server.refuses:
        yield _problem(
            "writes",
            f"Redis takes nothing that is written: {server.refuses}",
            "see docs/operations.md, Redis writes nothing",
        )


def _record_size(server: Server) -> Iterator[Finding]:
    if server.compact_up_to is not None and server.compact_up_to < COMPACT_UP_TO:
        yield _warning(
            "record size",
            f"hash-max-listpack-value {server.compact_up_to}: a record takes more than half as much memory again",
            f"set hash-max-listpack-value {COMPACT_UP_TO}; records that are written from then on are small",
        )


def of_confirmation(settings: Settings, server: Server) -> Iterator[Finding]:
    """What must have a message before it counts as written, and what that costs."""
    wanted = settings.redis
    if wanted.confirm_by == "disk":
        yield _of_disk(server)
    elif wanted.confirm_by == "replica":
        yield _of_replicas(wanted.asked_replicas, wanted.replicas, server)
    elif server.replicas:
        yield _ok("confirm", f"none: a failover loses what its {_several(server.replicas)} had not got by then")


def _of_disk(server: Server) -> Finding:
    if server.appends is False or server.appendfsync not in (None, "always"):
        says = "OCTOWORKER_CONFIRM=disk, and Redis answers before it has written to its disk"
        return _problem("confirm", says, "set appendonly yes and appendfsync always there")
    if server.appendfsync is None:
        return _hidden("confirm", "CONFIG: appendfsync must be always")
    return _ok(
        "confirm",
        "on disk before each answer: what is above for an answer holds for reading, a write takes an fsync more",
    )


def _of_replicas(asked: int, there: int, server: Server) -> Finding:
    if server.confirmation is None:
        return _problem(
            "confirm",
            f"{server.confirmed_by} of {asked} replicas confirmed a write in time: nothing is taken and nothing sent",
            "look at INFO replication; see docs/operations.md, Replicas do not confirm",
        )
    took = f"{server.confirmed_by} of {_several(max(there, server.replicas or 0))}"
    cost = f"{took} confirmed a write in {server.confirmation / timedelta(milliseconds=1):.1f} ms: each send waits for two, enqueue for one"
    if there and server.replicas is not None and server.replicas != there:
        return _warning(
            "confirm", f"{cost}; {server.replicas} follow now", f"OCTOWORKER_REPLICAS says {there}: mend one of the two"
        )
    return _ok("confirm", cost)


def _several(replicas: int) -> str:
    return f"{replicas} replica{'s' if replicas != 1 else ''}"


def of_jobs(server: Server) -> Iterator[Finding]:
    """Jobs that nobody will ever do, and a Redis of their own that may lose them."""
    if server.jobs_eviction not in (None, "noeviction"):
        yield _problem(
            "jobs' Redis",
            f"maxmemory-policy {server.jobs_eviction} where the jobs are: it may throw them away",
            "set it to noeviction; or leave the broker out, and they stand where the records are",
        )
    if server.jobs_append is False:
        yield _warning(
            "jobs' Redis",
            "no append-only file where the jobs are: a restart loses those of plain send_task and delays the others",
            "set appendonly yes there; or leave the broker out, and they stand where the records are",
        )
    if server.set_aside:
        several = "jobs were" if server.set_aside > 1 else "job was"
        yield _warning(
            "set aside",
            f"{server.set_aside} {several} set aside: unreadable, or the end of several workers",
            "octoworker aside list, then put-back or discard; they are kept for a week",
        )
    if server.unreadable:
        several = "records are" if server.unreadable > 1 else "record is"
        yield _problem(
            "records",
            f"{server.unreadable} {several} not as octoworker writes them: the messages are not sent",
            "octoworker aside list; mend the record (HGETALL ow:message:ID), then put-back, or discard",
        )
    for queue, jobs in sorted(server.unread.items()):
        yield _problem(
            "unread",
            f"{queue!r}: {jobs} {'jobs' if jobs > 1 else 'job'} in a queue that no worker reads",
            f"send to {', '.join(lanes.QUEUES.values())}; move them with LMOVE",
        )


def _persistence(server: Server) -> Finding:
    if server.appends is None:
        return _hidden("persistence", "CONFIG, INFO")
    if not server.appends:
        return _problem(
            "persistence",
            "no append-only file: a restart of Redis loses messages",
            "set appendonly yes, and appendfsync everysec or always (deploy/redis/redis.conf)",
        )
    if not server.appends_well:
        return _problem("persistence", "the append-only file cannot be written", "look for a full disk on its machine")
    if server.appendfsync == "no":
        return _problem("persistence", "appendfsync no: the kernel decides what is kept", "set everysec or always")
    said = f"append-only file, appendfsync {server.appendfsync or 'not shown'}"
    takes = (
        ": a crash may take what was confirmed in its last second or two" if server.appendfsync == "everysec" else ""
    )
    return _ok("persistence", said + takes)


def _memory(server: Server) -> Finding:
    if server.memory is None:
        return _hidden("memory", "INFO")
    if server.memory_limit is None:
        return _ok("memory", f"{server.memory / 1e6:.1f} MB, no limit")
    share = server.memory / server.memory_limit
    said = f"{share:.0%} of {server.memory_limit / 1e6:.1f} MB"
    do = "give Redis more memory (maxmemory), or keep records for less long (OCTOWORKER_KEEP_FOR)"
    if share >= FULL:
        return _problem("memory", f"{said}: a full Redis takes no message", do)
    return _warning("memory", said, do) if share >= FILLING else _ok("memory", said)


def _hidden(name: str, what: str) -> Finding:
    return _warning(name, f"this user of Redis may not ask ({what})", "run the doctor as a user who may, once")


def of_workers(readers: Readers) -> Iterator[Finding]:
    """Who works, and whether every lane is read."""
    try:
        found = readers()
    except StoreError as error:
        yield _problem(
            "workers",
            f"nobody could be asked: {error}",
            "look at OCTOWORKER_BROKER_URL or CELERY_BROKER_URL, and whether it takes what is written",
        )
        return
    if found is None:
        yield _hidden("workers", "the channels of remote control")
        return
    read = {queue for queues in found.values() for queue in queues}
    unread = [queue for queue in lanes.QUEUES.values() if queue not in read]
    if not found:
        yield _problem("workers", "no worker answers", "start one: octoworker worker")
    elif unread:
        yield _problem("workers", f"{len(found)} answer, but none reads {', '.join(unread)}", "start a worker for it")
    else:
        yield _ok("workers", f"{len(found)} answer; every queue is read")


def of_functions(loaded: Loaded) -> Iterator[Finding]:
    """The functions that a web app calls when it may run no script."""
    if loaded == "another":
        yield _warning(
            "functions",
            "Redis has the functions of another release: a web app that may run no script is refused",
            "octoworker functions load, as a user who may (admin)",
        )
    elif loaded == "this":
        yield _ok("functions", "of this release")
    elif loaded == "none":
        yield _ok("functions", "none loaded: only a web app that may run no script needs them")


def of_rolled_back(last: RolledBack | None) -> Iterator[Finding]:
    """Whether Redis went back to an older state, as far as anybody noticed."""
    if last is None:
        return
    since = f"{iso(last.lost_from)} or later" if last.lost_from else "its beginning"
    says = (
        f"noticed {iso(last.noticed)}: Redis had gone back to {since}; {last.to_review} messages were left to a person"
    )
    do = "octoworker list --rolled-back; see docs/operations.md, Restoring a backup"
    if last.under_way:
        yield _problem(
            "rolled back", f"{says}, and more are: nothing is sent meanwhile", "octoworker restored goes on with it"
        )
    else:
        yield _warning("rolled back", says, do)


def of_recalls(recalled: Iterable[Record]) -> Iterator[Finding]:
    """Whether an operator must look at Octopush for what it may have cancelled."""
    left = sum(each.recall is not None and each.recall.state == "needs_review" for each in recalled)
    if left:
        says = f"{left} {'messages' if left > 1 else 'message'} may have been cancelled at Octopush, or not"
        yield _warning("recalls", says, "octoworker list --recalled; look at Octopush, then octoworker decide ID")


def of_board(board: Board) -> Iterator[Finding]:
    """What stands where, as far as a person should look at it."""
    yield from (each for each in assessment.of(board) if each.name not in ASKED_DIRECTLY)
    if dead := board.states.get(State.DEAD):
        yield _warning(
            "dead", f"{dead} {'messages' if dead > 1 else 'message'} given up", "octoworker list --state dead"
        )
    if board.unconfirmed:
        several = "messages were" if board.unconfirmed > 1 else "message was"
        says = f"{board.unconfirmed} {several} accepted, but nobody saw the answer"
        yield _warning("unconfirmed", says, "octoworker list --unconfirmed")


def of_inbound(settings: Settings, last: datetime | None, board: Board, now: datetime) -> Iterator[Finding]:
    """Whether Octopush can reach us, and when it last did. Without a token it is not meant to."""
    if not settings.inbound.tokens:
        return
    if settings.inbound.url:
        yield _of_address(f"{settings.inbound.url.rstrip('/')}{ROOT}{settings.inbound.tokens[0]}")
    if not settings.inbound.spool:
        yield _warning(
            "spool",
            "calls of Octopush are refused while Redis is away",
            "set OCTOWORKER_INBOUND_SPOOL for the receiver, to a folder on a disk",
        )
    accepted = sum(board.states.get(state, 0) for state in SENT)
    if last is not None:
        yield _ok("receipts", f"the last call of Octopush came {assessment.span(max(now - last, timedelta(0)))} ago")
    elif accepted:
        yield _warning(
            "receipts",
            "no call of Octopush has ever come, though messages were accepted",
            "see docs/operations.md, Receipts have stopped",
        )
    else:
        yield _ok("receipts", "none yet, and nothing was sent")


def _of_address(address: str) -> Finding:
    """Asked as Octopush's own test does: by GET. What it answers is not shown, for the address is a secret."""
    try:
        with urlopen(Request(address, method="GET"), timeout=REACHED_WITHIN) as answer:  # noqa: S310 - from the settings alone
            status, body = answer.status, answer.read(1)
    except HTTPError as error:
        status, body = error.code, b""
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        return _problem(
            "receiver",
            f"OCTOWORKER_INBOUND_URL is not reached from here ({type(reason).__name__})",
            "look at the proxy, DNS, the certificate, and whether octoworker receive runs",
        )
    if status == HTTPStatus.OK and not body:
        return _ok("receiver", "answers at OCTOWORKER_INBOUND_URL")
    says = (
        f"OCTOWORKER_INBOUND_URL answers {status}{' with a text' if body else ''}, where Octopush wants 200 and nothing"
    )
    return _problem("receiver", says, "pass /octopush/ on to the receiver; 404: it has another token")


def of_provider(gateway: Gateway, low: Any) -> Iterator[Finding]:
    """Whether Octopush is there, and knows us, and has money of ours."""
    try:
        left = gateway.credit()
    except RefusedByProviderError as error:
        yield _problem("login", str(error), f"see: octoworker errors {error.code or ''}".rstrip())
        return
    except GatewayError as error:
        yield _problem("gateway", str(error), "look at OCTOPUSH_URL, the network, and Octopush's own status")
        return
    yield _ok("gateway", "answers")
    yield _ok("login", "accepted")
    money = f"{left.amount} {left.currency}"
    if left.amount <= 0:
        yield _problem("balance", money, "buy credit")
    elif low and left.amount < low:
        yield _warning("balance", f"{money}, below OCTOWORKER_LOW_BALANCE", "buy credit")
    else:
        yield _ok("balance", money)


def all_of(
    settings: Settings,
    server: Callable[[], Server],
    board: Callable[[], Board],
    readers: Readers,
    gateway: Callable[[], Gateway],
    last_call: Callable[[], datetime | None],
) -> Iterator[Finding]:
    """Everything, in the order in which one thing needs the other. StoreError when Redis is out of reach."""
    yield from of_settings(settings)
    yield from of_destinations(settings, datetime.now(UTC).date())
    if not settings.missing_account():
        with closing(gateway()) as way:
            yield from of_provider(way, settings.limits.low_balance)
    found = server()
    yield from of_redis(found)
    yield from of_confirmation(settings, found)
    yield from of_jobs(found)
    yield from of_workers(readers)
    seen = board()
    yield from of_board(seen)
    yield from of_inbound(settings, last_call(), seen, datetime.now(UTC))
