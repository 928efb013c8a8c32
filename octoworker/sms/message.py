"""What a caller may ask for: loose arguments come in, a `Message` that can be sent comes out.

1. Names that do not exist are refused, with the one that was probably meant.
2. Each field passes its chain of rules, written beside its type. A rule returns the value, or refuses with a sentence.
3. All that was refused is said in one PayloadError: a sentence for each field, and no number, text or key in any.

Codes are Octopush's own (docs/octopush.md#codes) where it would refuse for the same reason.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, ValidationError, ValidationInfo
from pydantic_core import ErrorDetails, PydanticCustomError

from octoworker.errors import PayloadError
from octoworker.sms import instants, people, recipient, sizes
from octoworker.sms.encoding import MAX_LENGTH, measure, unsendable
from octoworker.sms.policy import Policy
from octoworker.sms.texts import canonical, html_remains

__all__ = ("STOP", "Message", "Policy", "parse")

STOP = "STOP au XXXXX"
"""Octopush puts the operator's short code in place of the five X. Exact case and count: seen live
(docs/octopush.md#the-stop-mention)."""

LOW_COST_LENGTH = 160
"""Counted units that an XXX message may have (code 119, docs/octopush.md#sizes)."""


def _refused(sentence: str, error_code: str | None = None) -> PydanticCustomError:
    return PydanticCustomError("refused", "{sentence}", {"sentence": sentence, "error_code": error_code})


def _policy(info: ValidationInfo) -> Policy:
    return info.context if isinstance(info.context, Policy) else Policy()


_MENTION = re.compile(rf"(?<!\w){STOP}(?!\w)")
_NEAR_STOP = re.compile(r"stop\W{0,5}(?:au\W{0,5})?(?:x{2}|[0-9]{5}(?![0-9]))", re.IGNORECASE)


_UNREADABLE = "\N{REPLACEMENT CHARACTER}"
"""What a decoder writes for bytes that it cannot read."""


def _within_size(text: str) -> str:
    if len(text) > sizes.TEXT:
        raise _refused(f"use at most {MAX_LENGTH} characters (it has {len(text)}).", "102")
    return text


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
    """The operators of France ask for it, so a text that nobody in France gets needs none."""
    premium = info.data.get("sms_type") == "FR" and not info.data.get("transactional", True)
    people = info.data.get("recipients", ())
    if premium and not _MENTION.search(text) and (not people or any(map(recipient.is_french, people))):
        near = "the STOP mention is not exact; " if _NEAR_STOP.search(text) else ""
        raise _refused(
            f'{near}add "{STOP}" exactly so (five capital X), or set transactional when it is no marketing.', "121"
        )
    return text


_SENDER = re.compile(r"(?=[0-9]*[A-Za-z])[0-9A-Za-z]{3,11}")


def _as_shown(sender: str | None, info: ValidationInfo) -> str | None:
    """The sender that goes out. None with XXX, where the operator's short number is shown."""
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
    """An aware instant in UTC. Octopush's own "timestamp" is an epoch in seconds."""
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
    AfterValidator(_short_enough),
    AfterValidator(_with_stop_mention),
]
Sender = Annotated[str | None, AfterValidator(_as_shown)]
Instant = Annotated[datetime | None, BeforeValidator(_instant)]
Words = Annotated[str | None, AfterValidator(_words)]
Lane = Annotated[Literal["urgent", "normal", "bulk"], BeforeValidator(_lane)]


class Message(BaseModel):
    """An SMS that can be sent: one text to 1..500 recipients (E.164, in the order given, each once).

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
    send_at: Instant
    expires_at: Annotated[Instant, AfterValidator(_after_send_at)]
    hold: bool | None
    idempotency_key: Words
    reference: Words
    lane: Lane
    refused: dict[str, str] = {}

    @property
    def warnings(self) -> tuple[str, ...]:
        """What may be a mistake, though it can be sent: a sentence each, none of which repeats the text."""
        remains = (f"text: {each}" for each in html_remains(self.text))
        return (*remains, *self._garbled(), *self._without_mention())

    def _garbled(self) -> Iterator[str]:
        if _UNREADABLE in self.text:
            yield "text: it was garbled before it came here; look at how its letters with accents are read and stored."

    def _without_mention(self) -> Iterator[str]:
        """Octopush asks for the mention with FR alone; the operators of France ask for it in all marketing."""
        if self.transactional or self.sms_type == "FR" or _MENTION.search(self.text):
            return
        if any(map(recipient.is_french, self.recipients)):
            yield f'text: marketing in France names a way out; add "{STOP}", or set transactional.'

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
    "send_at": instants.NO_INSTANT,
    "hold": _FLAG,
    "expires_at": instants.NO_INSTANT,
    "idempotency_key": f"use 1 to {sizes.KEY} printable characters, as a string.",
    "reference": f"use 1 to {sizes.REFERENCE} printable characters, as a string.",
    "lane": "use urgent, normal or bulk.",
}
"""What each field wants, for a value of another type. Its keys are the arguments of the contract."""

_LONGEST_NAME = 40

_SHOWABLE = re.compile(r"(?!.*[0-9]{4})[A-Za-z_][A-Za-z0-9_]*")
"""A name that looks like one. Others are not repeated: a number or a text may have slipped into the name's place."""


def parse(arguments: Mapping[str, object], policy: Policy) -> Message:
    """Read the arguments of `octoworker.send_sms`. None means left out.

    Raises PayloadError with a sentence for each wrong field, all at once, and Octopush's code of the first that has one.
    """
    known = {name: value for name, value in arguments.items() if name in _EXPECTED and value is not None}
    wanted, problems, code = _people(known.get("recipients"), policy)
    given = {**dict.fromkeys(_EXPECTED), "sms_type": policy.sms_type, "transactional": False, **known}
    given |= {"recipients": wanted.good, "refused": dict(wanted.refused)}
    details: list[ErrorDetails] = []
    try:
        message = Message.model_validate(given, context=policy)
    except ValidationError as error:
        details = error.errors(include_input=False, include_url=False)
    problems += [*_sentences(details), *_unknown(arguments)]
    if problems:
        # Raised out here, so that no traceback leads back to pydantic's error, which holds the values.
        raise PayloadError(problems, code or _first_code(details))
    return message


_NOBODY = people.People((), {})


def _people(recipients: object, policy: Policy) -> tuple[people.People, list[str], str | None]:
    """Whom it goes to, and what is wrong with the list as a whole: then nobody gets it."""
    try:
        found = people.read(recipients, policy)
    except PayloadError as error:
        return _NOBODY, list(error.problems), None
    if not found.good and not found.refused:
        return _NOBODY, ["recipients: give at least one number."], "103"
    if not found.good or (found.refused and policy.strict):
        return _NOBODY, list(found.problems), None
    if len(found.good) > policy.max_recipients:
        limit = f"give at most {policy.max_recipients} different numbers; send the others in another message."
        return _NOBODY, [f"recipients: {limit}"], None
    return found, [], None


def _sentences(details: Iterable[ErrorDetails]) -> Iterator[str]:
    for detail in details:
        field = str(detail["loc"][0])
        yield f"{field}: {detail['msg'] if detail['type'] == 'refused' else _EXPECTED[field]}"


def _first_code(details: Iterable[ErrorDetails]) -> str | None:
    codes = (detail.get("ctx", {}).get("error_code") for detail in details)
    return next((code for code in codes if code), None)


def _unknown(arguments: Mapping[str, object]) -> Iterator[str]:
    """A sentence for each of the first names that do not exist."""
    names = [name for name in arguments if name not in _EXPECTED]
    yield from map(_no_such, names[: sizes.REASONS])
    if (more := len(names) - sizes.REASONS) > 0:
        yield f"arguments: {more} more have names that do not exist; leave them out."


def _no_such(name: object) -> str:
    if not isinstance(name, str) or len(name) > _LONGEST_NAME or not _SHOWABLE.fullmatch(name):
        return "arguments: one has a name that is no plain word; leave it out."
    close = difflib.get_close_matches(name, _EXPECTED, n=1)
    return f"{name}: there is no such argument" + (f"; did you mean {close[0]}?" if close else "; leave it out.")
