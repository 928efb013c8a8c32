"""What the settings change of the table: which lines refuse, warn or are off, and where a sender is registered."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, cast, get_args

from octoworker.sms.destinations import table
from octoworker.sms.destinations.table import Does, Kind, Line

NOTES = frozenset({"clock", "objection"})
"""Kinds that are shown, and judge nothing."""

_ENTRY = re.compile(r"(?:(?P<country>[A-Z]{2})\.)?(?P<kind>[a-z_]{1,30})=(?P<does>[a-z]{1,10})")
_SENDER = re.compile(r"(?P<sender>[0-9A-Za-z]{3,11})=(?P<countries>[A-Z]{2}(?:,[A-Z]{2})*)")


@dataclass(frozen=True)
class Choices:
    """What an operator has chosen. Nothing: the table as it stands."""

    does: Mapping[str, Does] = field(default_factory=dict)
    """By kind, `shortener`, or by country and kind, `IE.sender_register`, which comes first."""
    registered: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Each sender in small letters, and the countries that have it in their register."""

    def of(self, line: Line, country: str) -> Does:
        """What this line does to a message there."""
        return self.does.get(f"{country}.{line.kind}") or self.does.get(line.kind) or line.does

    def judging(self, country: str) -> tuple[tuple[Line, Literal["warn", "refuse"]], ...]:
        """The lines that warn or refuse there. Read once for each country: it is asked for every message."""
        if country not in self._judging:
            does = ((line, self.of(line, country)) for line in table.of(country))
            self._judging[country] = tuple((line, each) for line, each in does if each in ("warn", "refuse"))
        return self._judging[country]

    @cached_property
    def _judging(self) -> dict[str, tuple[tuple[Line, Literal["warn", "refuse"]], ...]]:
        return {}

    def is_registered(self, sender: str, country: str) -> bool:
        return country in self.registered.get(sender.lower(), ())


def parse(setting: str) -> dict[str, Does]:
    """`shortener=refuse,IE.sender_register=off`, as OCTOWORKER_DESTINATIONS has it. ValueError in words."""
    found: dict[str, Does] = {}
    for entry in filter(None, (each.strip() for each in setting.split(","))):
        read = _ENTRY.fullmatch(entry)
        if not read or read["kind"] not in judging():
            raise ValueError(
                f"write KIND=refuse or IE.KIND=off, with commas between them; kinds: {', '.join(judging())}"
            )
        allowed = ("wait", "refuse", "warn", "off") if read["kind"] == "hours" else ("refuse", "warn", "off")
        if read["does"] not in allowed:
            raise ValueError(f"{read['kind']} takes {', '.join(allowed[:-1])} or {allowed[-1]}")
        place = f"{read['country']}." if read["country"] else ""
        found[place + read["kind"]] = cast("Does", read["does"])
    return found


def parse_senders(setting: str) -> dict[str, frozenset[str]]:
    """`MyShop=FR,ES;Alerts=FR`, as OCTOWORKER_SENDERS has it. ValueError in words."""
    found: dict[str, frozenset[str]] = {}
    for entry in filter(None, (each.replace(" ", "") for each in setting.split(";"))):
        read = _SENDER.fullmatch(entry)
        if not read:
            raise ValueError("write each sender with its countries, as MyShop=FR,ES;Alerts=FR")
        name = read["sender"].lower()
        found[name] = found.get(name, frozenset()) | frozenset(read["countries"].split(","))
    return found


def judging() -> list[str]:
    """The kinds that a setting can change."""
    return [each for each in get_args(Kind) if each not in NOTES]
