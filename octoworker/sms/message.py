"""What a caller may ask for: loose arguments come in, a `Message` that can be sent comes out.

1. Names that do not exist are refused, with the one that was probably meant.
2. Each field passes its chain of rules, written beside its type. A rule returns the value, or refuses with a sentence.
3. All that was refused is said in one PayloadError: a sentence for each field, and no number, text or key in any.

Where the provider would refuse for the same reason, the error carries the code that it would give.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, cast

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, ValidationError, ValidationInfo
from pydantic_core import ErrorDetails, PydanticCustomError

from octoworker.errors import Fault, PayloadError
from octoworker.sms import recipient
from octoworker.sms.encoding import measure, unsendable
from octoworker.sms.rules import TextRules

LONGEST_WORDS = 200
"""Characters in an idempotency key or a reference: room for any id, too little for a document."""


@dataclass(frozen=True)
class Policy:
    """What the provider and the settings say about messages. Without `countries` an SMS may go anywhere.

    `FR` in `countries` stands for the French plan: it includes GP, GF, MQ, RE, YT, BL and MF, but not PM, NC and PF.
    """

    rules: TextRules
    sender: str | None = None
    sms_type: str = "FR"
    region: str = "FR"
    countries: frozenset[str] = frozenset()
    allow_possible: bool = False
    """Take a number whose length fits but that the number plan does not list: plans on disk grow old."""


def _refused(sentence: str, fault: Fault | None = None) -> PydanticCustomError:
    return PydanticCustomError("refused", "{sentence}", {"sentence": sentence, "fault": fault})


def _policy(info: ValidationInfo) -> Policy:
    """`parse` brings it along."""
    return cast("Policy", info.context)


_NEAR_STOP = re.compile(r"\bstop\W*(?:au)?\W*(?:x{2,}|\d{5}\b)", re.IGNORECASE)


def with_line_feeds(text: str) -> str:
    """CRLF would be billed as four units."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _not_blank(text: str) -> str:
    if not text.strip():
        raise _refused("write something: it is empty.", "empty_text")
    return text


def _visible(text: str) -> str:
    if found := unsendable(text):
        position, kind = found
        raise _refused(f"remove the {kind} (character {position + 1}).")
    return text


def _short_enough(text: str, info: ValidationInfo) -> str:
    length, rules = measure(text).length, _policy(info).rules
    if info.data.get("sms_type") == "XXX" and length > rules.low_cost_length:
        sentence = f"use at most {rules.low_cost_length} characters with XXX (it counts as {length})."
        raise _refused(sentence, "text_too_long_for_low_cost")
    if length > rules.max_length:
        raise _refused(f"use at most {rules.max_length} characters (it counts as {length}).", "text_too_long")
    return text


def _with_stop_mention(text: str, info: ValidationInfo) -> str:
    rules = _policy(info).rules
    needed = info.data.get("sms_type") == "FR" and not info.data.get("transactional", True)
    if needed and not any(mention in text for mention in rules.stop_mentions):
        near = "the STOP mention is not exact; " if _NEAR_STOP.search(text) else ""
        raise _refused(f"{near}{rules.stop_advice}, or set transactional when it advertises nothing.", "stop_missing")
    return text


def _e164(number: str, info: ValidationInfo) -> str:
    try:
        return recipient.read(number, _policy(info))
    except recipient.NumberRefused as refusal:
        sentence = str(refusal)
    raise _refused(sentence)


def _listed(value: object) -> object:
    """One number or several; what is neither is refused by the type."""
    match value:
        case str():
            return (value,)
        case list():
            return tuple(value)
        case _:
            return value


def _each_once(recipients: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
    once = tuple(dict.fromkeys(recipients))
    limit = _policy(info).rules.max_recipients
    if not once:
        raise _refused("give at least one number.", "no_recipient")
    if len(once) > limit:
        raise _refused(f"give at most {limit} different numbers; send the others in another message.")
    return once


_SENDER = re.compile(r"(?=[0-9]*[A-Za-z])[0-9A-Za-z]{3,11}")

_NO_INSTANT = "use ISO-8601 with an offset, epoch seconds, or an aware datetime."


def _as_shown(sender: str | None, info: ValidationInfo) -> str | None:
    """The sender that goes out. None with XXX, where the operator's short number is shown."""
    sms_type = info.data.get("sms_type")
    if sms_type == "XXX" and sender is not None:
        raise _refused("leave it out with XXX: low cost shows a short number.")
    shown = None if sms_type == "XXX" else _policy(info).sender if sender is None else sender
    if shown is None and sms_type in ("FR", "WWW"):
        raise _refused("give one, or set OCTOWORKER_SENDER.", "sender")
    if shown is not None and not _SENDER.fullmatch(shown):
        whose = "correct OCTOWORKER_SENDER: " if sender is None else ""
        raise _refused(f"{whose}use 3 to 11 letters and digits, at least one letter.", "sender")
    return shown


def _instant(value: object) -> datetime | None:
    """An aware instant in UTC."""
    if value is None:
        return None
    try:
        at = _as_datetime(value)
        if at.utcoffset() is not None:
            return at.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        raise _refused(_NO_INSTANT) from None
    raise _refused("add an offset, as in 2026-12-01T09:00:00+01:00: without one the time is not certain.")


def _as_datetime(value: object) -> datetime:
    match value:
        case datetime():
            return value
        case str():
            return datetime.fromisoformat(value)
        case int() | float() if not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC)
        case _:
            raise ValueError(_NO_INSTANT)


def _after_send_at(expires_at: datetime | None, info: ValidationInfo) -> datetime | None:
    send_at = info.data.get("send_at")
    if expires_at and send_at and expires_at <= send_at:
        raise _refused("choose a time after send_at, or it could never be sent.")
    return expires_at


def _words(value: str | None) -> str | None:
    """A blank key would make one message of all that carry it."""
    if value is not None and not (value.isprintable() and value.strip() and len(value) <= LONGEST_WORDS):
        raise _refused(f"use 1 to {LONGEST_WORDS} printable characters.")
    return value


def _lane(value: object, info: ValidationInfo) -> object:
    if value is not None:
        return value
    alone = len(info.data.get("recipients", ())) == 1
    return "urgent" if alone and info.data.get("transactional") else "normal"


Recipient = Annotated[str, AfterValidator(_e164)]
Recipients = Annotated[tuple[Recipient, ...], BeforeValidator(_listed), AfterValidator(_each_once)]
Text = Annotated[
    str,
    AfterValidator(with_line_feeds),
    AfterValidator(_not_blank),
    AfterValidator(_visible),
    AfterValidator(_short_enough),
    AfterValidator(_with_stop_mention),
]
Sender = Annotated[str | None, AfterValidator(_as_shown)]
Instant = Annotated[datetime | None, BeforeValidator(_instant)]
Words = Annotated[str | None, AfterValidator(_words)]
Lane = Annotated[Literal["urgent", "normal", "bulk"], BeforeValidator(_lane)]


class Message(BaseModel):
    """An SMS that can be sent: one text to one recipient or more (E.164, in the order given, each once).

    Built by `parse` only. Instants are aware and in UTC; line ends are LF; `sender` is None with XXX.
    The fields stand in the order their rules need: the text's look at the type, the lane's at the recipients.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", hide_input_in_errors=True)

    sms_type: Literal["FR", "XXX", "WWW"]
    transactional: bool
    recipients: Recipients
    text: Text
    sender: Sender
    send_at: Instant
    expires_at: Annotated[Instant, AfterValidator(_after_send_at)]
    hold: bool | None
    idempotency_key: Words
    reference: Words
    lane: Lane

    @property
    def segments(self) -> int:
        """Billed segments per recipient, by our count."""
        return measure(self.text).segments

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        """Nothing that names a person: this ends up in logs and tracebacks."""
        yield "recipients", len(self.recipients)
        yield "segments", self.segments
        yield "sms_type", self.sms_type
        yield "lane", self.lane


_FLAG = "use true or false."
_EXPECTED: Mapping[str, str] = {
    "recipients": "give each number as a string: one, or a list of them.",
    "text": "give the words to send, as a string.",
    "sms_type": "use FR, XXX or WWW.",
    "sender": "use 3 to 11 letters and digits, as a string.",
    "transactional": _FLAG,
    "send_at": _NO_INSTANT,
    "hold": _FLAG,
    "expires_at": _NO_INSTANT,
    "idempotency_key": f"use 1 to {LONGEST_WORDS} printable characters, as a string.",
    "reference": f"use 1 to {LONGEST_WORDS} printable characters, as a string.",
    "lane": "use urgent, normal or bulk.",
}
"""What each field wants, for a value of another type. Its keys are the arguments of the contract."""

_SHOWABLE = re.compile(r"(?!.*[0-9]{4})[A-Za-z_][A-Za-z0-9_]{0,39}")
"""A name that looks like one. Others are not repeated: a number or a text may have slipped into the name's place."""


def parse(arguments: Mapping[str, object], policy: Policy) -> Message:
    """Read the arguments of `octoworker.send_sms`. None means left out.

    Raises PayloadError with a sentence for each wrong field, all at once, and the provider's code for the first that has one.
    """
    known = {name: value for name, value in arguments.items() if name in _EXPECTED and value is not None}
    problems = [_unknown(name) for name in arguments if name not in _EXPECTED]
    given = {**dict.fromkeys(_EXPECTED), "sms_type": policy.sms_type, "transactional": False, **known}
    details: list[ErrorDetails] = []
    try:
        message = Message.model_validate(given, context=policy)
    except ValidationError as error:
        details = error.errors(include_input=False, include_url=False)
    if details or problems:
        # Raised out here, so that no traceback leads back to pydantic's error, which holds the values.
        raise PayloadError([*_sentences(details, given["recipients"]), *problems], _first_code(details, policy.rules))
    return message


def _sentences(details: Iterable[ErrorDetails], recipients: object) -> Iterator[str]:
    for detail in details:
        field, *position = detail["loc"]
        where = f"{field}[{position[0]}]" if position and not isinstance(recipients, str) else field
        yield f"{where}: {detail['msg'] if detail['type'] == 'refused' else _EXPECTED[str(field)]}"


def _first_code(details: Iterable[ErrorDetails], rules: TextRules) -> str | None:
    faults = (detail.get("ctx", {}).get("fault") for detail in details)
    return next((rules.codes.get(fault) for fault in faults if fault), None)


def _unknown(name: object) -> str:
    if not isinstance(name, str) or not _SHOWABLE.fullmatch(name):
        return "arguments: one has a name that is no plain word; leave it out."
    close = difflib.get_close_matches(name, _EXPECTED, n=1)
    return f"{name}: there is no such argument" + (f"; did you mean {close[0]}?" if close else "; leave it out.")
