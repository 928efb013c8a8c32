"""What marketing rests on: the consent of the person, as the caller keeps it. It stands in the record, and is not sent.

enqueue(..., consent={"id": "form-17", "date": "2026-03-01", "source": "shop, checkout page"})
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

from octoworker.sms import sizes

WANTED = "give id, date and source, as {'id': 'form-17', 'date': '2026-03-01', 'source': 'checkout page'}."
FIELDS = ("id", "date", "source")


class ConsentRefused(ValueError):  # noqa: N818 - reads as what it says
    """Why it is no consent, as a sentence without what was given."""


def read(value: object) -> dict[str, str]:
    """The three parts, as words. The date is a day, or an instant, in ISO-8601; a `date` or `datetime` is one."""
    if not isinstance(value, Mapping) or set(value) != set(FIELDS):
        raise ConsentRefused(WANTED)
    return {"id": _words(value["id"]), "date": _day(value["date"]), "source": _words(value["source"])}


def _words(value: object) -> str:
    words = str(value) if not isinstance(value, bool) and isinstance(value, str | int) else ""
    if not words.strip() or not words.isprintable() or len(words) > sizes.REFERENCE:
        raise ConsentRefused(f"use 1 to {sizes.REFERENCE} printable characters for its id and its source.")
    return words


def _day(value: object) -> str:
    if isinstance(value, date):
        return value.isoformat()
    text = value if isinstance(value, str) and len(value) <= sizes.INSTANT else ""
    try:
        return datetime.fromisoformat(text).isoformat() if "T" in text else date.fromisoformat(text).isoformat()
    except ValueError:
        raise ConsentRefused("write its date as 2026-03-01.") from None
