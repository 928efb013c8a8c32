"""When marketing may be sent, by the recipient's own clock and public holidays.

The hours of each place stand in the table of destinations; a setting may name others. Transactional messages go at any hour.
Owner of `holidays`, which is loaded at the first need.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from octoworker.sms.destinations import table
from octoworker.sms.destinations.choices import Choices
from octoworker.sms.recipient import calling_code, country_of

SUNDAY = 6

ALSACE_MOSELLE = "FR-57"
"""The `holidays` library's name for Moselle, which keeps Good Friday and 26 December like Alsace."""

LONGEST_CLOSED = 30
"""Days. No calendar closes for longer; beyond it the window can never open."""

_ENTRY = re.compile(
    r"(?P<country>[A-Z]{2})=(?P<opens>\d\d:\d\d)-(?P<closes>\d\d:\d\d)(?:@(?P<zone>[A-Za-z_/+\-0-9]+))?"
)

Closed = Literal["wait", "refuse", "warn"]
"""What marketing does while a window is closed."""


@dataclass(frozen=True)
class Window:
    """Open from `opens` to just before `closes`, but on the days that are `closed`: `sundays`, `holidays`."""

    country: str
    opens: time
    closes: time
    zone: ZoneInfo
    calendar: str
    """Whose holidays: a country's, or those of a part of one, as `FR-974`."""
    closed: frozenset[str] = frozenset({"sundays", "holidays"})
    does: Closed = "wait"

    def in_place(self, country: str) -> Window:
        """The same hours by the clock and the calendar of another place."""
        zone = table.zone_of(country)
        return replace(
            self, zone=ZoneInfo(zone) if zone else self.zone, calendar=table.calendar_of(country), country=country
        )

    def next_opening(self, at: datetime) -> datetime:
        """The first instant from `at` on at which it is open: `at` itself when it is. In UTC terms, so DST is right."""
        local = at.astimezone(self.zone)
        for ahead in range(LONGEST_CLOSED):
            day = local.date() + timedelta(days=ahead)
            opens = datetime.combine(day, self.opens, self.zone)
            closes = datetime.combine(day, self.closes, self.zone)
            if self._works_on(day) and at < closes:
                return max(at, opens.astimezone(at.tzinfo))
        raise ValueError(f"The hours of {self.country} never open.")

    def _works_on(self, day: date) -> bool:
        if "sundays" in self.closed and day.weekday() == SUNDAY:
            return False
        return "holidays" not in self.closed or day not in _holidays(self.calendar)


@dataclass(frozen=True)
class Hours:
    """The hours that bind marketing: those of the settings, and else those of the table."""

    own: tuple[Window, ...] = ()
    """As a setting names them."""
    choices: Choices = field(default_factory=Choices)
    alsace_moselle: bool = False
    refuse: bool = False
    """Marketing outside of them is refused, and does not wait."""
    off: bool = False

    def at(self, number: str) -> Window | None:
        """The window of an E.164 number; None: at any hour."""
        return None if self.off else self.of(country_of(number))

    def of(self, country: str) -> Window | None:
        """The window of a country."""
        line = table.hours_of(country)
        does = self.choices.of(line, country) if line else "wait"
        window = self._named(country) or (_of_the_table(country) if line else None)
        if window is None or does in ("off", "note"):
            return None
        if self.alsace_moselle and country == "FR":
            window = replace(window, calendar=ALSACE_MOSELLE)
        return replace(window, does="warn" if does == "warn" else "refuse" if self.refuse else does)  # type: ignore[arg-type]

    def _named(self, country: str) -> Window | None:
        """The setting's: of the country itself, of one with its calling code, or, for what is French overseas, of France."""
        by_country = {window.country: window for window in self.own}
        if country in by_country:
            return by_country[country]
        code = calling_code(country)
        shared = next((window for window in self.own if code and calling_code(window.country) == code), None)
        if shared or "FR" not in by_country:
            return shared
        french, own = table.hours_of("FR"), table.hours_of(country)
        return by_country["FR"].in_place(country) if own and own is french else None


def parse(setting: str, *, alsace_moselle: bool = False, choices: Choices | None = None, refuse: bool = False) -> Hours:
    """`FR=08:00-20:00,BE=09:00-19:00@Europe/Brussels`: these, and else the table's; `off` for none. ValueError in words."""
    if setting.strip().lower() == "off":
        return Hours(off=True)
    own = tuple(_window(entry.strip()) for entry in setting.split(",") if setting.strip())
    return Hours(own, choices or Choices(), alsace_moselle, refuse)


def _window(entry: str) -> Window:
    found = _ENTRY.fullmatch(entry)
    zone = found and (found["zone"] or table.zone_of(found["country"]))
    if not found or not zone:
        raise ValueError("write hours as FR=08:00-20:00, with @Zone/City for a country whose zone is not known, or off")
    try:
        opens, closes = time.fromisoformat(found["opens"]), time.fromisoformat(found["closes"])
        window = Window(found["country"], opens, closes, ZoneInfo(zone), table.calendar_of(found["country"]))
    except (ValueError, OSError, ZoneInfoNotFoundError) as error:
        raise ValueError("write hours as FR=08:00-20:00, with real times and a real zone") from error
    if opens >= closes:
        raise ValueError("hours must open before they close")
    return window


@lru_cache(maxsize=256)
def _of_the_table(country: str) -> Window | None:
    line, zone = table.hours_of(country), table.zone_of(country)
    if line is None or zone is None:
        return None
    return Window(country, line.opens, line.closes, ZoneInfo(zone), table.calendar_of(country), line.closed)


def next_opening(windows: Iterable[Window], at: datetime) -> datetime:
    """The first instant from `at` on at which all of them are open."""
    windows = tuple(windows)
    while True:
        opening = max((window.next_opening(at) for window in windows), default=at)
        if opening == at:
            return at
        at = opening


@lru_cache
def _holidays(calendar: str) -> Mapping[date, str]:
    """Public holidays of a country or of a part of one; none where the library knows none."""
    import holidays  # noqa: PLC0415 - a tenth of a second that most messages never need

    country, _, part = calendar.partition("-")
    try:
        return holidays.country_holidays(country, subdiv=part or None)
    except NotImplementedError:
        return {}
