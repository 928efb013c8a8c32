"""What both sides read from the environment: where Redis and the broker are, how long records are kept, and what a message
gets that names no sender, type or region.

In the standard library alone: a web app pays for nothing else. `config` has the other settings, and reads with what stands
here, so that both sides take the same values and refuse the same.
"""

from __future__ import annotations

import os
import re
from base64 import b64decode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qs, parse_qsl, unquote, urlsplit

from octoworker.errors import SettingsError

RECORDS = ("OCTOWORKER_REDIS_URL", "REDIS_URL")
"""The variables that say where the records are, the first one first. The second is often the host's own, for its cache."""

BROKER = ("OCTOWORKER_BROKER_URL", "CELERY_BROKER_URL")
RESULTS = ("CELERY_RESULT_BACKEND",)

DEFAULT_REDIS_URL = "redis://127.0.0.1:6379/0"

AUDIT_FOR = 366 * 24 * 3600.0
"""Seconds for which is kept who did what by hand."""

KEEP_FOR = 30 * 24 * 3600.0
"""Seconds a record is kept after its last change: a month, so that a question about a bill can be answered."""

REQUEUE_AFTER = 60.0
"""Seconds after which a job that nobody took is looked for."""

MAX_AHEAD = 366 * 86400.0
"""Seconds that send_at may lie ahead: a year."""

VERIFYING = frozenset({"required", "optional", "none"})
"""The words for it that redis-py, kombu and Celery have in common."""

SMS_TYPES = ("FR", "XXX", "WWW")

TESTING = "OCTOWORKER_TESTING"

TESTS = ("outbox", "sandbox")
"""What a test environment may use: the outbox of `octoworker.testing` alone, or workers of a sandbox on this machine, too."""

_SENDER = re.compile(r"[0-9A-Za-z]{3,11}")
_REGION = re.compile(r"[A-Z]{2}")


@dataclass(frozen=True)
class Confirming:
    """What must have a message before it counts as taken, claimed or settled."""

    by: str
    """`none`, `disk` or `replica`."""
    replicas: int
    """How many must have confirmed it; 0 where none is asked."""
    within: timedelta


@dataclass(frozen=True)
class Shared:
    """What a web app and a worker must read alike."""

    redis_url: str
    broker_url: str
    """The jobs'; the records' own address where nothing else is said."""
    keep_for: timedelta
    requeue_after: timedelta
    max_ahead: timedelta
    sender: str | None
    sms_type: str
    region: str
    confirm: Confirming
    job_results: bool
    """Whether jobs of `enqueue` leave a Celery result, too."""
    testing: str
    """"" or one of TESTS: what a test environment may send."""


def load(environ: Mapping[str, str] = os.environ) -> Shared:
    """Read it. SettingsError lists everything that is wrong, and quotes no value."""
    problems: list[str] = []

    def read(names: Sequence[str], parse: Callable[[str], Any], default: Any) -> Any:
        try:
            name, text = first_of(names, environ)
        except ValueError as error:
            problems.append(str(error))
            return default
        if text is None:
            return default
        try:
            return parse(text)
        except ValueError as error:
            problems.append(f"{name}: {error}.")
            return default

    redis = read(RECORDS, redis_address, DEFAULT_REDIS_URL)
    by = read((CONFIRM,), confirm_by, "none")
    wanted = read((CONFIRM_REPLICAS,), how_many, "1")
    there = read((REPLICAS,), replicas, 0)
    if sentence := unconfirmable(by, wanted, there):
        problems.append(sentence)
    found = Shared(
        redis_url=redis,
        broker_url=read(BROKER, broker_address, redis),
        keep_for=read(("OCTOWORKER_KEEP_FOR",), span, timedelta(seconds=KEEP_FOR)),
        requeue_after=read(("OCTOWORKER_REQUEUE_AFTER",), span, timedelta(seconds=REQUEUE_AFTER)),
        max_ahead=read(("OCTOWORKER_MAX_AHEAD",), span, timedelta(seconds=MAX_AHEAD)),
        sender=read(("OCTOWORKER_SENDER",), sender, None),
        sms_type=read(("OCTOWORKER_SMS_TYPE",), sms_type, "FR"),
        region=read(("OCTOWORKER_REGION",), region, "FR"),
        job_results=read((JOB_RESULTS,), truth, False),  # noqa: FBT003 - as the other defaults stand
        testing=read((TESTING,), testing, ""),
        confirm=Confirming(
            by,
            asked_replicas(by, wanted, there),
            read((CONFIRM_WITHIN,), confirm_within, timedelta(seconds=CONFIRMED_WITHIN)),
        ),
    )
    if problems:
        raise SettingsError(problems)
    return found


def first_of(names: Sequence[str], environ: Mapping[str, str]) -> tuple[str, str | None]:
    """The first of a setting's variables that is set, and its text; the first one and None when none is.

    Where our own variable names the Redis, Celery's variables are the host's own and do not count. ValueError in words.
    """
    ours = bool(text_of(RECORDS[0], environ))
    for name in names:
        if (found := text_of(name, environ)) and not (ours and name.startswith("CELERY_")):
            return name, found
    return names[0], None


def text_of(name: str, environ: Mapping[str, str]) -> str | None:
    """The value of a variable, or of the file that `NAME_FILE` names; an empty value counts as not set. ValueError in words."""
    path = environ.get(f"{name}_FILE")
    if not path:
        return environ.get(name) or None
    if environ.get(name):
        raise ValueError(f"{name} and {name}_FILE are both set: keep one.")
    try:
        return Path(path).read_text(encoding="utf-8").strip() or None
    except (OSError, UnicodeDecodeError):
        raise ValueError(f"{name}_FILE names a file that cannot be read.") from None


def redis_address(url: str) -> str:
    """The address of a Redis with records in it. ValueError in words, without the address: it may hold a password."""
    if names_sentinels(url):
        return broker_address(url)
    parts = _parts(url)
    if parts.scheme not in {"redis", "rediss", "unix"}:
        raise ValueError("use a redis://, rediss://, sentinel://, sentinels:// or unix:// address")
    if parts.scheme == "unix":
        if not parts.path:
            raise ValueError("name the socket's file, as in unix:///run/redis.sock?db=0")
    elif not re.fullmatch(r"/?\d*", parts.path):
        raise ValueError("end the address with the number of a database, as in redis://host:6379/0")
    return broker_address(url)


def broker_address(url: str) -> str:
    """The address of a broker, or several of one kind with semicolons between them. ValueError in words."""
    if names_sentinels(url):
        sentinels(url)
        return url
    for each in url.split(";"):
        _parts(each)
        if missing := unverified(each):
            raise ValueError(missing)
    return url


def _parts(url: str) -> Any:
    """ValueError when its host or port cannot be read."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - reading it is the check
    except ValueError:
        raise ValueError("its host or port cannot be read; write it as redis://host:6379/0") from None
    if any(character.isspace() for character in url):
        raise ValueError("there is a blank in it; write it as redis://host:6379/0")
    return parts


def unverified(url: str) -> str:
    """What is missing in a TLS address that would take any server's word; "" when nothing is.

    redis-py would verify, kombu would not, and Celery's results would not start: so it has to be said. Nor is a word
    taken that one of them does not know; kombu takes the scheme in capitals, too.
    """
    parts = urlsplit(url)
    said = parse_qs(parts.query).get("ssl_cert_reqs", [])
    if parts.scheme in {"rediss", "sentinels"} and not (said and VERIFYING.issuperset(said)):
        return "add ?ssl_cert_reqs=required&ssl_ca_certs=FILE, so that the server's certificate is verified"
    return ""


SENTINEL_PORT = 26379

SENTINELS_AS = "write it as sentinel://HOST:26379,HOST:26379,HOST:26379/0?master_name=NAME"

TLS_OPTIONS = ("ssl_cert_reqs", "ssl_ca_certs", "ssl_certfile", "ssl_keyfile", "ssl_check_hostname")


@dataclass(frozen=True)
class Sentinels:
    """A primary by the name under which Sentinels know it, and where these are."""

    hosts: tuple[tuple[str, int], ...]
    master_name: str
    database: int
    login: Mapping[str, str] = field(repr=False)
    """`username` and `password` at the primary, as far as there are any."""
    sentinel_login: Mapping[str, str] = field(repr=False)
    """The same at the Sentinels."""
    tls: Mapping[str, Any] | None
    """The options `ssl_...` of both; None without TLS."""


def names_sentinels(url: str) -> bool:
    """Whether this address names Sentinels that know where the primary is."""
    return url.partition(":")[0].lower() in {"sentinel", "sentinels"}


def sentinels(url: str) -> Sentinels:
    """What an address says that names Sentinels. ValueError in words, without the address: it may hold a password.

    `sentinels://` is TLS, to them and to the primary; `sentinel://` is plain.
    """
    if ";" in url:
        raise ValueError(f"separate the Sentinels with commas; {SENTINELS_AS}")
    if any(character.isspace() for character in url):
        raise ValueError(f"there is a blank in it; {SENTINELS_AS}")
    if missing := unverified(url):
        raise ValueError(missing)
    parts = urlsplit(url)
    said = dict(parse_qsl(parts.query, keep_blank_values=True))
    login, _, hosts = parts.netloc.rpartition("@")
    if not re.fullmatch(r"/?\d*", parts.path):
        raise ValueError(f"end the hosts with the number of a database; {SENTINELS_AS}")
    if not said.get("master_name"):
        raise ValueError(f"add ?master_name=NAME, the name under which the Sentinels know the primary; {SENTINELS_AS}")
    tls: dict[str, Any] = {name: said[name] for name in TLS_OPTIONS if name in said}
    others = {
        "master_name",
        "sentinel_username",
        "sentinel_password",
        *(TLS_OPTIONS if parts.scheme == "sentinels" else ()),
    }
    if set(said) - others:
        raise ValueError(f"an option after its ? is unknown; there are {', '.join(sorted(others))}")
    if "ssl_check_hostname" in tls:
        tls["ssl_check_hostname"] = truth(tls["ssl_check_hostname"])
    return Sentinels(
        tuple(_host(each) for each in hosts.split(",")),
        said["master_name"],
        int(parts.path.strip("/") or 0),
        _login(*map(unquote, login.partition(":")[::2])),
        _login(said.get("sentinel_username", ""), said.get("sentinel_password", "")),
        tls if parts.scheme == "sentinels" else None,
    )


def _host(text: str) -> tuple[str, int]:
    try:
        parts = urlsplit(f"//{text}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host:
        raise ValueError(f"a host or port of the Sentinels cannot be read; {SENTINELS_AS}")
    return host, port or SENTINEL_PORT


def _login(username: str, password: str) -> Mapping[str, str]:
    return {name: text for name, text in (("username", username), ("password", password)) if text}


def seconds(value: object) -> float:
    """A time above 0. ValueError in words."""
    return span(str(value)).total_seconds()


def span(text: str) -> timedelta:
    """A time above 0, of which there is one. ValueError in words."""
    try:
        found = timedelta(seconds=float(text))
    except (ValueError, OverflowError):
        found = timedelta(0)
    if found <= timedelta(0):
        raise ValueError("give seconds, above 0")
    return found


def sender(text: str) -> str:
    if not _SENDER.fullmatch(text):
        raise ValueError("give 3 to 11 letters and digits")
    return text


def sms_type(text: str) -> str:
    if text not in SMS_TYPES:
        raise ValueError(f"give {', '.join(SMS_TYPES[:-1])} or {SMS_TYPES[-1]}")
    return text


def testing(text: str) -> str:
    if text not in TESTS:
        raise ValueError(f"give {' or '.join(TESTS)}, or leave it out")
    return text


def region(text: str) -> str:
    if not _REGION.fullmatch(text):
        raise ValueError("give a country's two capitals, as FR")
    return text


JOB_RESULTS = "OCTOWORKER_JOB_RESULTS"

CONFIRM = "OCTOWORKER_CONFIRM"
CONFIRM_REPLICAS = "OCTOWORKER_CONFIRM_REPLICAS"
CONFIRM_WITHIN = "OCTOWORKER_CONFIRM_WITHIN"
REPLICAS = "OCTOWORKER_REPLICAS"

CONFIRM_BY = ("none", "disk", "replica")

CONFIRMED_WITHIN = 0.3
"""Seconds: a replica that is well answers within a millisecond or two, and `enqueue` must answer within one second."""

LONGEST_CONFIRMATION = 3.0
"""Seconds, less than a socket of ours waits for an answer."""

MOST_REPLICAS = 100


TRUTHS = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}


def truth(text: str) -> bool:
    """Yes or no, in the words that the worker's settings take. ValueError in words."""
    if (found := TRUTHS.get(text.strip().lower())) is None:
        raise ValueError("give true or false")
    return found


def confirm_by(text: str) -> str:
    if text not in CONFIRM_BY:
        raise ValueError(f"give {', '.join(CONFIRM_BY[:-1])} or {CONFIRM_BY[-1]}")
    return text


def how_many(text: str) -> str:
    """How many replicas must confirm. ValueError in words."""
    if text in ("majority", "all"):
        return text
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= MOST_REPLICAS:
        raise ValueError(f"give majority, all, or a number from 1 to {MOST_REPLICAS}")
    return str(int(text))


def replicas(text: str) -> int:
    """How many there are. ValueError in words."""
    if not text.isascii() or not text.isdigit() or int(text) > MOST_REPLICAS:
        raise ValueError(f"give a number from 0 to {MOST_REPLICAS}")
    return int(text)


def confirm_within(text: str) -> timedelta:
    found = span(text)
    if found.total_seconds() > LONGEST_CONFIRMATION:
        raise ValueError(f"give at most {LONGEST_CONFIRMATION:g} s")
    return found


def unconfirmable(by: str, wanted: str, there: int) -> str:
    """Why what is asked for can never be confirmed; "" when it can."""
    if by != "replica":
        return ""
    if wanted.isdigit():
        few = 0 < there < int(wanted)
        return f"{CONFIRM_REPLICAS} ({wanted}) must be at most {REPLICAS} ({there})." if few else ""
    if there:
        return ""
    return f"{CONFIRM_REPLICAS}={wanted} needs {REPLICAS}: how many replicas there are, also while some are cut off."


def asked_replicas(by: str, wanted: str, there: int) -> int:
    """How many replicas must confirm what is written; 0: none is asked.

    A majority is one of the replicas: whichever part of them a failover finds, if it finds most of them, one has it.
    """
    if by != "replica":
        return 0
    if wanted == "majority":
        return there // 2 + 1
    return there if wanted == "all" else int(wanted)


INBOUND = "OCTOWORKER_INBOUND_TOKEN"

NUMBER_KEYS = "OCTOWORKER_NUMBER_KEYS"

CODE_KEYS = "OCTOWORKER_CODE_KEYS"

CODE_GUARD = "OCTOWORKER_CODE_GUARD"

STOP_WORDS = "OCTOWORKER_STOP_WORDS"

INBOUND_SPOOL = "OCTOWORKER_INBOUND_SPOOL"

_TOKEN = re.compile(r"[0-9A-Za-z_\-]{24,128}")


def secret(environ: Mapping[str, str], name: str) -> str:
    """A secret, or the content of the file that `NAME_FILE` names; "" without one. ValueError in words."""
    return text_of(name, environ) or ""


def inbound_tokens(said: str) -> tuple[str, ...]:
    """The secrets of the address that Octopush calls, separated by commas. ValueError in words: one could be guessed."""
    found = tuple(filter(None, (each.strip() for each in said.split(","))))
    if not all(_TOKEN.fullmatch(each) for each in found):
        raise ValueError("use 24 to 128 letters, digits, - and _, as `openssl rand -hex 24` draws them")
    return found


def event_secrets(said: str) -> tuple[str, ...]:
    """The secrets that sign events. ValueError in words."""
    found = listed(said)
    for each in found:
        try:
            size = len(b64decode(each.removeprefix("whsec_"), validate=True))
        except ValueError:
            size = 0
        if not each.startswith("whsec_") or not 24 <= size <= 64:
            raise ValueError(
                'write whsec_ and base64 of 24 to 64 bytes, as `echo "whsec_$(openssl rand -base64 32)"` does'
            )
    return found


def number_keys(said: str) -> tuple[str, ...]:
    """The secrets under which numbers are hashed, the newest first. ValueError in words."""
    found = listed(said)
    if any(len(each) < SHORTEST_KEY for each in found):
        raise ValueError(f"give each key at least {SHORTEST_KEY} characters, as `openssl rand -hex 32` draws them")
    return found


def code_guard(said: str) -> Literal["off", "monitor", "refuse"]:
    """What is done about codes that look like pumping. ValueError in words."""
    match said.strip() or "monitor":
        case "off":
            return "off"
        case "monitor":
            return "monitor"
        case "refuse":
            return "refuse"
    raise ValueError("use off, monitor or refuse")


def listed(said: str) -> tuple[str, ...]:
    """What stands between commas."""
    return tuple(filter(None, (each.strip() for each in said.split(","))))


SHORTEST_KEY = 32


def actor() -> str:
    """Who acts, when this is not to be told by the user of the operating system; "" when nobody is named."""
    return os.environ.get("OCTOWORKER_ACTOR", "").strip()


def audit_for() -> timedelta:
    """How long is kept who did what by hand. What cannot be read, `Settings` refuses; an act is not stopped by it."""
    try:
        return span(os.environ.get("OCTOWORKER_AUDIT_FOR") or str(AUDIT_FOR))
    except ValueError:
        return timedelta(seconds=AUDIT_FOR)
