"""Reading the CSV files that people have: exports of Excel, of shops and of address books.

UTF-8 with or without a mark at its start, else cp1252. Commas, semicolons or tabs. Quoted fields may hold line ends.
Row by row: a million of them take no more memory than one.
"""

from __future__ import annotations

import codecs
import csv
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from octoworker.client.campaigns.template import plain
from octoworker.errors import PayloadError

DELIMITERS = ";,\t"

RECIPIENT_NAMES = (
    *("recipient", "recipients", "to", "number", "numero", "numero_de_telephone", "telephone", "tel", "phone"),
    *("phone_number", "mobile", "portable", "telephone_portable", "telephone_mobile", "gsm", "msisdn", "sms"),
)
"""Names under which people keep mobile numbers, the surest first."""

PIECE = 1 << 20
LONGEST_FIELD = 1 << 17
"""Characters of one field: more means a quote that was never closed."""


@dataclass(frozen=True)
class Row:
    """One row: the line it begins on, and its values by plain name of the column."""

    line: int
    values: Mapping[str, str]


class Table:
    """A CSV file. PayloadError when it cannot be one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.digest, self.encoding = _looked_through(path)
        with self._open() as file:
            head = file.readline()
            self.delimiter = max(DELIMITERS, key=lambda sign: _outside_quotes(head).count(sign))
        self.columns = tuple(plain(name) for name in next(self._rows(), ((), []))[1])
        if len(set(self.columns)) != len(self.columns):
            raise PayloadError(["file: two columns have the same name; rename one."])

    def recipient_column(self, wanted: str | None) -> str:
        """Which column holds the numbers."""
        if wanted is not None:
            if plain(wanted) not in self.columns:
                raise PayloadError([f"column: the file has none of that name; it has {', '.join(self.columns)}."])
            return plain(wanted)
        found = next((name for name in RECIPIENT_NAMES if name in self.columns), None)
        if found is None:
            raise PayloadError(
                [f"file: no column looks like numbers; name it with --column ({', '.join(self.columns)})."]
            )
        return found

    def __iter__(self) -> Iterator[Row]:
        rows = self._rows()
        next(rows, None)
        for line, cells in rows:
            if any(cell.strip() for cell in cells):
                padded = [*cells, *[""] * (len(self.columns) - len(cells))]
                yield Row(line, dict(zip(self.columns, (cell.strip() for cell in padded), strict=False)))

    def _rows(self) -> Iterator[tuple[int, list[str]]]:
        csv.field_size_limit(LONGEST_FIELD)
        with self._open() as file:
            reader, line = csv.reader(file, delimiter=self.delimiter), 1
            try:
                for cells in reader:
                    yield line, cells
                    line = reader.line_num + 1
            except csv.Error:
                raise PayloadError(
                    [f"file: the row that begins in line {line} cannot be read; is a quote left open?"]
                ) from None

    def _open(self) -> TextIO:
        return self.path.open(encoding=self.encoding, newline="", errors="replace")


def _looked_through(path: Path) -> tuple[str, str]:
    """A digest of the content, and how it is encoded."""
    digest, sound = hashlib.sha256(), True
    decoder = codecs.getincrementaldecoder("utf-8-sig")()
    try:
        with path.open("rb") as file:
            while piece := file.read(PIECE):
                digest.update(piece)
                if sound:
                    try:
                        decoder.decode(piece)
                    except UnicodeDecodeError:
                        sound = False
            if sound:
                try:
                    decoder.decode(b"", final=True)
                except UnicodeDecodeError:
                    sound = False
    except OSError as error:
        raise PayloadError([f"file: it cannot be read ({error.strerror})."]) from None
    return digest.hexdigest(), "utf-8-sig" if sound else "cp1252"


def _outside_quotes(head: str) -> str:
    return "".join(head.split('"')[::2])
