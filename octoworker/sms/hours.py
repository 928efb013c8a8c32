"""When marketing may be sent. In France not between 20:00 and 08:00, on Sundays or on public holidays,
by the clock of the recipient.

Octopush's own page on deferred sends gives these hours; other providers give others, so they are settings, per country.
Transactional messages go at any hour. Owner of `holidays`, which is loaded at the first need.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

SUNDAY = 6

ALSACE_MOSELLE = "57"
"""The `holidays` library's name for Moselle, which keeps Good Friday and 26 December like Alsace."""

ZONES = {
    "FR": "Europe/Paris",
    "BE": "Europe/Brussels",
    "CH": "Europe/Zurich",
    "DE": "Europe/Berlin",
    "ES": "Europe/Madrid",
    "GB": "Europe/London",
    "IE": "Europe/Dublin",
    "IT": "Europe/Rome",
    "LU": "Europe/Luxembourg",
    "NL": "Europe/Amsterdam",
    "PT": "Europe/Lisbon",
    "AT": "Europe/Vienna",
    "PL": "Europe/Warsaw",
}
"""Whose wall clock counts. A country that is not here names its zone in the setting."""

OVERSEAS: Mapping[str, tuple[str, str | None]] = {
    "GP": ("America/Guadeloupe", "971"),
    "MQ": ("America/Martinique", "972"),
    "GF": ("America/Cayenne", "973"),
    "RE": ("Indian/Reunion", "974"),
    "YT": ("Indian/Mayotte", "976"),
    "BL": ("America/St_Barthelemy", "BL"),
    "MF": ("America/Marigot", "MF"),
    "MC": ("Europe/Monaco", None),
}
"""Where the hours of France bind too, by the clock there, and the `holidays` library's name for its own days.

Their numbers are French by plan and not by calling code; Monaco is read as French. No public page says so: it is the
stricter reading.
"""

ZONES |= {country: zone for country, (zone, _) in OVERSEAS.items()}

LONGEST_CLOSED = 30
"""Days. No calendar closes for longer; beyond it the window can never open."""

_ENTRY = re.compile(
    r"(?P<country>[A-Z]{2})=(?P<opens>\d\d:\d\d)-(?P<closes>\d\d:\d\d)(?:@(?P<zone>[A-Za-z_/+\-0-9]+))?"
)


@dataclass(frozen=True)
class Window:
    """Open from `opens` to just before `closes`, on weekdays and Saturdays that are no holiday."""

    country: str
    opens: time
    closes: time
    zone: ZoneInfo
    subdivision: str | None = None
    """Part of the country that keeps holidays of its own."""

    def in_place(self, country: str) -> Window:
        """The same hours by the clock and the calendar of a place overseas."""
        zone, subdivision = OVERSEAS[country]
        return replace(self, zone=ZoneInfo(zone), subdivision=subdivision)

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
        return day.weekday() != SUNDAY and day not in _holidays(self.country, self.subdivision)


def parse(setting: str, *, alsace_moselle: bool) -> tuple[Window, ...]:
    """`FR=08:00-20:00,BE=09:00-19:00@Europe/Brussels`; `off` for none. ValueError says what is wrong."""
    if setting.strip().lower() in ("", "off"):
        return ()
    return tuple(_window(entry.strip(), alsace_moselle=alsace_moselle) for entry in setting.split(","))


def _window(entry: str, *, alsace_moselle: bool) -> Window:
    found = _ENTRY.fullmatch(entry)
    zone = found and (found["zone"] or ZONES.get(found["country"]))
    if not found or not zone:
        raise ValueError("write hours as FR=08:00-20:00, with @Zone/City for a country whose zone is not known, or off")
    try:
        opens, closes = time.fromisoformat(found["opens"]), time.fromisoformat(found["closes"])
        subdivision = ALSACE_MOSELLE if found["country"] == "FR" and alsace_moselle else None
        window = Window(found["country"], opens, closes, ZoneInfo(zone), subdivision)
    except (ValueError, OSError, ZoneInfoNotFoundError) as error:
        raise ValueError("write hours as FR=08:00-20:00, with real times and a real zone") from error
    if opens >= closes:
        raise ValueError("hours must open before they close")
    return window


def next_opening(windows: Iterable[Window], at: datetime) -> datetime:
    """The first instant from `at` on at which all of them are open."""
    windows = tuple(windows)
    while True:
        opening = max((window.next_opening(at) for window in windows), default=at)
        if opening == at:
            return at
        at = opening


@lru_cache
def _holidays(country: str, subdivision: str | None) -> Mapping[date, str]:
    """Public holidays of a country; none for one that the library does not know."""
    import holidays  # noqa: PLC0415 - a tenth of a second that most messages never need

    try:
        return holidays.country_holidays(country, subdiv=subdivision)
    except NotImplementedError:
        return {}
