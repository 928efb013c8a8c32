"""What Octopush refuses, with which code, and in which order.

`refusal` walks the table RULES and stops at the first rule a call breaks; `judge` then looks at each recipient alone.
The order is ours: the documents do not give one. Codes and limits: return codes page, parameters page.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection, Mapping

from octoworker.sandbox import alphabet
from octoworker.sandbox.orders import Failure, Part
from octoworker.sandbox.tariff import NO_PREFIX, fare

Fields = Mapping[str, str]

LONGEST_TEXT = 459
"""Units: three parts of 153, the cap on every page of the older API."""
LONGEST_LOW_COST = 160
STOP = "STOP au XXXXX"
NO_PUB = "no PUB=STOP"
SHORT_NUMBER = "36111"
"""The number a handset shows for low cost and for texts that may be answered; also what XXXXX becomes."""
TYPES = frozenset({"FR", "XXX", "WWW"})
INTERNATIONAL = re.compile(r"(?:\+|00)([1-9][0-9]{7,14})")
SENDER = re.compile(r"[0-9a-zA-Z]{3,11}")
PHONE_SENDER = re.compile(r"\+?[0-9]{3,15}")
LISTS = {
    "recipients_first_names": "{prenom}",
    "recipients_last_names": "{nom}",
    "sms_fields_1": "{ch1}",
    "sms_fields_2": "{ch2}",
    "sms_fields_3": "{ch3}",
}
"""Comma lists that go with the recipients, and the placeholder each one fills."""
SIGNED = {
    "T": "sms_text",
    "R": "sms_recipients",
    "M": "sms_mode",
    "Y": "sms_type",
    "S": "sms_sender",
    "D": "sms_date",
    "a": "recipients_first_names",
    "b": "recipients_last_names",
    "c": "sms_fields_1",
    "d": "sms_fields_2",
    "e": "sms_fields_3",
    "W": "with_replies",
    "N": "transactional",
    "Q": "request_id",
}
"""Letters of request_keys; other letters are skipped, as the official clients do."""


def refusal(fields: Fields, waived: Collection[str] = ()) -> str | None:
    """The code of the first rule the call breaks, None when it keeps them all. Codes in `waived` are not enforced."""
    return next((code for code, breaks in RULES if code not in waived and breaks(fields)), None)


def refused_login(fields: Fields) -> str:
    """Why a login opens no account: 100 nothing sent, 108 no login, 109 no key, 101 a wrong pair."""
    if not fields:
        return "100"
    if not fields.get("user_login"):
        return "108"
    return "101" if fields.get("api_key") else "109"


def judge(fields: Fields, failing: Mapping[str, str]) -> tuple[tuple[Part, ...], tuple[Failure, ...]]:
    """Each recipient on its own: what it gets, or why not. `failing` maps numbers to the code a test wants for them."""
    verdicts = [_verdict(fields, index, entry, failing) for index, entry in enumerate(entries(fields))]
    parts = tuple(verdict for verdict in verdicts if isinstance(verdict, Part))
    return parts, tuple(verdict for verdict in verdicts if isinstance(verdict, Failure))


def _verdict(fields: Fields, index: int, entry: str, failing: Mapping[str, str]) -> Part | Failure:
    number = international(entry)
    if number is None:
        return Failure(entry, NO_PREFIX)
    priced = failing.get(number) or fare(number, sms_type(fields))
    if isinstance(priced, str):
        return Failure(number, priced)
    text = personal(fields, index)
    segments = alphabet.segments(text)
    shown = alphabet.shown(text).replace("XXXXX", SHORT_NUMBER)
    return Part(number, text, shown, priced.country, priced.price * segments, segments)


def entries(fields: Fields) -> list[str]:
    """The recipients as they were written, blanks dropped, doubles kept."""
    return [entry.strip() for entry in fields.get("sms_recipients", "").split(",") if entry.strip()]


def numbers(fields: Fields) -> list[str]:
    """The recipients that are numbers, in E.164 with +."""
    return [number for entry in entries(fields) if (number := international(entry))]


def international(entry: str) -> str | None:
    """`+33…` for `+33…` and `0033…`; None for anything else, a national number included."""
    match = INTERNATIONAL.fullmatch(entry)
    return f"+{match[1]}" if match else None


def sms_type(fields: Fields) -> str:
    """FR, XXX or WWW; lower case passes, as in two of Octopush's own samples."""
    return fields.get("sms_type", "").upper()


def personal(fields: Fields, index: int) -> str:
    """The text for the recipient at `index`, placeholders filled from the lists."""
    text = fields.get("sms_text", "")
    for name, placeholder in LISTS.items():
        if name in fields:
            text = text.replace(placeholder, fields[name].split(",")[index])
    return text


def key(fields: Fields) -> str:
    """`request_id` as the official clients send it: letters and digits only."""
    return re.sub(r"[^0-9a-zA-Z]", "", fields.get("request_id", ""))


def sender(fields: Fields) -> str:
    """What the handset shows as the origin."""
    anonymous = sms_type(fields) == "XXX" or on(fields, "with_replies")
    return SHORT_NUMBER if anonymous else fields.get("sms_sender", "")


def on(fields: Fields, name: str) -> bool:
    """Whether a 0/1 field is set."""
    return fields.get(name) == "1"


def due_at(fields: Fields, now: float) -> float | None:
    """When the handsets shall ring (epoch seconds), None for at once: no date, no readable date, or one gone by.

    Which field wins when several are sent is not documented. "Timestamp GMT+1" is a plain epoch: no client adds an hour.
    """
    period, at = _seconds(fields, "sending_period"), _seconds(fields, "sending_time")
    if at is None and fields.get("sms_mode") == "2":
        at = _seconds(fields, "sending_date")
    due = at if period is None else now + period
    return due if due is not None and due > now else None


def _seconds(fields: Fields, name: str) -> float | None:
    value = fields.get(name, "")
    return float(value) if re.fullmatch(r"[0-9]{1,11}", value) else None


def signature(fields: Fields) -> str:
    """The SHA-1 of the values that request_keys names, one after the other, in that order."""
    named = (SIGNED.get(letter, "") for letter in fields.get("request_keys", ""))
    return hashlib.sha1("".join(fields.get(name, "") for name in named).encode()).hexdigest()  # noqa: S324 - Octopush's


def _bad_sender(fields: Fields) -> bool:
    shape = PHONE_SENDER if on(fields, "msisdn_sender") else SENDER
    return sms_type(fields) != "XXX" and not shape.fullmatch(fields.get("sms_sender", ""))


def _uneven_lists(fields: Fields) -> bool:
    return any(len(fields[name].split(",")) != len(entries(fields)) for name in LISTS if name in fields)


def _longer_than(limit: int) -> Callable[[Fields], bool]:
    return lambda fields: any(alphabet.units(personal(fields, at)) > limit for at in range(len(entries(fields))))


def _low_cost(breaks: Callable[[Fields], bool]) -> Callable[[Fields], bool]:
    return lambda fields: sms_type(fields) == "XXX" and breaks(fields)


def _commercial(mention: str) -> Callable[[Fields], bool]:
    return lambda fields: not on(fields, "transactional") and mention not in fields.get("sms_text", "")


_no_stop = _commercial(STOP)

RULES: tuple[tuple[str, Callable[[Fields], bool]], ...] = (
    ("110", lambda fields: "sms_recipients" not in fields),
    ("103", lambda fields: not entries(fields)),
    ("106", _bad_sender),
    ("107", lambda fields: not fields.get("sms_text", "").strip()),
    ("112", lambda fields: sms_type(fields) not in TYPES),
    ("115", _uneven_lists),
    ("119", _low_cost(_longer_than(LONGEST_LOW_COST))),
    ("102", _longer_than(LONGEST_TEXT)),
    ("121", lambda fields: sms_type(fields) == "FR" and _no_stop(fields)),
    ("122", _low_cost(_commercial(NO_PUB))),
    ("123", lambda fields: bool(fields.get("request_keys")) and not fields.get("request_sha1")),
    ("124", lambda fields: bool(fields.get("request_keys")) and fields["request_sha1"] != signature(fields)),
    ("117", lambda fields: not numbers(fields)),
)
"""First broken rule wins. 115 stands before the lengths, which are those of the filled-in texts."""
