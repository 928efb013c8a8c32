"""Reads files of people: exports of Excel, of shops and of address books.

A CSV in UTF-8, UTF-16 or cp1252 with commas, semicolons or tabs, or a spreadsheet. What is not well-formed is refused
with its line. Row by row: a million of a CSV take no more memory than one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from octoworker.client.campaigns import letters, sheets
from octoworker.client.campaigns.delimited import Delimited, Rows
from octoworker.client.campaigns.template import plain
from octoworker.errors import PayloadError
from octoworker.sms import sizes
from octoworker.telemetry import escape

RECIPIENT_NAMES = (
    *("recipient", "recipients", "to", "number", "numero", "mobile", "portable", "telephone_portable"),
    *("telephone_mobile", "tel_portable", "tel_mobile", "numero_de_portable", "no_portable", "no_mobile", "gsm"),
    *("numero_de_telephone", "no_de_telephone", "no_telephone", "no_tel", "num_tel", "telephone", "tel"),
    *("phone", "phone_number", "mobile_phone", "msisdn", "sms"),
)
"""Names under which people keep mobile numbers, the surest first."""


@dataclass(frozen=True)
class Row:
    """One row: the line it begins on, and its values by plain name of the column."""

    line: int
    values: Mapping[str, str]


class Source(Protocol):
    """Where rows come from, the one with the names of the columns first."""

    def rows(self) -> Rows: ...


class Table:
    """A file with the names of its columns in its first row. PayloadError when it cannot be one.

    `encoding` and `sheet` say what a file does not say for certain.
    """

    def __init__(self, path: Path, *, encoding: str | None = None, sheet: str | None = None) -> None:
        self.path = path
        self._source: Source
        if path.exists() and not path.is_file() and not path.is_dir():
            raise PayloadError(["file: give a file, which can be read again, and no pipe."])
        if sheets.is_one(path):
            digest, self._source = letters.digest_of(path), sheets.Sheet(path, sheet)
        else:
            found = letters.looked_through(path, encoding)
            digest, self._source = found.digest, Delimited(path, found.encoding)
        self.digest = ":".join(filter(None, (digest, encoding, sheet)))
        self._names = self._heading()
        self.columns = tuple(name for name in self._names if name)
        if not self.columns:
            raise PayloadError(["file: it is empty; its first row holds the names of the columns."])
        if len(self.columns) > sizes.COLUMNS:
            raise PayloadError([f"file: it has more than {sizes.COLUMNS} columns."])
        if len(set(self.columns)) != len(self.columns):
            raise PayloadError(["file: two columns have the same name; rename one."])

    def recipient_column(self, wanted: str | None) -> str:
        """Which column holds the numbers."""
        if any(map(_is_a_number, self.columns)):
            raise PayloadError(
                ["file: a number stands in its first row, which holds the names of the columns; put them above it."]
            )
        if wanted is not None:
            if plain(wanted) not in self.columns:
                raise PayloadError([f"column: the file has none of that name; it has {self.listed}."])
            return plain(wanted)
        found = next((name for name in RECIPIENT_NAMES if name in self.columns), None)
        if found is None:
            raise PayloadError([f"file: no column looks like numbers; name it with --column ({self.listed})."])
        return found

    @property
    def listed(self) -> str:
        """The names of its columns, to be shown."""
        return escape.terminal(", ".join(self.columns))

    def check(self) -> None:
        """Read every row, so that nobody of a file is taken when one of its rows cannot be read. PayloadError names it."""
        for _ in self:
            pass

    def __iter__(self) -> Iterator[Row]:
        rows = self._source.rows()
        next(rows, None)
        for line, cells in rows:
            words = [cell.strip() for cell in cells]
            if any(words):
                yield Row(line, self._values(line, words))

    def _heading(self) -> tuple[str, ...]:
        rows = self._source.rows()
        _, cells = next(rows, (0, []))
        return tuple(plain(cell) for cell in cells)

    def _values(self, line: int, words: list[str]) -> dict[str, str]:
        """The values of a row. A row that ends early has nothing in its last columns; one that is too long has lost a
        delimiter or a quote, and its values stand in the wrong columns."""
        if any(words[len(self._names) :]):
            where = f"file: the row that begins in line {line} has more cells than there are columns"
            raise PayloadError([f"{where}; put a cell that holds the delimiter in quotes."])
        if any(word for name, word in zip(self._names, words, strict=False) if not name):
            raise PayloadError([f"file: line {line} has a value in a column without a name; name it, or delete it."])
        full = [*words, *[""] * (len(self._names) - len(words))]
        return {name: word for name, word in zip(self._names, full, strict=False) if name}


def _is_a_number(name: str) -> bool:
    """Whether a number stands in place of a column's name: in a file without names, whose first person would be left out."""
    digits = sum(map(str.isdigit, name))
    return not name.strip("+0123456789_()/") and 9 <= digits <= 15 and (name[0] in "+(0" or digits <= 11)
