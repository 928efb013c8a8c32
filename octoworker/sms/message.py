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
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, cast

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    PrivateAttr,
    ValidationError,
    ValidationInfo,
)
from pydantic_core import ErrorDetails, PydanticCustomError

from octoworker.errors import Fault, PayloadError
from octoworker.sms import consents, instants, people, recipient, sizes
from octoworker.sms.encoding import measure, unsendable
from octoworker.sms.policy import Policy
from octoworker.sms.rules import TextRules
from octoworker.sms.texts import canonical, html_remains, mentions

__all__ = ("Message", "Policy", "parse")


def _refused(sentence: str, fault: Fault | None = None) -> PydanticCustomError:
    return PydanticCustomError("refused", "{sentence}", {"sentence": sentence, "fault": fault})


def _policy(info: ValidationInfo) -> Policy:
    """`parse` brings it along."""
    return cast("Policy", info.context)


def _rules(info: ValidationInfo) -> TextRules:
    return cast("TextRules", _policy(info).rules)


_METROPOLITAN = "+33"


def _in_france(wanted: bool, info: ValidationInfo) -> bool:  # noqa: FBT001 - pydantic gives it so
    """Octopush has numbers that take answers in metropolitan France alone, and for premium SMS."""
    if wanted and info.data.get("sms_type") != "FR":
        raise _refused("use it with the type FR only.")
    if wanted and not all(number.startswith(_METROPOLITAN) for number in info.data.get("recipients", ())):
        raise _refused("use it with numbers of metropolitan France only.")
    return wanted


_NEAR_STOP = re.compile(r"stop\W{0,5}(?:au\W{0,5})?(?:x{2}|[0-9]{5}(?![0-9]))", re.IGNORECASE)


_UNREADABLE = "\N{REPLACEMENT CHARACTER}"
"""What a decoder writes for bytes that it cannot read."""


def _within_size(text: str, info: ValidationInfo) -> str:
    if len(text) > sizes.TEXT:
        most = _rules(info).max_length
        raise _refused(f"use at most {most} characters (it has {len(text)}).", "text_too_long")
    return text


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
    length, rules = measure(text).length, _rules(info)
    if info.data.get("sms_type") == "XXX" and length > rules.low_cost_length:
        sentence = f"use at most {rules.low_cost_length} characters with XXX (it counts as {length})."
        raise _refused(sentence, "text_too_long_for_low_cost")
    if length > rules.max_length:
        raise _refused(f"use at most {rules.max_length} characters (it counts as {length}).", "text_too_long")
    return text


def _with_stop_mention(text: str, info: ValidationInfo) -> str:
    """The operators of France ask for it, so a text that nobody in France gets needs none."""
    rules = _rules(info)
    premium = info.data.get("sms_type") == "FR" and not info.data.get("transactional", True)
    people = info.data.get("recipients", ())
    if premium and not mentions(text, rules.stop_mentions) and (not people or any(map(recipient.is_french, people))):
        near = "the STOP mention is not exact; " if _NEAR_STOP.search(text) else ""
        raise _refused(f"{near}{rules.stop_advice}, or set transactional when it is no marketing.", "stop_missing")
    return text


def _final(text: str, info: ValidationInfo) -> str:
    """A text is sent as it stands: what is left of somebody's template would reach the handset emptied."""
    if found := [each for each in _rules(info).placeholders if each in text]:
        raise _refused(f"write {found[0]} out: Octopush would put something else in its place.")
    return text


_SENDER = re.compile(r"(?=[0-9]*[A-Za-z])[0-9A-Za-z]{3,11}")


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
        return instants.read(value)
    except instants.InstantRefused as refusal:
        sentence = str(refusal)
    raise _refused(sentence)


def _after_send_at(expires_at: datetime | None, info: ValidationInfo) -> datetime | None:
    send_at = info.data.get("send_at")
    if expires_at and send_at and expires_at <= send_at:
        raise _refused("choose a time after send_at, or it could never be sent.")
    return expires_at


def _words(value: str | None) -> str | None:
    """A blank key would make one message of all that carry it."""
    if value is not None and not (len(value) <= sizes.KEY and value.isprintable() and value.strip()):
        raise _refused(f"use 1 to {sizes.KEY} printable characters.")
    return value


def _lane(value: object, info: ValidationInfo) -> object:
    if value is not None:
        return value
    alone = len(info.data.get("recipients", ())) == 1
    return "urgent" if alone and info.data.get("transactional") else "normal"


Text = Annotated[
    str,
    AfterValidator(_within_size),
    AfterValidator(canonical),
    AfterValidator(_not_blank),
    AfterValidator(_visible),
    AfterValidator(_final),
    AfterValidator(_short_enough),
    AfterValidator(_with_stop_mention),
]
Sender = Annotated[str | None, AfterValidator(_as_shown)]
Replies = Annotated[bool, AfterValidator(_in_france)]
Instant = Annotated[datetime | None, BeforeValidator(_instant)]
Words = Annotated[str | None, AfterValidator(_words)]
Lane = Annotated[Literal["urgent", "normal", "bulk"], BeforeValidator(_lane)]


def _consent(value: object) -> dict[str, str] | None:
    if value is None:
        return None
    try:
        return consents.read(value)
    except consents.ConsentRefused as refusal:
        sentence = str(refusal)
    raise _refused(sentence)


Consent = Annotated[dict[str, str] | None, BeforeValidator(_consent)]


class Message(BaseModel):
    """An SMS that can be sent: one text to one recipient or more (E.164, in the order given, each once).

    Built by `parse` only. Instants are aware and in UTC; the text is in NFC with LF; `sender` is None with XXX.
    `refused` holds whom it does not go to, as written (40 characters at the most), and why.
    The fields stand in the order their rules need: the text's look at the type, the lane's at the recipients.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", hide_input_in_errors=True)

    sms_type: Literal["FR", "XXX", "WWW"]
    transactional: bool
    recipients: tuple[str, ...]
    text: Text
    sender: Sender
    with_replies: Replies
    send_at: Instant
    expires_at: Annotated[Instant, AfterValidator(_after_send_at)]
    hold: bool | None
    idempotency_key: Words
    reference: Words
    lane: Lane
    consent: Consent
    refused: dict[str, str] = {}
    _rules: TextRules | None = PrivateAttr(default=None)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What may be a mistake, though it can be sent: a sentence each, none of which repeats the text."""
        remains = (f"text: {each}" for each in html_remains(self.text))
        return (*remains, *self._garbled())

    @property
    def rules(self) -> TextRules | None:
        """Those of the API for which it was read."""
        return self._rules

    def _garbled(self) -> Iterator[str]:
        if _UNREADABLE in self.text:
            yield "text: it was garbled before it came here; look at how its letters with accents are read and stored."

    @property
    def surcharge(self) -> Decimal:
        """What each recipient costs beside the segments, as the provider says it."""
        return self._rules.reply_price if self.with_replies and self._rules else Decimal(0)

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
    "recipients": people.NO_NUMBERS,
    "text": "give the words to send, as a string.",
    "sms_type": "use FR, XXX or WWW.",
    "sender": "use 3 to 11 letters and digits, as a string.",
    "transactional": _FLAG,
    "with_replies": _FLAG,
    "send_at": instants.NO_INSTANT,
    "hold": _FLAG,
    "expires_at": instants.NO_INSTANT,
    "idempotency_key": f"use 1 to {sizes.KEY} printable characters, as a string.",
    "reference": f"use 1 to {sizes.REFERENCE} printable characters, as a string.",
    "lane": "use urgent, normal or bulk.",
    "consent": consents.WANTED,
}
"""What each field wants, for a value of another type. Its keys are the arguments of the contract."""

_OF_CELERY: Mapping[str, str] = {
    "positional": "give the arguments by name, as kwargs; positional ones are not read.",
    **dict.fromkeys(
        ("link", "link_error", "chain", "chord"), "it would make this worker publish another task; leave it out."
    ),
}
"""What a Celery producer may give beside the arguments, and what a worker does not do for it."""

_LONGEST_NAME = 40

_SHOWABLE = re.compile(r"(?!.*[0-9]{4})[A-Za-z_][A-Za-z0-9_]*")
"""A name that looks like one. Others are not repeated: a number or a text may have slipped into the name's place."""


def parse(arguments: Mapping[str, object], policy: Policy) -> Message:
    """Read the arguments of `octoworker.send_sms`. None means left out.

    Raises PayloadError with a sentence for each wrong field, all at once, and the provider's code for the first that has one.
    """
    if policy.rules is None:
        raise TypeError("parse() needs the rules of an API in its policy.")
    known = {name: value for name, value in arguments.items() if name in _EXPECTED and value is not None}
    reader = replace(policy, read_for=region) if (region := people.read_for(arguments)) else policy
    wanted, problems, code = _people(known.get("recipients"), reader, policy.rules)
    given = {
        **dict.fromkeys(_EXPECTED),
        "sms_type": policy.sms_type,
        "transactional": False,
        "with_replies": False,
        **known,
    }
    given |= {"recipients": wanted.good, "refused": dict(wanted.refused)}
    details: list[ErrorDetails] = []
    try:
        message = Message.model_validate(given, context=policy)
    except ValidationError as error:
        details = error.errors(include_input=False, include_url=False)
    problems += [*_sentences(details), *_unknown(arguments)]
    if problems:
        # Raised out here, so that no traceback leads back to pydantic's error, which holds the values.
        raise PayloadError(problems, code or _first_code(details, policy.rules))
    message._rules = policy.rules  # noqa: SLF001 - a part of it, which pydantic does not take as a field
    return message


_NOBODY = people.People((), {})


def _people(recipients: object, policy: Policy, rules: TextRules) -> tuple[people.People, list[str], str | None]:
    """Whom it goes to, and what is wrong with the list as a whole: then nobody gets it."""
    try:
        found = people.read(recipients, policy)
    except PayloadError as error:
        return _NOBODY, list(error.problems), None
    if not found.good and not found.refused:
        return _NOBODY, ["recipients: give at least one number."], rules.codes.get("no_recipient")
    if not found.good or (found.refused and policy.strict):
        return _NOBODY, list(found.problems), None
    if len(found.good) > rules.max_recipients:
        limit = f"give at most {rules.max_recipients} different numbers; send the others in another message."
        return _NOBODY, [f"recipients: {limit}"], None
    return found, [], None


def _sentences(details: Iterable[ErrorDetails]) -> Iterator[str]:
    for detail in details:
        field = str(detail["loc"][0])
        yield f"{field}: {detail['msg'] if detail['type'] == 'refused' else _EXPECTED[field]}"


def _first_code(details: Iterable[ErrorDetails], rules: TextRules) -> str | None:
    faults = (detail.get("ctx", {}).get("fault") for detail in details)
    return next((rules.codes.get(fault) for fault in faults if fault), None)


def _unknown(arguments: Mapping[str, object]) -> Iterator[str]:
    """A sentence for each of the first names that do not exist."""
    beside = (people.READ_FOR,) if people.read_for(arguments) else ()
    names = [name for name in arguments if name not in _EXPECTED and name not in beside]
    yield from map(_no_such, names[: sizes.REASONS])
    if (more := len(names) - sizes.REASONS) > 0:
        yield f"arguments: {more} more have names that do not exist; leave them out."


def _no_such(name: object) -> str:
    if not isinstance(name, str) or len(name) > _LONGEST_NAME or not _SHOWABLE.fullmatch(name):
        return "arguments: one has a name that is no plain word; leave it out."
    if name in _OF_CELERY:
        return f"{name}: {_OF_CELERY[name]}"
    close = difflib.get_close_matches(name, _EXPECTED, n=1)
    return f"{name}: there is no such argument" + (f"; did you mean {close[0]}?" if close else "; leave it out.")
