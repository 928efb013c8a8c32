"""How Octopush counts a text: which alphabet it needs, how long it is, and how many segments are billed.

1. Octopush replaces what its GSM-7 set lacks by the nearest sign: ç by c, … by three dots.
2. When all that is left is in the set, GSM-7 counts, and some signs count double. One foreign sign makes it all UCS-2.
3. One segment holds 160 or 70. A longer text is cut into segments of 153 or 67, and no sign is cut in two.

Octopush's pages disagree in places. Where they do, the dearer reading counts here, so that no limit is passed unseen;
the bill is what Octopush answers. Source: docs/octopush.md#alphabet-and-counting.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Literal

Alphabet = Literal["gsm7", "ucs2"]

ROOM: Mapping[Alphabet, tuple[int, int]] = {"gsm7": (160, 153), "ucs2": (70, 67)}
"""Units in a lone segment, and in each of several: the header that joins them takes 7 septets or 3 UTF-16 units."""

DOUBLED = frozenset("{}€[]~^¨|&$@\n\r\t")
"""Signs that Octopush counts twice: its page's own 15. The GSM standard counts & $ @ and line ends once."""

GSM7 = DOUBLED.union(
    "0123456789 ABCDEFGHIJKLMNOPQRSTUVWXYZ abcdefghijklmnopqrstuvwxyz",
    "!\"#%'()*+,-./:;<=>?_¡¿§¤£¥",
    "àéèìòùäöüñåæøßÇÉÄÖÜÑÅÆØ",
    "ΓΔΘΛΞΠΣΦΨΩ",
)
"""Every sign that reaches the handset without turning the message into UCS-2."""

REPLACED: Mapping[str, str] = {
    **dict(zip("ÀÁÂÃÈÊËÌÍÎÏÐÒÓÔÕÙÚÛÝŸ", "AAAAEEEIIIIDOOOOUUUYY", strict=True)),
    **dict(zip("áâãêëíîïðóôõúûýÿ", "aaaeeiiidooouuyy", strict=True)),
    **dict(zip("çµÞ°¨^|\\«»•", 'cuyo--I/""-', strict=True)),
    "\N{LEFT SINGLE QUOTATION MARK}": "'",
    "\N{RIGHT SINGLE QUOTATION MARK}": "'",
    "\N{LEFT DOUBLE QUOTATION MARK}": '"',
    "\N{RIGHT DOUBLE QUOTATION MARK}": '"',
    "\N{EN DASH}": "-",
    "\N{EM DASH}": "-",
    "\N{HORIZONTAL ELLIPSIS}": "...",
}
"""What Octopush puts in place of a sign, unless the whole text is UCS-2. œ and the no-break spaces are not on its list."""

_IN_PLACE = str.maketrans(dict(REPLACED))

_COUNTED_AS = str.maketrans({sign: shown for sign, shown in REPLACED.items() if sign not in DOUBLED})
"""^ ¨ | are on both of Octopush's lists, replaced and doubled: two units is the dearer reading."""

LAST_SINGLE = 0xFFFF
"""Highest character that UTF-16 writes in one unit; emoji lie above it and take a surrogate pair."""

_PICTURES = "\U0001f000-\U0001faff"
_EMOJI = f"©®\u203c-\u2bff\u3030\u303d\u3297\u3299{_PICTURES}"
_EMOJI_GLUE = re.compile(
    f"(?<=[{_EMOJI}])\ufe0f|(?<=[0-9#*])\ufe0f(?=\u20e3)|(?<=[{_EMOJI}\ufe0f])\u200d(?=[{_EMOJI}])"
)
"""The variation selector and the joiner where they build one emoji. Anywhere else they only hide."""

_NEW_PICTURE = re.compile(f"[{_PICTURES}]")
"""The emoji planes pass unlooked at: phones learn new emoji sooner than Python's tables do."""

_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
"""Letters and marks by category, but nothing to see: fillers and variation selectors."""

_KINDS: Mapping[str, str] = {
    "Cc": "control character",
    "Cf": "invisible character",
    "Cs": "half of a surrogate pair",
    "Co": "private-use character",
    "Cn": "character that Unicode has not assigned",
    "Zl": "line separator",
    "Zp": "paragraph separator",
}
"""Unicode categories that no text needs. Cf holds the zero-width signs and those that turn the direction of writing."""


INSTEAD: Mapping[str, str] = {
    **dict.fromkeys("\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000", " "),
    **dict.fromkeys("\u2010\u2011\u2012\u2015\u2212", "-"),
    **dict.fromkeys("\u201a\u201b\u2032\u00b4`\u02bc", "'"),
    **dict.fromkeys("\u201e\u201f\u2033\u2039\u203a", '"'),
    **dict(zip("œŒ·→№™©®łŁ", ("oe", "OE", ".", "->", "No", "(TM)", "(C)", "(R)", "l", "L"), strict=True)),
}
"""What a person may write in place of a sign that makes a text Unicode and that Octopush does not replace."""


@dataclass(frozen=True)
class Foreign:
    """A sign that makes a text Unicode: how often it is there, and what may stand in its place (None: nothing known)."""

    sign: str
    count: int
    instead: str | None

    @property
    def name(self) -> str:
        """`NARROW NO-BREAK SPACE (U+202F)`."""
        return f"{unicodedata.name(self.sign, 'character')} (U+{ord(self.sign):04X})"

    @property
    def advice(self) -> str:
        """`NARROW NO-BREAK SPACE (U+202F), write " "`."""
        return f'{self.name}, write "{self.instead}"' if self.instead is not None else f"{self.name}, leave it out"


@dataclass(frozen=True)
class UnicodeCost:
    """What the signs cost that make a text Unicode. `segments` as it is; `without` them, or with others in their place."""

    signs: tuple[Foreign, ...]
    segments: int
    without: int


def unicode_cost(text: str) -> UnicodeCost | None:
    """What makes this text Unicode, the most frequent first. None when nothing does."""
    counted = text.translate(_COUNTED_AS)
    if GSM7.issuperset(counted):
        return None
    signs = tuple(
        Foreign(sign, count, _instead(sign)) for sign, count in Counter(counted).most_common() if sign not in GSM7
    )
    plain = text.translate({ord(each.sign): each.instead or "" for each in signs})
    return UnicodeCost(signs, measure(text).segments, measure(plain).segments)


def _instead(sign: str) -> str | None:
    """Written by hand, or the letter without its accent."""
    if sign in INSTEAD:
        return INSTEAD[sign]
    bare = "".join(part for part in unicodedata.normalize("NFKD", sign) if not unicodedata.combining(part))
    return bare if bare and GSM7.issuperset(bare) else None


@dataclass(frozen=True)
class Measure:
    """A text as Octopush counts it. `length` is in its units: doubled signs are 2, and in UCS-2 an emoji is 2."""

    alphabet: Alphabet
    length: int
    segments: int
    arrives: str = field(repr=False)
    """What the handset is expected to show: the text after Octopush's replacements."""


@lru_cache(maxsize=64)
def measure(text: str) -> Measure:
    """Count a text whose line ends are LF. Never fails; an empty text is one empty segment.

    The latest are remembered: who checks a text, plans it and asks the caps counts it each time.
    """
    counted = text.translate(_COUNTED_AS)
    if GSM7.issuperset(counted):
        return _measured("gsm7", [2 if sign in DOUBLED else 1 for sign in counted], text.translate(_IN_PLACE))
    return _measured("ucs2", [2 if ord(sign) > LAST_SINGLE else 1 for sign in text], text)


def parts(text: str) -> tuple[str, ...]:
    """The text as it is cut into segments, each as the handset is expected to show it; joined they are what arrives."""
    found = measure(text)
    if found.segments == 1:
        return (found.arrives,)
    gsm7, room = found.alphabet == "gsm7", ROOM[found.alphabet][1]
    cut, used = [""], 0
    for sign in text.translate(_COUNTED_AS) if gsm7 else text:
        units = 2 if (sign in DOUBLED if gsm7 else ord(sign) > LAST_SINGLE) else 1
        if used + units > room:
            cut, used = [*cut, ""], 0
        cut[-1] += sign.translate(_IN_PLACE) if gsm7 else sign
        used += units
    return tuple(cut)


def unsendable(text: str) -> tuple[int, str] | None:
    """Where the first character stands that must not go out (from 0) and what kind it is; None when all may go.

    Refused: controls other than LF and TAB, all that is invisible or turns the direction of writing, half surrogates,
    private-use and unassigned characters. Emoji pass, with their joiner and selector inside them; flags made of tag
    characters do not, and neither does the joiner of Persian and Indic scripts: there it can hide one word in another.
    """
    if _plain().issuperset(text):
        return None
    visible = _EMOJI_GLUE.sub(".", text)
    return next(((position, kind) for position, sign in enumerate(visible) if (kind := _kind(sign))), None)


def _measured(alphabet: Alphabet, units: Sequence[int], arrives: str) -> Measure:
    alone, joined = ROOM[alphabet]
    length = sum(units)
    return Measure(alphabet, length, 1 if length <= alone else _segments(units, joined), arrives)


def _segments(units: Sequence[int], room: int) -> int:
    """Fill one segment after the other. A sign of two units that does not fit any more opens the next one."""
    segments, used = 1, 0
    for unit in units:
        if used + unit > room:
            segments, used = segments + 1, 0
        used += unit
    return segments


@cache
def _plain() -> frozenset[str]:
    """Signs that most texts are made of, none of which is refused: a set tells of them all at once."""
    return frozenset(sign for sign in GSM7 if _kind(sign) is None)


def _kind(sign: str) -> str | None:
    if sign in "\n\t" or _NEW_PICTURE.match(sign):
        return None
    return "invisible character" if _UNSEEN.match(sign) else _KINDS.get(unicodedata.category(sign))
