"""What a caller may ask for: loose arguments come in, a `Message` that can be sent comes out.

1. Names that do not exist are refused, with the one that was probably meant.
2. Each field passes its chain of rules, written beside its type. A rule returns the value, or refuses with a sentence.
3. All that was refused is said in one PayloadError: a sentence for each field, and no number, text or key in any.

Codes are Octopush's own (octopush-api.md 5) where it would refuse for the same reason.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, ValidationError, ValidationInfo
from pydantic_core import ErrorDetails, PydanticCustomError

from octoworker.encoding import MAX_LENGTH, measure, unsendable
from octoworker.errors import PayloadError

STOP = "STOP au XXXXX"
"""Octopush puts the operator's short code in place of the five X. Exact case and count: seen live (7.3)."""

LOW_COST_LENGTH = 160
"""Counted units that an XXX message may have (code 119, 7.2)."""

LONGEST_WORDS = 200
"""Characters in an idempotency key or a reference: room for any id, too little for a document."""


@dataclass(frozen=True)
class Policy:
    """What the settings say about messages. Without `countries` an SMS may go anywhere.

    `FR` in `countries` stands for the French plan: it includes GP, GF, MQ, RE, YT, BL and MF, but not PM, NC and PF.
    """

    sender: str | None = None
    sms_type: str = "FR"
    region: str = "FR"
    countries: frozenset[str] = frozenset()
    allow_possible: bool = False
    """Take a number whose length fits but that the number plan does not list: plans on disk grow old."""
    max_recipients: int = 500
    """Octopush's advice for one call: above 500 it sees a growing risk of loss (2.3)."""


def _refused(sentence: str, error_code: str | None = None) -> PydanticCustomError:
    return PydanticCustomError("refused", "{sentence}", {"sentence": sentence, "error_code": error_code})


def _policy(info: ValidationInfo) -> Policy:
    return info.context if isinstance(info.context, Policy) else Policy()


_NEAR_STOP = re.compile(r"\bstop\W*(?:au)?\W*(?:x{2,}|\d{5}\b)", re.IGNORECASE)


def _with_line_feeds(text: str) -> str:
    """CRLF would be billed as four units."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _not_blank(text: str) -> str:
    if not text.strip():
        raise _refused("write something: it is empty.", "107")
    return text


def _visible(text: str) -> str:
    if found := unsendable(text):
        position, kind = found
        raise _refused(f"remove the {kind} (character {position + 1}).")
    return text


def _short_enough(text: str, info: ValidationInfo) -> str:
    length = measure(text).length
    if info.data.get("sms_type") == "XXX" and length > LOW_COST_LENGTH:
        raise _refused(f"use at most {LOW_COST_LENGTH} characters with XXX (it counts as {length}).", "119")
    if length > MAX_LENGTH:
        raise _refused(f"use at most {MAX_LENGTH} characters (it counts as {length}).", "102")
    return text


def _with_stop_mention(text: str, info: ValidationInfo) -> str:
    needed = info.data.get("sms_type") == "FR" and not info.data.get("transactional", True)
    if needed and STOP not in text:
        near = "the STOP mention is not exact; " if _NEAR_STOP.search(text) else ""
        raise _refused(
            f'{near}add "{STOP}" exactly so (five capital X), or set transactional when it advertises nothing.', "121"
        )
    return text


_SEPARATORS = re.compile("[ \u00a0\u2007\u2009\u202f.\\-\u2010\u2011/()]")

_SPELLINGS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\s*tel:", re.IGNORECASE), 'leave out "tel:".'),
    (re.compile("[\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]"), "remove the invisible character."),
    (re.compile(r"\d[\s.,;]*(?:x|ext[a-z]*|poste|#)[\s.:=]*\d+\s*$", re.IGNORECASE), "leave out the extension."),
    (re.compile("(?![0-9])\\d|\uff0b"), "write it with the plain digits 0 to 9 and a plain +."),
    (re.compile(r"[^\W\d_]"), "write digits, not letters."),
    (re.compile(r"[,;\n]"), "give several numbers as a list."),
)
"""How a number is not written, and what to do about it. The first that fits is said."""

_OVERSEAS: Mapping[str, tuple[str, ...]] = {
    "+262": ("0692", "0693", "0639", "07092", "070935", "070936", "070937"),
    "+590": ("0690", "0691", "07090"),
    "+594": ("0694", "070930", "070931", "070932", "070933"),
    "+596": ("0696", "0697", "07091"),
}
"""Mobile numbers that French users write nationally, though another country code leads there (Arcep's number plan)."""

_FRENCH_PLAN = frozenset({"GP", "GF", "MQ", "RE", "YT", "BL", "MF"})

_SHORT_CODE_DIGITS = 6
"""Longest emergency or service number, 118 218 for one."""

_NO_COUNTRY = "write it with + and a country code that exists."
_TOO_SHORT = "it has too few digits."
_TOO_LONG = "it has too many digits."
_NOT_PARSED: Mapping[int, str] = {0: _NO_COUNTRY, 1: _TOO_SHORT, 2: _TOO_SHORT, 3: _TOO_SHORT, 4: _TOO_LONG}
_WRONG_LENGTH: Mapping[int, str] = {
    1: _NO_COUNTRY,
    2: _TOO_SHORT,
    3: _TOO_LONG,
    4: "write it with its area code.",
    5: "it has a number of digits that its country does not use.",
}
"""By the values of phonenumbers' NumberParseException and ValidationResult."""

_NO_HANDSET: Mapping[str, str] = {
    "FIXED_LINE": "a fixed line",
    "TOLL_FREE": "a toll-free number",
    "PREMIUM_RATE": "a premium-rate number",
    "SHARED_COST": "a shared-cost number",
    "VOIP": "an internet telephony (VoIP) number",
    "PAGER": "a pager",
    "PERSONAL_NUMBER": "a forwarding number",
    "UAN": "a company number",
    "VOICEMAIL": "a voicemail box",
}
"""Kinds of valid numbers that no SMS reaches, or that only a fraudster wants to reach."""


@dataclass(frozen=True)
class _Found:
    """What the number plan knows of a number."""

    fault: str = ""
    e164: str = ""
    country: str = ""
    kind: str = ""
    valid: bool = False


def _plainly_written(number: str) -> str:
    """Digits, with + in front when a country code leads."""
    if reason := next((reason for pattern, reason in _SPELLINGS if pattern.search(number)), None):
        raise _refused(reason)
    bare = _SEPARATORS.sub("", number)
    if not re.fullmatch(r"\+?[0-9]+", bare):
        raise _refused("write digits, with spaces, dots, dashes, slashes or parentheses between them; + only in front.")
    return "+" + bare[2:] if bare.startswith("00") else bare


def _e164(number: str, info: ValidationInfo) -> str:
    policy = _policy(info)
    found = _look_up(_as_meant_in_france(number) if policy.region == "FR" else number, policy.region)
    if found.fault == _TOO_SHORT and len(number) <= _SHORT_CODE_DIGITS and not number.startswith("+"):
        raise _refused("emergency numbers and short codes receive no SMS.")
    if reason := found.fault or _unwelcome(found, policy):
        raise _refused(reason)
    return found.e164


def _as_meant_in_france(number: str) -> str:
    overseas = (code for code, prefixes in _OVERSEAS.items() if number.startswith(prefixes))
    code = next(overseas, None)
    return code + number[1:] if code else number


def _look_up(number: str, region: str) -> _Found:
    import phonenumbers as plan  # noqa: PLC0415 - 26 ms to load, which only a reader of numbers should pay

    try:
        parsed = plan.parse(number, region)
    except plan.NumberParseException as error:
        return _Found(fault=_NOT_PARSED.get(error.error_type, _NO_COUNTRY))
    kind = plan.number_type(parsed)
    return _Found(
        fault=_WRONG_LENGTH.get(plan.is_possible_number_with_reason(parsed), ""),
        e164=plan.format_number(parsed, plan.PhoneNumberFormat.E164),
        country=plan.region_code_for_number(parsed) or plan.region_code_for_country_code(parsed.country_code or 0),
        kind=plan.PhoneNumberType.to_string(kind),
        valid=kind != plan.PhoneNumberType.UNKNOWN,
    )


def _unwelcome(found: _Found, policy: Policy) -> str:
    """Why no SMS goes to a number of the right length, or ""."""
    if not found.valid and not policy.allow_possible:
        return "no operator has such a number; if it is new, OCTOWORKER_ALLOW_POSSIBLE=true lets it pass."
    if kind := _NO_HANDSET.get(found.kind):
        return f"this is {kind}; give a mobile number."
    if policy.countries and found.country not in _reachable(policy.countries):
        return f"its country ({found.country}) is not in OCTOWORKER_COUNTRIES."
    return ""


def _reachable(countries: frozenset[str]) -> frozenset[str]:
    return countries | _FRENCH_PLAN if "FR" in countries else countries


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
    limit = _policy(info).max_recipients
    if not once:
        raise _refused("give at least one number.", "103")
    if len(once) > limit:
        raise _refused(f"give at most {limit} different numbers; send the others in another message.")
    return once


_SENDER = re.compile(r"(?=[0-9]*[A-Za-z])[0-9A-Za-z]{3,11}")

_NO_INSTANT = "use ISO-8601 with an offset, epoch seconds, or an aware datetime."


def _as_shown(sender: str | None, info: ValidationInfo) -> str | None:
    """The sender that goes out. None with XXX, where the operator's short number is shown (7.5)."""
    sms_type = info.data.get("sms_type")
    if sms_type == "XXX" and sender is not None:
        raise _refused("leave it out with XXX: low cost shows a short number.")
    shown = None if sms_type == "XXX" else _policy(info).sender if sender is None else sender
    if shown is None and sms_type in ("FR", "WWW"):
        raise _refused("give one, or set OCTOWORKER_SENDER.", "106")
    if shown is not None and not _SENDER.fullmatch(shown):
        whose = "correct OCTOWORKER_SENDER: " if sender is None else ""
        raise _refused(f"{whose}use 3 to 11 letters and digits, at least one letter.", "106")
    return shown


def _instant(value: object) -> datetime | None:
    """An aware instant in UTC. Octopush's own "timestamp" is an epoch in seconds (3)."""
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


Recipient = Annotated[str, AfterValidator(_plainly_written), AfterValidator(_e164)]
Recipients = Annotated[tuple[Recipient, ...], BeforeValidator(_listed), AfterValidator(_each_once)]
Text = Annotated[
    str,
    AfterValidator(_with_line_feeds),
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
    """An SMS that can be sent: one text to 1..500 recipients (E.164, in the order given, each once).

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
    """Read the arguments of `octoworker.send_sms` (contract.md, "The task"). None means left out.

    Raises PayloadError with a sentence for each wrong field, all at once, and Octopush's code of the first that has one.
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
        raise PayloadError([*_sentences(details, given["recipients"]), *problems], _first_code(details))
    return message


def _sentences(details: Iterable[ErrorDetails], recipients: object) -> Iterator[str]:
    for detail in details:
        field, *position = detail["loc"]
        where = f"{field}[{position[0]}]" if position and not isinstance(recipients, str) else field
        yield f"{where}: {detail['msg'] if detail['type'] == 'refused' else _EXPECTED[str(field)]}"


def _first_code(details: Iterable[ErrorDetails]) -> str | None:
    codes = (detail.get("ctx", {}).get("error_code") for detail in details)
    return next((code for code in codes if code), None)


def _unknown(name: object) -> str:
    if not isinstance(name, str) or not _SHOWABLE.fullmatch(name):
        return "arguments: one has a name that is no plain word; leave it out."
    close = difflib.get_close_matches(name, _EXPECTED, n=1)
    return f"{name}: there is no such argument" + (f"; did you mean {close[0]}?" if close else "; leave it out.")


@lru_cache
def calling_code(country: str) -> str:
    """`+33` for FR; "" for a country without one."""
    import phonenumbers  # noqa: PLC0415 - loaded when the first number is read

    code = phonenumbers.country_code_for_region(country)
    return f"+{code}" if code else ""
