"""What both sides read from the environment: where Redis and the broker are, and how long records are kept.

In the standard library alone: a web app pays for nothing else."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

DEFAULT_REDIS_URL = "redis://127.0.0.1:6379/0"


KEEP_FOR = 30 * 24 * 3600.0
"""Seconds a record is kept after its last change: a month, so that a question about a bill can be answered."""


REQUEUE_AFTER = 60.0
"""Seconds after which a job that nobody took is looked for."""


MAX_AHEAD = 366 * 86400.0
"""Seconds that send_at may lie ahead: a year."""


VERIFYING = frozenset({"required", "optional", "none"})
"""The words for it that redis-py, kombu and Celery have in common."""


def redis_url(environ: Mapping[str, str] = os.environ) -> str:
    """Where the records are."""
    return environ.get("REDIS_URL") or DEFAULT_REDIS_URL


def broker_url(environ: Mapping[str, str] = os.environ) -> str:
    """Where the jobs are: Celery's own variable wins."""
    return environ.get("CELERY_BROKER_URL") or redis_url(environ)


def unverified(url: str) -> str:
    """What is missing in a TLS address that would take any server's word; "" when nothing is.

    redis-py would verify, kombu would not, and Celery's results would not start: so it has to be said. Nor is a word
    taken that one of them does not know; kombu takes the scheme in capitals, too.
    """
    parts = urlsplit(url)
    said = parse_qs(parts.query).get("ssl_cert_reqs", [])
    if parts.scheme == "rediss" and not (said and VERIFYING.issuperset(said)):
        return "add ?ssl_cert_reqs=required&ssl_ca_certs=FILE, so that the server's certificate is verified"
    return ""


def keep_for(environ: Mapping[str, str] = os.environ) -> timedelta:
    """How long a record is kept, as both sides read it."""
    return _seconds(environ, "OCTOWORKER_KEEP_FOR", KEEP_FOR)


def requeue_after(environ: Mapping[str, str] = os.environ) -> timedelta:
    """After which a job that nobody took is looked for, as both sides read it."""
    return _seconds(environ, "OCTOWORKER_REQUEUE_AFTER", REQUEUE_AFTER)


def max_ahead(environ: Mapping[str, str] = os.environ) -> timedelta:
    """How far send_at may lie ahead, as both sides read it."""
    return _seconds(environ, "OCTOWORKER_MAX_AHEAD", MAX_AHEAD)


def sender(environ: Mapping[str, str] = os.environ) -> str | None:
    """The sender of a message that names none."""
    return environ.get("OCTOWORKER_SENDER") or None


def sms_type(environ: Mapping[str, str] = os.environ) -> str:
    """The type of a message that names none."""
    return environ.get("OCTOWORKER_SMS_TYPE") or "FR"


def region(environ: Mapping[str, str] = os.environ) -> str:
    """The country whose way of writing national numbers counts."""
    return environ.get("OCTOWORKER_REGION") or "FR"


INBOUND = "OCTOWORKER_INBOUND_TOKEN"

NUMBER_KEYS = "OCTOWORKER_NUMBER_KEYS"

STOP_WORDS = "OCTOWORKER_STOP_WORDS"

INBOUND_SPOOL = "OCTOWORKER_INBOUND_SPOOL"

_TOKEN = re.compile(r"[0-9A-Za-z_\-]{24,128}")


def secret(environ: Mapping[str, str], name: str) -> str:
    """A secret, or the content of the file that `NAME_FILE` names; "" without one. ValueError in words."""
    path = environ.get(f"{name}_FILE")
    if not path:
        return environ.get(name) or ""
    if environ.get(name):
        raise ValueError(f"{name} and {name}_FILE are both set: keep one.")
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise ValueError(f"{name}_FILE names a file that cannot be read.") from None


def inbound_tokens(said: str) -> tuple[str, ...]:
    """The secrets of the address that Octopush calls, separated by commas. ValueError in words: one could be guessed."""
    found = tuple(filter(None, (each.strip() for each in said.split(","))))
    if not all(_TOKEN.fullmatch(each) for each in found):
        raise ValueError("use 24 to 128 letters, digits, - and _, as `openssl rand -hex 24` draws them")
    return found


def number_keys(said: str) -> tuple[str, ...]:
    """The secrets under which numbers are hashed, the newest first. ValueError in words."""
    found = listed(said)
    if any(len(each) < SHORTEST_KEY for each in found):
        raise ValueError(f"give each key at least {SHORTEST_KEY} characters, as `openssl rand -hex 32` draws them")
    return found


def listed(said: str) -> tuple[str, ...]:
    """What stands between commas."""
    return tuple(filter(None, (each.strip() for each in said.split(","))))


SHORTEST_KEY = 32


def _seconds(environ: Mapping[str, str], name: str, default: float) -> timedelta:
    """The default, where what is written is no number, or no span that there is."""
    try:
        return timedelta(seconds=float(environ.get(name) or default))
    except (ValueError, OverflowError):
        return timedelta(seconds=default)
