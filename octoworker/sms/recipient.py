"""How a recipient's number is read: as people write it in, E.164 out, and nothing that no handset would receive.

1. It is written in digits. 2. It is a number of its country's plan. 3. A handset has it, and its country is allowed.
The number plan is phonenumbers', loaded at the first number.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol


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


def read(number: str, policy: Numbers) -> str:
    """The number in E.164. Raises NumberRefused."""
    return _french_mobile(number, policy) or _e164(_plainly_written(number), policy)


_FRENCH = re.compile(r"(\+33|0033|0)[ .\-]?([67](?:[ .\-]?[0-9]){8})")
_BETWEEN = re.compile(r"[ .\-]")


def _french_mobile(number: str, policy: Numbers) -> str | None:
    """Most of our numbers, by the plan's own pattern for French mobiles and without the rest of its work, which takes
    longer than all else that is done for a recipient. None: not surely one of them, ask the plan."""
    found = _FRENCH.fullmatch(number)
    if found is None or (policy.countries and "FR" not in policy.countries):
        return None
    lead, national = found[1], _BETWEEN.sub("", found[2])
    if lead == "0" and (policy.region != "FR" or ("0" + national).startswith(_ALL_OVERSEAS)):
        return None
    return "+33" + national if _mobile_pattern("FR").fullmatch(national) else None


@lru_cache
def _mobile_pattern(region: str) -> re.Pattern[str]:
    """The plan's pattern for the mobile numbers of a country."""
    from phonenumbers.phonemetadata import PhoneMetadata  # noqa: PLC0415 - loaded when the first number is read

    metadata = PhoneMetadata.metadata_for_region(region)
    mobile = metadata.mobile if metadata else None
    return re.compile((mobile and mobile.national_number_pattern) or r"(?!)")


@lru_cache(maxsize=4096)
def country_of(number: str) -> str:
    """Two letters of the country that an E.164 number belongs to; "" when no plan knows it."""
    import phonenumbers  # noqa: PLC0415 - loaded when the first number is read

    try:
        return phonenumbers.region_code_for_number(phonenumbers.parse(number)) or ""
    except phonenumbers.NumberParseException:
        return ""


@lru_cache
def calling_code(country: str) -> str:
    """`+33` for FR; "" for a country without one."""
    import phonenumbers  # noqa: PLC0415 - loaded when the first number is read

    code = phonenumbers.country_code_for_region(country)
    return f"+{code}" if code else ""


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

_ALL_OVERSEAS = tuple(prefix for prefixes in _OVERSEAS.values() for prefix in prefixes)

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
        raise NumberRefused(reason)
    bare = _SEPARATORS.sub("", number)
    if not re.fullmatch(r"\+?[0-9]+", bare):
        raise NumberRefused(
            "write digits, with spaces, dots, dashes, slashes or parentheses between them; + only in front."
        )
    return "+" + bare[2:] if bare.startswith("00") else bare


def _e164(number: str, policy: Numbers) -> str:
    found = _look_up(_as_meant_in_france(number) if policy.region == "FR" else number, policy.region)
    if found.fault == _TOO_SHORT and len(number) <= _SHORT_CODE_DIGITS and not number.startswith("+"):
        raise NumberRefused("emergency numbers and short codes receive no SMS.")
    if reason := found.fault or _unwelcome(found, policy):
        raise NumberRefused(reason)
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
