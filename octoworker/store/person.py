"""Who is meant by a number as an operator writes it, and how each of the ways in which a producer may have written it is known."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from octoworker.errors import PayloadError
from octoworker.sms import opt_outs, recipient, sizes, terms, texts
from octoworker.sms.recipient import Anywhere, digits
from octoworker.sms.record import State
from octoworker.store import keys, limits
from octoworker.store.erasure import Person
from octoworker.store.finding import Criteria

SHORTEST = 6
"""Digits below which a number is no person's."""


def named(number: str, region: str, number_keys: Sequence[str]) -> Person:
    """PayloadError: it is no number."""
    anywhere = Anywhere(region)
    known = recipient.known(number, region)
    if len(known) < SHORTEST:
        raise PayloadError(["number: give the whole number, as +33612345678."])
    national = known.removeprefix(recipient.calling_code(recipient.country_of(f"+{known}")).removeprefix("+"))

    def is_them(written: str) -> bool:
        try:
            return recipient.read(written, anywhere) == f"+{known}"
        except recipient.NumberRefused:
            # No SMS went there. Still it may be a number: in an odd shape, with an extension, beside a second one.
            plain = recipient.by_its_digits(written, region)
            return plain in (known, national) if _PLAINLY.fullmatch(written) else national in digits(written)

    def traces(text: str | None) -> list[str]:
        sent = None if text is None else texts.canonical(text)
        weekly = opt_outs.hashes(f"+{known}", number_keys, opt_outs.FREQUENCY)
        ends = [*limits.traces_of(f"+{known}", sent), *(f"week:{each}" for each in weekly)]
        return [keys.CAP_PREFIX + end for end in ends]

    def found_by(reference: str | None) -> list[str]:
        own = terms.of_number(f"+{known}", number_keys)
        return own if reference is None else [*own, *terms.of_reference(reference, number_keys)]

    return Person(is_them, known[-SHORTEST:], traces, national, found_by, tuple(terms.of_unread(number_keys)))


_PLAINLY = re.compile(r"\+?[\d\s.()/\-\u2010\u2011]+")
"""One number, and nothing else."""


def criteria(given: Mapping[str, Any], region: str, number_keys: Sequence[str]) -> Criteria:
    """What is meant by a number, a reference, a campaign, states, a reason, times, as an operator writes them.

    PayloadError: one of them means nothing.
    """
    reference, number = given.get("reference") or "", given.get("number") or ""
    if len(reference) > sizes.REFERENCE:
        raise PayloadError([f"reference: give at most {sizes.REFERENCE} characters."])
    if len(number) > sizes.NUMBER:
        raise PayloadError([f"number: give at most {sizes.NUMBER} characters."])
    them = named(number, region, number_keys) if number else None
    found_by = them.found_by(None) if them else terms.of_reference(reference, number_keys) if reference else []
    return Criteria(
        found_by=found_by,
        is_them=them.is_them if them else None,
        reference=reference,
        campaign=given.get("campaign") or "",
        states=frozenset(map(State, given.get("state") or ())),
        reason=given.get("reason") or "",
        since=given.get("since"),
        until=given.get("until"),
    )
