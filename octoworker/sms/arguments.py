"""The arguments of a message as a web app gives them, made plain: what JSON can carry, and nothing that is wrong at sight.

    plain_arguments({"recipients": user.phone, "text": gettext_lazy("..."), "send_at": tomorrow})

A mistake raises in the web app at once, and not in a worker later. It costs it nothing to import: whether a number can be
reached, and whether the text may go, is read by others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from numbers import Number
from typing import Any, get_args

from octoworker.errors import PayloadError
from octoworker.sms import consents, instants, people, sizes
from octoworker.sms.lanes import LANES
from octoworker.sms.policy import Policy
from octoworker.sms.shapes import SmsType
from octoworker.sms.texts import canonical

_NO_WORDS = (
    *(bytes, bytearray, memoryview, Number, Decimal, date, time, timedelta, BaseException, type),
    *(dict, list, tuple, set, frozenset, Mapping),
)
"""What has a `str()` that nobody means as the words of a message."""


def plain_arguments(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The same arguments in types that JSON has; None is left out. Instants become ISO-8601 in UTC.

    What stands for words becomes a str: a lazy translation, a phone number, a UUID, any object that says by `__str__`
    what it is. TypeError names the argument that is of another type. PayloadError: a lane or type of SMS that does not exist, a time
    that is no instant, or what is too large; all of them at once. In a list of recipients nothing is wrong at sight:
    the others shall get theirs.
    """
    found: dict[str, Any] = {}
    problems: list[str] = []
    for name, value in arguments.items():
        if value is None:
            continue
        kind = type(value)
        if (kind is str and len(value) <= _PLAIN_WORDS.get(name, -1)) or (kind is bool and name in _FLAGS):
            found[name] = value
            continue
        try:
            found[name] = _READERS[name](name, value) if name in _READERS else value
        except PayloadError as error:
            problems += error.problems
    if problems:
        raise PayloadError(problems)
    return found


_FLAGS = frozenset({"transactional", "with_replies", "hold"})
_PLAIN_WORDS: Mapping[str, int] = {
    "recipients": sizes.NUMBER,
    "text": sizes.TEXT,
    "sender": sizes.NUMBER,
    "idempotency_key": sizes.KEY,
    "reference": sizes.REFERENCE,
}
"""Words that are plain already, up to so many characters: the usual arguments need no reader."""


def kept(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of anybody's as a record keeps them: what is too large to be sent is cut, and is too large still.

    So that what was refused for its size stays refused, and fills no memory for as long as records are kept.
    """
    known_first = sorted(arguments, key=lambda name: name not in _READERS)
    return {name[: sizes.NAME]: _small(name, arguments[name]) for name in known_first[:_MOST_NAMES]}


_MOST_NAMES = 30
"""More than there are: one that does not exist stays among them."""

_SMALL = 1_000
"""Characters of a value that is neither words nor a list of recipients."""


def _small(name: str, value: Any) -> Any:
    if isinstance(value, str):
        return value[: _PLAIN_WORDS.get(name, sizes.REFERENCE) + 1]
    if name == "recipients" and isinstance(value, list):
        return [_small(name, each) for each in value[: sizes.LIST + 1]]
    return value if len(repr(value)) <= _SMALL else f"({type(value).__name__})"


def in_one_form(plain: Mapping[str, Any], policy: Policy) -> tuple[dict[str, Any], people.People]:
    """Plain arguments in the one form in which they are compared and kept, and whom the list names.

    Numbers in E.164, each once; the text in NFC with LF; type, sender and the flag as the settings fill them in. So what
    means the same SMS is the same: `06...` and `+336...`, CRLF and LF, a default that is written out or not.
    PayloadError for what is no list of recipients.
    """
    named = people.read(plain.get("recipients"), policy)
    filled = {"sms_type": policy.sms_type, "transactional": False, **plain, "recipients": list(named.good)}
    if policy.sender is not None and filled["sms_type"] != _WITHOUT_SENDER:
        filled.setdefault("sender", policy.sender)
    if isinstance(text := filled.get("text"), str):
        filled["text"] = canonical(text)
    return filled, named


_WITHOUT_SENDER = "XXX"
"""The type that shows a short number of the operator's."""


def _words(most: int) -> Callable[[str, Any], str]:
    """A reader of words that are no longer than that."""

    def read(name: str, value: Any) -> str:
        words = _as_words(name, value)
        if len(words) > most:
            raise PayloadError([f"{name}: use at most {most} characters."])
        return words

    return read


def _as_words(name: str, value: Any) -> str:
    if type(value) is str:
        return value
    if not isinstance(value, str) and not says_what_it_is(value):
        raise TypeError(f"{name}: give a string, not {type(value).__name__}.")
    return said_by(name, value)


def says_what_it_is(value: Any) -> bool:
    """Whether an object has words of its own, by `__str__`: any other would be shown as where it lies in memory."""
    return not isinstance(value, _NO_WORDS) and any("__str__" in each.__dict__ for each in type(value).__mro__[:-1])


def said_by(name: str, value: Any) -> str:
    """What it says it is. A phone number of a library's own type says it in E.164. TypeError: it cannot say it."""
    try:
        return str(str.__str__(value) if isinstance(value, str) else _e164(value) or str(value))
    except Exception as error:  # noqa: BLE001 - whatever a stranger's class raises
        kind = type(error).__name__
    raise TypeError(f"{name}: the {type(value).__name__} that was given has no words ({kind}).")


def _e164(value: Any) -> str:
    """`as_e164` of django-phonenumber-field; the parts of phonenumbers' own class, whose `str()` is a sentence."""
    if isinstance(e164 := getattr(value, "as_e164", None), str):
        return e164
    code, national = getattr(value, "country_code", None), getattr(value, "national_number", None)
    if not isinstance(code, int) or not isinstance(national, int):
        return ""
    zeros = (
        (getattr(value, "number_of_leading_zeros", None) or 1) if getattr(value, "italian_leading_zero", None) else 0
    )
    return f"+{code}{'0' * zeros}{national}"


def _recipients(name: str, value: Any) -> Any:
    if isinstance(value, list | tuple):
        if len(value) > sizes.LIST:
            raise PayloadError([f"{name}: list at most {sizes.LIST} of them in one message."])
        return [_recipient(name, each) for each in value]
    other_list = hasattr(value, "__iter__") and not hasattr(value, "encode")  # a lazy translation has both
    if not isinstance(value, str) and (other_list or not says_what_it_is(value)):
        raise TypeError(f"{name}: give a string, or a list of them, not {type(value).__name__}.")
    return _recipient(name, value)


def _recipient(name: str, each: Any) -> Any:
    """One of them, as JSON can carry it, for the reader of people to refuse if it must."""
    if isinstance(each, str) or says_what_it_is(each):
        words = said_by(name, each)
        return words if len(words) <= sizes.NUMBER else words[: sizes.NUMBER + 1]
    if each is None or isinstance(each, bool):
        return each
    small = isinstance(each, int | float) and abs(each) < _LARGEST  # which no infinity is, and what is no number
    return each if small else f"({type(each).__name__})"


_LARGEST = 10**20
"""More digits than any telephone number."""


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{name}: give True or False, not {type(value).__name__}.")
    return value


def _instant(name: str, value: Any) -> str | float:
    if isinstance(value, bool) or not isinstance(value, datetime | str | int | float):
        raise TypeError(f"{name}: give an aware datetime, not {type(value).__name__}.")
    try:
        at = instants.read(value)
    except instants.InstantRefused as refusal:
        sentence = str(refusal)
    else:
        return at.astimezone(UTC).isoformat()
    raise PayloadError([f"{name}: {sentence}"])


def _one_of(known: tuple[str, ...]) -> Callable[[str, Any], str]:
    """A reader of one of these words."""

    def read(name: str, value: Any) -> str:
        words = _as_words(name, value)
        if words not in known:
            raise PayloadError([f"{name}: use {', '.join(known[:-1])} or {known[-1]}."])
        return words

    return read


def _consent(name: str, value: Any) -> dict[str, str]:
    try:
        return consents.read(value)
    except consents.ConsentRefused as refusal:
        sentence = str(refusal)
    raise PayloadError([f"{name}: {sentence}"])


_READERS: Mapping[str, Callable[[str, Any], Any]] = {
    "recipients": _recipients,
    "text": _words(sizes.TEXT),
    "sms_type": _one_of(get_args(SmsType)),
    "sender": _words(sizes.NUMBER),
    "transactional": _flag,
    "with_replies": _flag,
    "hold": _flag,
    "send_at": _instant,
    "expires_at": _instant,
    "idempotency_key": _words(sizes.KEY),
    "reference": _words(sizes.REFERENCE),
    "lane": _one_of(LANES),
    "consent": _consent,
}
