"""The one reader of a list of people: for `enqueue`, `enqueue_many`, campaigns, `bulk`, and the worker.

The same list gives the same people at every door: each number in E.164 and once, in the order given; each that cannot
be read with its reason. Numbers are read before anything is compared, counted or cut.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from types import MappingProxyType
from typing import Any, NamedTuple

from octoworker.errors import PayloadError
from octoworker.sms import recipient, sizes
from octoworker.sms.recipient import Numbers

NO_NUMBERS = "give each number as a string: one, or a list of them."

NOT_A_STRING = "give it as a string."

READ_FOR = "read_for"
"""Beside the arguments of a message that names somebody who could not be read where it was taken: the region of that reading."""

_READ_BEFORE = "it was no number for {}, the region where it was taken; write it with + and the code of its country."

_PLACES_NAMED = 3
"""Places in the list that are named for one reason."""


_NOBODY: Mapping[str, str] = MappingProxyType({})


class People(NamedTuple):
    """Whom a list names. `refused`: what was written, as it can stand in a record (40 characters at the most), and why.

    A tuple, because a web app makes thousands of them at once; its `repr` shows nobody.
    """

    good: tuple[str, ...]
    refused: Mapping[str, str]
    problems: tuple[str, ...] = ()
    """Why some are refused, without their numbers: each reason once, with the first places where it holds."""
    unread: tuple[Any, ...] = ()
    """Those who are refused, as they were given: one of each."""

    def __repr__(self) -> str:
        return f"People(good: {len(self.good)}, refused: {len(self.refused)})"


def read(recipients: object, policy: Numbers) -> People:
    """Read one number, or a list of them. PayloadError for what is neither, and for a list that is too long."""
    if type(recipients) is str:
        try:
            found = recipient.read(recipients, policy)
            if found == recipients or not policy.read_for:
                return People((found,), _NOBODY)
        except recipient.NumberRefused:
            return _read([recipients], policy, alone=True)
    match recipients:
        case str():
            return _read([recipients], policy, alone=True)
        case list() | tuple() if len(recipients) > sizes.LIST:
            raise PayloadError([f"recipients: list at most {sizes.LIST} of them in one message."])
        case list() | tuple():
            return _read(recipients, policy, alone=False)
        case _:
            raise PayloadError([f"recipients: {NO_NUMBERS}"])


def cut(recipients: Sequence[Any], most: int) -> Iterator[list[Any]]:
    """A long list in parts of about so many, the same ones each time, whatever the settings say.

    All spellings of one number end in the same figures, so who is written twice is in one part, whose message is to each
    person once. Entries that are equal are one.
    """
    alike: dict[str, list[Any]] = {}
    for each in dict.fromkeys(recipients):
        alike.setdefault(_end(each), []).append(each)
    part: list[Any] = []
    for some in alike.values():
        if part and len(part) + len(some) > most:
            yield part
            part = []
        part += some
    if part:
        yield part


def _end(each: Any) -> str:
    """The last figures of what is written, a whole number's `.0` left aside."""
    written = str(each)[: sizes.NUMBER]
    if found := recipient.FLOAT.fullmatch(written.strip(" '=\"")):
        written = found[1]
    return "".join(re.findall(r"\d", written))[-_ALIKE:]


_ALIKE = 6
"""Last figures by which two spellings may be of one number. Shorter than any number, so that no code of a country is among them."""


def _read(recipients: list[Any] | tuple[Any, ...], policy: Numbers, *, alone: bool) -> People:
    good: dict[str, None] = {}
    refused: dict[str, str] = {}
    places: dict[str, list[int]] = {}
    kept: dict[str, str] = {}
    unread: list[Any] = []
    for place, each in enumerate(recipients):
        try:
            good[_number(each, policy)] = None
        except recipient.NumberRefused as refusal:
            reason = str(refusal)
            name = _name(each)
            if name not in kept:
                kept[name] = _as_kept(name, refused)
                unread.append(each)
            refused[kept[name]] = reason
            places.setdefault(reason, []).append(place)
    return People(tuple(good), MappingProxyType(refused), tuple(_problems(places, alone=alone)), tuple(unread))


def _number(each: object, policy: Numbers) -> str:
    if not isinstance(each, str):
        raise recipient.NumberRefused(NOT_A_STRING)
    found = recipient.read(each, policy)
    # Read anew it could be somebody who is in this message, or in another one, by another spelling.
    if policy.read_for and found != each:
        raise recipient.NumberRefused(_READ_BEFORE.format(policy.read_for))
    return found


def read_for(arguments: Mapping[str, object]) -> str:
    """The region for which a message's numbers were read before; "" when they were not, or that is no region."""
    region = arguments.get(READ_FOR)
    return region if isinstance(region, str) and re.fullmatch(r"[A-Z]{2}", region) else ""


def _name(each: object) -> str:
    """What was written; of what is no text, the number or the type."""
    if isinstance(each, str):
        return each or "(empty)"
    if isinstance(each, bool) or not isinstance(each, int | float) or abs(each) > _LARGEST:
        return f"({type(each).__name__})"
    return str(each)


_LARGEST = 10**20
"""More digits than any telephone number, and few enough to be written out."""


def as_kept(each: object) -> str:
    """The name under which a record has the outcome of what was listed so."""
    return _as_kept(_name(each), {})


def _as_kept(name: str, others: Mapping[str, str]) -> str:
    """A name for the record: cut, in characters that UTF-8 can write, and not that of another."""
    own = name[: sizes.NUMBER + 1].encode("utf-8", "replace").decode()
    own = own if len(own) <= sizes.NUMBER else own[: sizes.NUMBER - 1] + "…"
    count = 1
    while own in others:
        count += 1
        mark = f"…{count}"
        own = f"{name[: sizes.NUMBER - len(mark)]}{mark}".encode("utf-8", "replace").decode()
    return own


def _problems(places: Mapping[str, list[int]], *, alone: bool) -> list[str]:
    named = []
    for reason, found in islice(places.items(), sizes.REASONS):
        where = "" if alone else ", ".join(f"[{place}]" for place in found[:_PLACES_NAMED])
        more = len(found) - _PLACES_NAMED
        named.append(f"recipients{where}{f' and {more} more' if more > 0 else ''}: {reason}")
    if left := sum(map(len, islice(places.values(), sizes.REASONS, None))):
        named.append(f"recipients: {left} more are refused for other reasons.")
    return named
