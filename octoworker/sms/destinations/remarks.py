"""What will not arrive, or may not be sent, is said of a message before it goes. Pure: the message and the choices in.

    found = judge(sms, choices)
    found.remarks     one for each rule and country that it meets: what it does, how many people, and what to do about it
    found.refused     the numbers that it does not go to, and why

A remark repeats no number and no text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from octoworker.sms.destinations.choices import Choices
from octoworker.sms.destinations.table import Kind, Line
from octoworker.sms.message import Message
from octoworker.sms.recipient import country_of
from octoworker.sms.shapes import RemarkRecord
from octoworker.sms.texts import mentions


@dataclass(frozen=True)
class Remark:
    """A rule of one country that a message meets. `people`: how many of its recipients are there."""

    kind: Kind
    country: str
    does: Literal["warn", "refuse"]
    people: int
    says: str

    def __str__(self) -> str:
        return f"{self.country}: {self.says}"

    @property
    def counted(self) -> str:
        """The same, with how many people it is about."""
        people = f"{self.people} {'people' if self.people > 1 else 'person'}"
        return f"{self.country}, {people}{', not sent' if self.does == 'refuse' else ''}: {self.says}"

    @property
    def reason(self) -> str:
        """Why somebody does not get it, in one word of the record."""
        return f"destination:{self.kind}"

    def as_json(self) -> RemarkRecord:
        return {
            "kind": self.kind,
            "country": self.country,
            "does": self.does,
            "people": self.people,
            "says": self.says,
        }


@dataclass(frozen=True)
class Judgement:
    """What the table says of a message."""

    remarks: tuple[Remark, ...] = ()
    refused: Mapping[str, Remark] = field(default_factory=dict, repr=False)
    """By number: the first rule that refuses it."""

    @property
    def warnings(self) -> tuple[Remark, ...]:
        return tuple(each for each in self.remarks if each.does == "warn")

    @property
    def refusals(self) -> tuple[Remark, ...]:
        return tuple(each for each in self.remarks if each.does == "refuse")


def judge(sms: Message, choices: Choices, *, out_of_hours: Collection[str] = ()) -> Judgement:
    """All that the table says of it. `out_of_hours`: countries whose hours are closed then, and only warned of."""
    people = by_country(sms.recipients)
    remarks, refused = [], dict[str, Remark]()
    for country, numbers in people.items():
        for line, does in choices.judging(country):
            if not _meets(line, country, sms, choices, out_of_hours):
                continue
            remark = Remark(line.kind, country, does, len(numbers), _sentence(line, sms))
            remarks.append(remark)
            if does == "refuse":
                refused |= {number: remark for number in numbers if number not in refused}
    return Judgement(tuple(remarks), refused)


def by_country(numbers: Collection[str]) -> dict[str, list[str]]:
    """The numbers of each country, in their order."""
    found: dict[str, list[str]] = {}
    for number in numbers:
        found.setdefault(country_of(number), []).append(number)
    return found


def _meets(line: Line, country: str, sms: Message, choices: Choices, out_of_hours: Collection[str]) -> bool:
    """Whether the message is what the line is about."""
    if line.kind == "hours":
        return country in out_of_hours
    check = _CHECKS.get(line.kind)
    return check is not None and check(line, country, sms, choices)


def _is_general(line: Line, country: str, sms: Message, choices: Choices) -> bool:
    sender = sms.sender
    return sender is not None and sender.lower() in line.values and not choices.is_registered(sender, country)


def _has_no_letter(_: Line, __: str, sms: Message, ___: Choices) -> bool:
    return sms.sender is not None and sms.sender.isdigit()


def _is_unregistered(_: Line, country: str, sms: Message, choices: Choices) -> bool:
    return sms.sender is not None and not choices.is_registered(sms.sender, country)


def _has_a_sender(_: Line, __: str, sms: Message, ___: Choices) -> bool:
    return sms.sender is not None


def _has_a_shortener(line: Line, _: str, sms: Message, __: Choices) -> bool:
    return any(host in line.values for host, _ in hosts(sms.text))


def _has_a_link(_: Line, __: str, sms: Message, ___: Choices) -> bool:
    return any(is_link for _, is_link in hosts(sms.text))


def _has_no_way_out(_: Line, __: str, sms: Message, ___: Choices) -> bool:
    """With FR it has one, or was refused already: Octopush asks for it there, and leaves it to the sender elsewhere."""
    return not sms.transactional and sms.rules is not None and not mentions(sms.text, sms.rules.stop_mentions)


def _has_no_consent(_: Line, __: str, sms: Message, ___: Choices) -> bool:
    return not sms.transactional and sms.consent is None


def _is_french(_: Line, __: str, sms: Message, ___: Choices) -> bool:
    return sms.sms_type == "FR"


_CHECKS: Mapping[Kind, Callable[[Line, str, Message, Choices], bool]] = {
    "sender_word": _is_general,
    "sender_digits": _has_no_letter,
    "sender_register": _is_unregistered,
    "sender_replaced": _has_a_sender,
    "shortener": _has_a_shortener,
    "link": _has_a_link,
    "stop": _has_no_way_out,
    "type": _is_french,
    "consent": _has_no_consent,
}


def _sentence(line: Line, sms: Message) -> str:
    """The rule, and what to do about it where the rule does not say so."""
    do = {
        "sender_register": "Name it in OCTOWORKER_SENDERS once it stands there.",
        "stop": f"{_capital(sms.rules.stop_advice)}, or set transactional when it is no marketing."
        if sms.rules
        else "",
        "consent": "Give consent=, with its id, date and source, or set transactional when it is no marketing.",
        "hours": "Send it then, or leave the waiting to octoworker (hours=wait).",
    }
    return f"{line.says} {do.get(line.kind, '')}".rstrip()


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


_SCHEME = re.compile(r"[a-z]{2,10}://")
_HOST = re.compile(r"[a-z0-9][a-z0-9.\-]{0,250}\.[a-z]{2,24}")
_AROUND = "\"'()[]<>{},;!?:.*«»\u201c\u201d\u2018\u2019"


def hosts(text: str) -> Iterator[tuple[str, bool]]:
    """What looks like the host of a link, in small letters without `www.`; and whether it surely is one: with a scheme,
    `www.` or a path. `example.fr` alone may be a name."""
    if "." not in text:
        return
    for word in text.lower().split():
        if "." not in (bare := word.strip(_AROUND)):
            continue
        scheme = _SCHEME.match(bare)
        rest = bare[scheme.end() :] if scheme else bare
        host = re.split(r"[/?#:]", rest, maxsplit=1)[0]
        if _HOST.fullmatch(host) and "@" not in rest:
            named = host.removeprefix("www.")
            yield named, bool(scheme) or named != host or (len(rest) > len(host) and rest[len(host)] in "/?#")
