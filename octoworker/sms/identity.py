"""How a message gets its id, and what distinguishes a repeat from another message under the same key."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

ID_LENGTH = 32

INCARNATION_LENGTH = 12


_SEPARATORS = re.compile(r"[\s.()/\-]+")


def new_message_id() -> str:
    """A fresh id: 32 hex digits."""
    return os.urandom(16).hex()


_DRAWN_AT_ONCE = 64


def new_message_ids() -> Iterator[str]:
    """Fresh ids for many messages: the kernel is asked for some at once."""
    while True:
        drawn = os.urandom(16 * _DRAWN_AT_ONCE).hex()
        yield from (drawn[at : at + ID_LENGTH] for at in range(0, len(drawn), ID_LENGTH))


def is_message_id(value: object) -> bool:
    """Whether it could be one. What is not comes from a stranger, and may be a number or a text: it is not even logged."""
    return isinstance(value, str) and len(value) == ID_LENGTH and value.isalnum()


def new_incarnation() -> str:
    """A word for a content that replaces another under its id, by which the jobs of the two are told apart."""
    return os.urandom(6).hex()


def incarnation(value: object) -> str:
    """What a job says of it; "" when that is no such word."""
    return value if isinstance(value, str) and len(value) == INCARNATION_LENGTH and value.isalnum() else ""


def known_id(message_id: str) -> str:
    """An id as it stands in the record: Celery writes the id of a job, which may be a message's, with dashes."""
    bare = message_id.strip().replace("-", "").lower()
    return bare if len(bare) == ID_LENGTH else message_id


def message_id_for_key(idempotency_key: str) -> str:
    """The id that a producer's own key always leads to, on every machine, also after Redis lost its data."""
    return hashlib.sha256(f"octoworker:{idempotency_key}".encode("utf-8", "surrogatepass")).hexdigest()[:32]


def message_id_for_job(job_id: str) -> str:
    """The id of a message that came by plain `send_task`: every redelivery of the job gives the same one."""
    bare = job_id.replace("-", "").lower()
    if re.fullmatch(r"[0-9a-f]{32}", bare):
        return bare
    return hashlib.sha256(f"job:{job_id}".encode("utf-8", "surrogatepass")).hexdigest()[:32]


def part_id(message_id: str, country: str) -> str:
    """The id of the part of a message that goes to one country: the same whenever it is split off, and by whom."""
    return hashlib.sha256(f"part:{message_id}:{country}".encode()).hexdigest()[:ID_LENGTH]


def message_id_of(arguments: Mapping[str, Any], job_id: str | None = None) -> str:
    """The id of a message: from its idempotency key, else from its job, else new."""
    key = arguments.get("idempotency_key")
    if isinstance(key, str) and key:
        return message_id_for_key(key)
    return message_id_for_job(job_id) if job_id else new_message_id()


def fingerprint(arguments: Mapping[str, Any]) -> str:
    """Equal for equal content, however the numbers are spaced. Tells a repeat from another message under one key.

    Content is what makes two messages the same SMS. The other arguments say when and how: they may be moved later.
    """
    get = arguments.get
    text, kind, sender, flag, more = (
        get("text"),
        get("sms_type"),
        get("sender"),
        get("transactional"),
        get("with_replies"),
    )
    # Each with its length in front, so that no two contents read the same.
    if type(text) is type(kind) is type(sender) is str:  # most of them: a web app makes thousands at once
        written = f"{len(text)}:{text}{len(kind)}:{kind}{len(sender)}:{sender}"
    else:
        written = _part(text) + _part(kind) + _part(sender)
    written += _part(flag)
    if more:
        written += _part(more)
    content = f"{_people(get('recipients'))}\0{written}"
    return hashlib.blake2b(content.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _part(value: Any) -> str:
    return f"{len(value)}:{value}" if type(value) is str else _of_no_word(value)


def _of_no_word(value: Any) -> str:
    """Left out and false are one; none of them is the same as words."""
    if value is None or value is False:
        return "-"
    return f"{len(repr(value))}={value!r}"


def _people(recipients: Any) -> str:
    if type(recipients) is str:
        return recipients if recipients[1:].isdigit() else _SEPARATORS.sub("", recipients)
    listed = list(recipients) if isinstance(recipients, Sequence) and not isinstance(recipients, str) else [recipients]
    return "\n".join(
        sorted({_SEPARATORS.sub("", number) if isinstance(number, str) else repr(number) for number in listed})
    )
