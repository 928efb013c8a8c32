"""The table of what each destination wants: lines.toml, read at its first need.

A line is a rule of one kind for some places, with its source and the day on which somebody last looked it up. No rule of a
country stands anywhere else. Which of them warns, refuses or is off may be set (`choices`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, time, timedelta
from functools import cache
from importlib.resources import files
from typing import Any, Literal

Kind = Literal[
    "hours",
    "clock",
    "sender_word",
    "sender_digits",
    "sender_register",
    "sender_replaced",
    "shortener",
    "link",
    "stop",
    "type",
    "consent",
    "objection",
]
Does = Literal["warn", "refuse", "wait", "off", "note"]

KINDS: Mapping[Kind, str] = {
    "hours": "when marketing may be sent",
    "clock": "whose wall clock and public holidays count",
    "sender_word": "senders that are a general word",
    "sender_digits": "senders of digits alone",
    "sender_register": "senders that must be registered (OCTOWORKER_SENDERS says where yours are)",
    "sender_replaced": "senders that are replaced on the way",
    "shortener": "links of public shorteners",
    "link": "links of any kind",
    "stop": "marketing without a STOP mention",
    "type": "a type that is made for another country",
    "consent": "marketing without the consent= that it rests on",
    "objection": "how long an objection is kept",
}

OLD = timedelta(days=365)
"""A line that was last checked longer ago is warned of: rules of operators change every year or two."""


@dataclass(frozen=True)
class Line:
    """One rule. `places`: the countries it holds for; None: everywhere but in `besides`."""

    kind: Kind
    places: frozenset[str] | None
    does: Does
    says: str
    source: str
    checked: date
    besides: frozenset[str] = frozenset()
    values: frozenset[str] = frozenset()
    """Words or domains, in small letters."""
    opens: time = time.min
    closes: time = time.min
    closed: frozenset[str] = frozenset()
    """`sundays`, `holidays`."""
    zones: Mapping[str, str] | None = None
    calendars: Mapping[str, str] | None = None

    def holds_for(self, country: str) -> bool:
        return country not in self.besides and (self.places is None or country in self.places)

    def is_old(self, today: date) -> bool:
        return today - self.checked > OLD

    def as_json(self) -> dict[str, Any]:
        shown = {
            "kind": self.kind,
            "places": ["*"] if self.places is None else sorted(self.places - self.besides),
            "does": self.does,
            "says": self.says,
            "source": self.source,
            "checked": self.checked.isoformat(),
        }
        if self.besides and self.places is None:
            shown["besides"] = sorted(self.besides)
        if self.kind == "hours":
            shown |= {"opens": f"{self.opens:%H:%M}", "closes": f"{self.closes:%H:%M}", "closed": sorted(self.closed)}
        if self.values:
            shown["values"] = sorted(self.values)
        return shown


@cache
def lines() -> tuple[Line, ...]:
    """All of them, as they stand in the file."""
    import tomllib  # noqa: PLC0415 - a web app that judges no message needs none of it

    text = files("octoworker.sms.destinations").joinpath("lines.toml").read_text(encoding="utf-8")
    written = tomllib.loads(text)
    groups = {name: frozenset(places.split()) for name, places in written["groups"].items()}
    return tuple(_line(each, groups) for each in written["line"])


@cache
def of(country: str) -> tuple[Line, ...]:
    """The lines that hold for a country: of `hours` the first one alone, and of the others each."""
    found = [line for line in lines() if line.holds_for(country)]
    hours = [line for line in found if line.kind == "hours"]
    return tuple(line for line in found if line.kind != "hours" or line is hours[0])


def hours_of(country: str) -> Line | None:
    """When marketing may be sent there; None when no line says so."""
    return next((line for line in of(country) if line.kind == "hours"), None)


def zone_of(country: str) -> str | None:
    """The name of the time zone there."""
    return _named(country, "zones")


def calendar_of(country: str) -> str:
    """Whose public holidays are kept there: a country, or a part of one as `FR-974`."""
    return _named(country, "calendars") or country


def old(today: date) -> Iterator[Line]:
    """The lines that nobody has looked up for a year."""
    return (line for line in lines() if line.is_old(today))


def places() -> frozenset[str]:
    """Every country that some line names."""
    return frozenset().union(*(line.places for line in lines() if line.places))


def _named(country: str, what: Literal["zones", "calendars"]) -> str | None:
    named = (getattr(line, what) for line in of(country) if line.kind == "clock")
    return next((each[country] for each in named if each and country in each), None)


def _line(written: Mapping[str, Any], groups: Mapping[str, frozenset[str]]) -> Line:
    more = dict(written)
    more["places"] = None if more["places"] == "*" else _places(more["places"], groups)
    more["besides"] = _places(more.get("besides", ""), groups)
    more["values"] = frozenset(each.lower() for each in more.get("values", ()))
    more["closed"] = frozenset(more.get("closed", ()))
    for name in ("opens", "closes"):
        if name in more:
            more[name] = time.fromisoformat(more[name])
    return Line(**more)


def _places(text: str, groups: Mapping[str, frozenset[str]]) -> frozenset[str]:
    return frozenset().union(*(groups.get(each, frozenset({each})) for each in text.split()))
