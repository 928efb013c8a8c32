"""The preview of a campaign, before anything is sent: who is refused and why, how many segments, what it costs, when.

Each row is read by the same rules as at the send, so that nobody is refused later who passed here.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from octoworker.client.campaigns.loading import EMPTY, Doubles
from octoworker.client.campaigns.parts import Person
from octoworker.client.campaigns.table import Row, Table
from octoworker.client.campaigns.template import Template
from octoworker.errors import PayloadError
from octoworker.sms import encoding, message, people, schedule
from octoworker.sms.destinations.choices import Choices
from octoworker.sms.destinations.remarks import Judgement, judge
from octoworker.sms.recipient import Numbers, country_of
from octoworker.telemetry import escape

LINES_SHOWN = 5
"""Line numbers named for each reason."""

TEXTS_SHOWN = 3
"""Finished texts shown: the first ones."""

SIGNS_COUNTED = 1000
"""Different signs that make texts Unicode. A table in another alphabet has more, and nothing to save."""

AGAIN = "recipients: an earlier row has the same number and text."


@dataclass
class Preview:
    """The figures. `refused`: reason -> how many; `lines`: reason -> the first lines; money in the account's currency."""

    rows: int = 0
    people: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    lines: defaultdict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    segments: Counter[int] = field(default_factory=Counter)
    countries: Counter[str] = field(default_factory=Counter)
    """Segments to each country."""
    texts: list[str] = field(default_factory=list)
    """The first finished texts, as they are handed over."""
    got_it: int = 0
    """People who got this very text from a campaign within the last day."""
    warnings: Counter[str] = field(default_factory=Counter)
    """What may be a mistake though it can be sent -> in how many rows."""
    remarks: Counter[str] = field(default_factory=Counter)
    """What a destination says of it, with its country -> people."""
    may_go_at: dict[str, datetime] = field(default_factory=dict)
    """When marketing may be sent to each country that has hours."""
    foreign: Counter[str] = field(default_factory=Counter)
    """A sign that makes texts Unicode, with what to write in its place -> in how many rows."""
    avoidable: int = 0
    """Segments that would be saved if those signs were others, or left out."""
    cost: Decimal | None = None
    unpriced: tuple[str, ...] = ()
    """Countries whose price is not known: their segments are not in `cost`."""
    at: datetime | None = None
    """When it would go; None: at once."""
    balance: Decimal | None = None

    def refuse(self, reason: str, line: int) -> None:
        self.refused[reason] += 1
        if len(self.lines[reason]) < LINES_SHOWN:
            self.lines[reason].append(line)

    def take(self, sms: message.Message, judged: Judgement) -> None:
        """Count a message to one person."""
        self.people += 1
        self.remarks.update(map(str, judged.warnings))
        self.segments[sms.segments] += 1
        self.countries[country_of(sms.recipients[0])] += sms.segments
        self.warnings.update(sms.warnings)
        if len(self.texts) < TEXTS_SHOWN:
            self.texts.append(sms.text)
        if found := encoding.unicode_cost(sms.text):
            self.avoidable += found.segments - found.without
            names = (each.advice for each in found.signs)
            self.foreign.update(each for each in names if each in self.foreign or len(self.foreign) < SIGNS_COUNTED)

    def as_json(self) -> dict[str, Any]:
        return {
            "rows": self.rows,
            "people": self.people,
            "refused": [
                {"reason": reason, "rows": count, "lines": self.lines[reason]}
                for reason, count in self.refused.most_common()
            ],
            "segments": {str(size): count for size, count in sorted(self.segments.items())},
            "segments_in_all": sum(size * count for size, count in self.segments.items()),
            "countries": dict(self.countries.most_common()),
            "got_it_already": self.got_it,
            "texts": self.texts,
            "warnings": [{"warning": each, "rows": count} for each, count in self.warnings.most_common()],
            "destinations": [{"says": each, "people": count} for each, count in self.remarks.most_common()],
            "may_go_at": {country: at.isoformat() for country, at in self.may_go_at.items()},
            "unicode": [{"sign": each, "rows": count} for each, count in self.foreign.most_common()],
            "avoidable_segments": self.avoidable,
            "cost": None if self.cost is None else str(self.cost),
            "unpriced": list(self.unpriced),
            "at": self.at.isoformat() if self.at else None,
            "balance": None if self.balance is None else str(self.balance),
            "balance_after": str(self.balance - self.cost)
            if self.balance is not None and self.cost is not None
            else None,
        }


@dataclass(frozen=True)
class Reader:
    """Reads a table by the rules of the send."""

    table: Table
    column: str
    template: Template
    options: Mapping[str, Any]
    policy: message.Policy
    rules: schedule.Rules
    choices: Choices
    now: datetime
    """Redis' time: what is out of hours, or too far ahead, is refused by it."""
    before: tuple[str, ...] = ()
    """As in Doubles."""

    def people(self, preview: Preview) -> Iterator[Person]:
        """The rows as they are taken; what is refused is noted in `preview`.

        With fields in the text, a row that is refused is none. Without, it stays in its place, for a message to five
        hundred is known by all its rows: a number that cannot be read is refused there, so that the record says why.
        """
        if missing := [name for name in self.template.fields if name not in self.table.columns]:
            raise PayloadError(
                [f"template: the file has no column {escape.terminal(missing[0])}; it has {self.table.listed}."]
            )
        anywhere = replace(self.policy, countries=frozenset(), allow_possible=True)
        doubles, whole = Doubles(anywhere, self.before), not self.template.fields
        for row in self.table:
            preview.rows += 1
            written = row.values[self.column]
            found = self._read(row.line, row.values, preview)
            if found is None:
                if whole and not people.read([written], self.policy).good:
                    yield self._refused_by_worker(row, doubles, anywhere)
                    continue
                if self.before and all(row.values[name] for name in self.template.fields):
                    doubles.named_before(written, None, self.template.filled(row.values))
                if whole:
                    yield Person(row.line, written, None, row.values, left_out=True)
                continue
            sms, number, judged = found
            double = doubles.named_before(written, number, sms.text)
            if double:
                preview.refuse(AGAIN, row.line)
            elif judged.refused:
                preview.refuse(f"recipients: {judged.refusals[0]}", row.line)
                if not whole:
                    continue
            else:
                preview.take(sms, judged)
            yield Person(row.line, written, number, row.values, left_out=double)

    def _refused_by_worker(self, row: Row, doubles: Doubles, anywhere: Numbers) -> Person:
        """Who cannot be reached, as the worker is to see it: by the number, where only a setting stands against it."""
        written = row.values[self.column]
        number = next(iter(people.read([written], anywhere).good), None)
        double = doubles.named_before(written, number, self.template.text)
        return Person(row.line, written, number, row.values, left_out=double)

    def _read(
        self, line: int, values: Mapping[str, str], preview: Preview
    ) -> tuple[message.Message, str, Judgement] | None:
        if empty := [name for name in self.template.fields if not values[name]]:
            preview.refuse(EMPTY.format(empty[0]), line)
            return None
        try:
            text = self.template.filled(values)
            sms = message.parse({**self.options, "recipients": values[self.column], "text": text}, self.policy)
            plan = schedule.plan(sms, self.rules, self.now)
        except PayloadError as error:
            preview.refuse(" ".join(error.problems), line)
            return None
        judged = judge(sms, self.choices, out_of_hours=plan.out_of_hours)
        preview.may_go_at |= plan.opens_at
        if preview.at is None:
            preview.at = max((at for at in (plan.hold_until, plan.closed_until, plan.hand_over_at) if at), default=None)
        return sms, sms.recipients[0], judged


def priced(preview: Preview, prices: Mapping[str, Decimal], balance: Decimal | None) -> Preview:
    """Add money: segments by the price of their country."""
    preview.balance = balance
    preview.unpriced = tuple(sorted(country for country in preview.countries if country not in prices))
    if preview.countries and len(preview.unpriced) < len(preview.countries):
        known = (prices[country] * count for country, count in preview.countries.items() if country in prices)
        preview.cost = sum(known, Decimal(0))
    return preview
