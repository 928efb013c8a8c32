"""How a recipient's number is read: as people write it in, E.164 out, and nothing that no handset would receive.

1. It is short enough to be one. What a spreadsheet has put around it is taken off.
2. It is written in digits, with signs between them that follow a grammar: nothing is left out that is no separator.
3. It is a number of its country's plan, and nothing more stands at its end.
4. A handset has it, and its country is allowed.

A French mobile, and an E.164 number that is one, are read by a pattern alone. The number plan is phonenumbers', loaded
at the first number of another shape.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from typing import TYPE_CHECKING, Protocol

from octoworker.sms import sizes

if TYPE_CHECKING:
    from phonenumbers import PhoneNumber


class NumberRefused(ValueError):  # noqa: N818 - reads as what it says
    """Why no SMS goes there, as a sentence without the number."""


class Numbers(Protocol):
    """What the settings say about numbers. Without `countries` an SMS may go anywhere."""

    @property
    def region(self) -> str: ...
    @property
    def countries(self) -> frozenset[str]: ...
    @property
    def allow_possible(self) -> bool: ...
    @property
    def read_for(self) -> str: ...


def read(number: str, policy: Numbers) -> str:
    """The number in E.164. Raises NumberRefused."""
    if len(number) > sizes.NUMBER:
        raise NumberRefused(f"give one number of at most {sizes.NUMBER} characters.")
    return _french_mobile(number, policy) or _e164(_written(_unwrapped(number)), policy)


_FRENCH = re.compile(r"(?:(\+33|0033|33|0)[ .\-]?)?([67]([ .\-]?)[0-9]{2}(?:\3[0-9]{2}){3})")
"""By pairs with the same sign between them: `61234567.0` is no nine digits."""

_BETWEEN = re.compile(r"[ .\-]")
_FRENCH_MOBILE = re.compile(r"6(?:[0-24-8][0-9]|3[0-8]|9[589])[0-9]{6}|7[3-9][0-9]{7}")
"""The plan's mobiles of metropolitan France: a test compares it with phonenumbers', whose loading takes longer than all
else that a web app does for a message."""


def _french_mobile(number: str, policy: Numbers) -> str | None:
    """Most of our numbers, without the plan's work. None: not surely one of them, ask the plan."""
    if policy.countries and "FR" not in policy.countries:
        return None
    # By far the most: ten digits in one, or E.164.
    if policy.region == "FR" and number.startswith("0") and _FRENCH_MOBILE.fullmatch(number, 1):
        return "+33" + number[1:]
    if number.startswith("+33") and _FRENCH_MOBILE.fullmatch(number, 3):
        return number
    found = _FRENCH.fullmatch(number)
    if found is None:
        return None
    lead, national = found[1] or "", _BETWEEN.sub("", found[2])
    if lead in ("", "0", "33") and policy.region != "FR":
        return None
    return "+33" + national if _FRENCH_MOBILE.fullmatch(national) else None


@dataclass(frozen=True)
class Anywhere:
    """To know a number that a message went to, wherever that is allowed now."""

    region: str
    countries: frozenset[str] = frozenset()
    allow_possible: bool = True
    read_for: str = ""


def known(written: str, region: str) -> str:
    """Digits with the country's code, by the number plan; of what no SMS reaches, by how it is written."""
    try:
        return read(written, Anywhere(region)).removeprefix("+")
    except NumberRefused:
        return by_its_digits(written, region)


def by_its_digits(written: str, region: str) -> str:
    """The same, whatever the number plan says."""
    found, whole = digits(written), written.strip().startswith("+")
    if found.startswith("0") and not found.startswith("00") and not whole:
        return calling_code(region).removeprefix("+") + found[1:]
    return found.removeprefix("00")


_NO_DIGITS = re.compile(r"\D+")


def digits(text: str) -> str:
    """The digits of a text in a row, as 0 to 9 whatever the script."""
    found = _NO_DIGITS.sub("", text)
    return found if found.isascii() else "".join(str(unicodedata.decimal(each)) for each in found)


def called(written: str, region: str) -> str:
    """E.164 of a number as an operator writes it: with `+`, with `00`, with its country's code alone, or nationally.

    Digits, and perhaps a `+` before them. It is compared with numbers that we wrote to, so that it need not exist.
    """
    digits = written.removeprefix("+").removeprefix("00")
    if not written.startswith("0") or written.startswith("00"):
        return f"+{digits}"
    try:
        return read(written, Anywhere(region))
    except NumberRefused:
        return calling_code(region) + digits[1:]


FRENCH_CODES = ("+33", "+262", "+590", "+594", "+596")
"""Calling codes of the French plan: of France, and of its departments overseas."""


def is_french(number: str) -> bool:
    """Whether an E.164 number belongs to the French plan."""
    return number.startswith(FRENCH_CODES)


UNKNOWN_COUNTRY = "ZZ"
"""A country of its own, for the caps and the list of countries: that of a number which belongs to none, +800 for one."""


@lru_cache(maxsize=4096)
def country_of(number: str) -> str:
    """Two letters of the country that an E.164 number belongs to, also of one that its plan does not list; UNKNOWN_COUNTRY
    when nobody can tell."""
    if number.startswith("+33") and _FRENCH_MOBILE.fullmatch(number, 3):
        return "FR"
    import phonenumbers  # noqa: PLC0415 - loaded when the first number of another shape is read

    try:
        return _country(phonenumbers.parse(number))
    except phonenumbers.NumberParseException:
        return UNKNOWN_COUNTRY


def _country(parsed: PhoneNumber) -> str:
    import phonenumbers  # noqa: PLC0415 - loaded when the first number of another shape is read

    found = phonenumbers.region_code_for_number(parsed)
    found = found or phonenumbers.region_code_for_country_code(parsed.country_code or 0)
    return found if found.isalpha() else UNKNOWN_COUNTRY


@lru_cache
def calling_code(country: str) -> str:
    """`+33` for FR; "" for a country without one."""
    if country == "FR":
        return "+33"
    import phonenumbers  # noqa: PLC0415 - loaded when the first number of another shape is read

    code = phonenumbers.country_code_for_region(country)
    return f"+{code}" if code else ""


_FORMULA = re.compile(r'="([^"]*)"')
FLOAT = re.compile(r"([0-9]{6,15})[.,]0{1,6}")
"""A whole number as a spreadsheet writes it."""
_FRACTION = re.compile(r"[1-9][0-9]*[.,][0-9]+")
_SHORTENED = re.compile(r"[0-9][.,][0-9]+[eE]\+?[0-9]{1,2}")


def _unwrapped(number: str) -> str:
    """The number without what a spreadsheet has put around it: `="06..."`, `'06...`, `336....0`, blanks, line ends."""
    bare = number.strip()
    if found := _FORMULA.fullmatch(bare):
        bare = found[1].strip()
    bare = bare.removeprefix("'").strip()
    if _SHORTENED.fullmatch(bare):
        raise NumberRefused("a spreadsheet has shortened it; make its column one of text, and fill it in anew.")
    if found := FLOAT.fullmatch(bare):
        return found[1]
    if _FRACTION.fullmatch(bare):
        raise NumberRefused(_MORE)
    return bare


_UNSEEN = frozenset(
    map(chr, (0x00AD, 0x061C, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070), 0xFEFF))
)
_BLANKS = "\t\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"
_PLAIN = str.maketrans({**dict.fromkeys(_BLANKS, " "), **dict.fromkeys(_DASHES, "-")})
_LISTED = frozenset(",;\r\n")
_EXTENSION = re.compile(r"[0-9][ .,;]{0,3}(?:x|ext[a-z]{0,9}|poste|#)[ .:=]{0,3}[0-9]{1,10}$", re.IGNORECASE)

_PLAINLY = "write digits, with spaces, dots, dashes, slashes or parentheses between them; + only in front."
_MORE = "something more stands at its end; give the number alone, without a sign between its digits."


_MISSPELT: tuple[tuple[Callable[[str], object], str], ...] = (
    (lambda number: number[:4].lower() == "tel:", 'leave out "tel:".'),
    (lambda number: not _UNSEEN.isdisjoint(number), "remove the invisible character."),
    (_EXTENSION.search, "leave out the extension."),
    (
        lambda number: any((sign.isdigit() or sign == "\uff0b") and not sign.isascii() for sign in number),
        "write it with the plain digits 0 to 9 and a plain +.",
    ),
    (lambda number: any(map(str.isalpha, number)), "write digits, not letters."),
    (lambda number: not _LISTED.isdisjoint(number), "give several numbers as a list."),
)
"""How a number is not written, and what to do about it. The first that fits is said."""


@dataclass(frozen=True)
class _Written:
    """A number as it is written. `groups`: its digits, cut at the signs between them; `signs`: the sign before each
    group, `" "` for blanks. The first group begins with + when a country code leads."""

    groups: tuple[str, ...]
    signs: tuple[str, ...]

    @property
    def digits(self) -> str:
        return "".join(self.groups)

    def shorter(self) -> Iterator[str]:
        """The same number without what could be something more at its end, an extension for one.

        Groups of up to four digits with one kind of sign between them are a way of writing one number, `0664 123 45 67`.
        A lone digit, what follows a long group, and what follows another sign than before are not.
        """
        for place, before in enumerate(accumulate(self.groups[:-1]), 1):
            changed = place > 1 and self.signs[place] not in (" ", ")", self.signs[place - 1])
            lone = sum(map(len, self.groups[place:])) == 1
            if changed or lone or len(self.groups[place - 1]) > _LONGEST_GROUP:
                yield before


_LONGEST_GROUP = 4
"""Digits that people write together in a number they cut into groups."""

_TRUNK = re.compile(r"^(\(?(?:\+|00) ?[0-9]{1,3} ?\)?) ?\( ?0 ?\)")
"""+33 (0)6: the 0 is for those who leave the country code out."""

_TOKEN = re.compile(r"[0-9]+|[^0-9]+")
_SIGNS = frozenset({" ", ".", "-", "/", "(", ")", ").", ")-", ")/"})
"""What may stand between two groups of digits, beside blanks."""


def _written(number: str) -> _Written:
    """Read the digits and the signs between them. NumberRefused for any other sign, or one in another place."""
    if reason := next((reason for is_so, reason in _MISSPELT if is_so(number)), None):
        raise NumberRefused(reason)
    plain = _TRUNK.sub(r"\1 ", number.translate(_PLAIN), count=1)
    opened, closed = plain.count("("), plain.count(")")
    bare = plain.removeprefix("(").lstrip(" ")
    tokens = _TOKEN.findall(bare.removeprefix("+").lstrip(" ").removesuffix(")"))
    groups, signs = tokens[::2], [" ", *(sign.replace(" ", "") or " " for sign in tokens[1::2])]
    balanced = opened == closed <= 1 and plain.find("(") <= plain.find(")")
    if not balanced or len(groups) != len(signs) or not all(map(str.isdigit, groups)) or not _SIGNS.issuperset(signs):
        raise NumberRefused(_PLAINLY)
    if bare.startswith("+"):
        groups[0] = "+" + groups[0]
    elif groups[0].startswith("00"):
        groups[0] = "+" + groups[0][2:]
    return _Written(tuple(groups), tuple(signs))


_OVERSEAS: Mapping[str, tuple[str, ...]] = {
    "+262": ("0692", "0693", "0639", "07092", "070935", "070936", "070937"),
    "+590": ("0690", "0691", "07090"),
    "+594": ("0694", "070930", "070931", "070932", "070933"),
    "+596": ("0696", "0697", "07091"),
}
"""Mobile numbers that French users write nationally, though another country code leads there (Arcep's number plan)."""

_OVERSEAS_BARE = {code[1:]: tuple(each[1:] for each in prefixes) for code, prefixes in _OVERSEAS.items()}
"""The same without + and 0: a spreadsheet takes the + as well as the zero."""

_CODE = 3
_WITH_CODE = 12
"""Digits of such a number with its code, and of the code."""

_FRENCH_PLAN = frozenset({"GP", "GF", "MQ", "RE", "YT", "BL", "MF"})

_WITHOUT_ZERO = 9
"""Digits of a national French number whose 0 a spreadsheet has taken away."""

_SHORT_CODE_DIGITS = 6
"""Longest emergency or service number, 118 218 for one. None begins with 0."""

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


def _e164(written: _Written, policy: Numbers) -> str:
    found = _look_up(written.digits, policy.region)
    code = found.fault == _TOO_SHORT and len(written.digits) <= _SHORT_CODE_DIGITS
    if code and not written.digits.startswith(("+", "0")):
        raise NumberRefused("emergency numbers and short codes receive no SMS.")
    more = any(_is_whole(digits, policy.region) for digits in written.shorter())
    # Of what no operator has because something more stands at its end, that is said, and not how to let it pass.
    if (reason := found.fault or _unwelcome(found, policy)) and (found.fault or found.valid or not more):
        raise NumberRefused(reason)
    if more:
        raise NumberRefused(_MORE)
    return found.e164


def _is_whole(digits: str, region: str) -> bool:
    """Whether these digits are a number of their own, so that what follows them is no part of it."""
    found = _look_up(digits, region)
    return found.valid and not found.fault


def _as_meant_in_france(number: str) -> str:
    if len(number) == _WITH_CODE and number[_CODE:].startswith(_OVERSEAS_BARE.get(number[:_CODE], ())):
        return "+" + number
    national = number if number.startswith("0") else "0" + number if len(number) == _WITHOUT_ZERO else ""
    code = next((code for code, prefixes in _OVERSEAS.items() if national.startswith(prefixes)), None)
    return code + national[1:] if code else number


def _look_up(number: str, region: str) -> _Found:
    import phonenumbers as plan  # noqa: PLC0415 - 26 ms to load, which only a reader of numbers should pay

    try:
        parsed = plan.parse(_as_meant_in_france(number) if region == "FR" else number, region)
    except plan.NumberParseException as error:
        return _Found(fault=_NOT_PARSED.get(error.error_type, _NO_COUNTRY))
    kind = plan.number_type(parsed)
    return _Found(
        fault=_WRONG_LENGTH.get(plan.is_possible_number_with_reason(parsed), ""),
        e164=plan.format_number(parsed, plan.PhoneNumberFormat.E164),
        country=_country(parsed),
        kind=plan.PhoneNumberType.to_string(kind),
        valid=kind != plan.PhoneNumberType.UNKNOWN,
    )


def _unwelcome(found: _Found, policy: Numbers) -> str:
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
