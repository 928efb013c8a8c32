"""What the page draws: a page of handsets, those that rang twice in front, and the callbacks that went badly."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from octoworker.sandbox import report
from octoworker.sandbox.accounts import Accounts
from octoworker.sandbox.handsets import Handsets, Message
from octoworker.sandbox.report import Document
from octoworker.sandbox.world import World

ON_A_PAGE = 60
"""Handsets: more than anybody looks at, few enough to draw several times a second."""
PINNED = 12
"""Handsets that rang twice and stay in front, however much happens since: one double in thousands must be seen."""
ON_A_HANDSET = 20
"""Messages shown of each."""
BAD_ANSWERS = 8
"""Callbacks shown that were answered badly, the latest."""


@dataclass(frozen=True)
class Look:
    """What somebody wants to see: digits of a number or words of a text, and which page (from 0)."""

    search: str = field(default="", repr=False)
    page: int = 0


def wall(world: World, accounts: Accounts, look: Look) -> Document:
    """The handsets that fit the search: those that rang twice, then those something last happened to, the latest first."""
    with world.reading() as version:
        found = list(_found(world.handsets, look.search))
        pages = max(1, -(-len(found) // ON_A_PAGE))
        page = min(max(0, look.page), pages - 1)
        numbers = list(islice(found, page * ON_A_PAGE, (page + 1) * ON_A_PAGE))
        return {
            "version": version,
            **report.counts(world),
            "twice": world.handsets.twice,
            "rung": world.handsets.rung,
            "handsets": _cards(world.handsets, numbers, accounts),
            "all": len(world.handsets.touched),
            "found": len(found),
            "page": page,
            "pages": pages,
            "bad_answers": [report.callback(each) for each in world.callbacks.faulty(BAD_ANSWERS)],
        }


def _found(handsets: Handsets, search: str) -> Iterable[str]:
    doubled = islice(reversed(handsets.doubled), PINNED)
    numbers = dict.fromkeys((*doubled, *reversed(handsets.touched)))
    words = search.strip().casefold()
    if not words:
        return numbers
    digits = _digits(words)
    return (number for number in numbers if (digits and digits in number) or _says(handsets, number, words))


def _digits(words: str) -> str:
    """Digits as they stand in E.164, from a number written in any usual way; "" when there is a letter in it."""
    if any(char.isalpha() for char in words):
        return ""
    digits = "".join(char for char in words if char.isdigit())
    if digits.startswith("00"):
        return digits[2:]
    return f"33{digits[1:]}" if digits.startswith("0") else digits


def _says(handsets: Handsets, number: str, words: str) -> bool:
    return any(words in message.shown.casefold() for message in handsets.messages.get(number, ()))


def _cards(handsets: Handsets, numbers: list[str], accounts: Accounts) -> list[Document]:
    waiting: dict[str, list[Message]] = {number: [] for number in numbers}
    for message in handsets.held():
        if message.recipient in waiting:
            waiting[message.recipient].append(message)
    return [_card(number, handsets.messages.get(number, []), waiting[number], accounts) for number in numbers]


def _card(number: str, rung: list[Message], waiting: list[Message], accounts: Accounts) -> Document:
    return {
        "recipient": number,
        "held": [report.held(message) for message in waiting[:ON_A_HANDSET]],
        "messages": [report.rung(message) for message in reversed(rung[-ON_A_HANDSET:])],
        "more": max(0, len(rung) - ON_A_HANDSET),
        "stopped": list(_stopped(number, accounts)),
    }


def _stopped(number: str, accounts: Accounts) -> Iterator[str]:
    """The generations in which this number said STOP."""
    return iter(dict.fromkeys(account.api for account in accounts.some() if number in account.blacklist))
