"""The grammar of a CSV file (RFC 4180): what is not well-formed is refused with its line, and never read otherwise.

A cell may stand in quotes as a whole, and then holds delimiters, line ends, and quotes written twice. Elsewhere a quote
has no place, but for Excel's `="06..."`. Row by row: a million of them take no more memory than one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from octoworker.errors import PayloadError
from octoworker.sms import sizes

Rows = Iterator[tuple[int, list[str]]]
"""Rows with the line each begins on, the one with the names of the columns first."""

DELIMITERS = ";,\t"
"""The likeliest first."""

_SEP = re.compile(r"sep=([;,\t|])", re.IGNORECASE)
"""A first line that Excel understands and takes away."""

_OPEN = "is a quote left open?"


class Delimited:
    """A CSV file in a known encoding."""

    def __init__(self, path: Path, encoding: str) -> None:
        self._path, self._encoding = path, encoding

    def rows(self) -> Rows:
        """Its rows, from the one with the names of the columns on. PayloadError for the first that is not well-formed."""
        with self._path.open(encoding=self._encoding, newline="") as file:
            records = _records(file)
            delimiter, first = _heading(records)
            if first is None:
                return
            cells = _cells(delimiter)
            yield first[0], _split(*first, delimiter, cells)
            for line, record in records:
                yield line, _split(line, record, delimiter, cells)


def _heading(records: Iterator[tuple[int, str]]) -> tuple[str, tuple[int, str] | None]:
    """The delimiter, and the first row that is not blank."""
    reply = ""
    for line, record in records:
        if not reply and (found := _SEP.fullmatch(record)):
            reply = found[1]
        elif record.strip(" \t;,"):
            if len(record) > sizes.FILE_HEADER:
                raise PayloadError([f"file: the names of its columns (line {line}) are too long; {_OPEN}"])
            return reply or _likeliest(record), (line, record)
    return reply, None


def _likeliest(heading: str) -> str:
    outside_quotes = "".join(heading.split('"')[::2])
    return max(DELIMITERS, key=outside_quotes.count)


def _records(file: TextIO) -> Iterator[tuple[int, str]]:
    """Each row as it is written, without its line end, and the line it begins on."""
    line = 0
    while piece := file.readline(sizes.CSV_LINE + 1):
        begins, pieces, length, quotes = line + 1, [piece], len(piece), piece.count('"')
        line += 1
        while quotes % 2 and length <= sizes.CSV_LINE and (piece := file.readline(sizes.CSV_LINE + 1)):
            pieces.append(piece)
            length, quotes = length + len(piece), quotes + piece.count('"')
            line += 1
        if length > sizes.CSV_LINE:
            raise PayloadError([f"file: the row that begins in line {begins} is too long; {_OPEN}"])
        if quotes % 2:
            raise PayloadError([f"file: the row that begins in line {begins} has an odd number of quotes; {_OPEN}"])
        record = "".join(pieces)
        if "\0" in record:
            raise PayloadError([f"file: line {begins} holds bytes that are no text; give a CSV, .xlsx or .ods file."])
        yield begins, record.removesuffix("\n").removesuffix("\r")


def _cells(delimiter: str) -> re.Pattern[str]:
    sign = re.escape(delimiter)
    return re.compile(rf'(?:="([^"]*)"|"([^"]*(?:""[^"]*)*)"|([^"{sign}]*))({sign}|\Z)')


def _split(line: int, record: str, delimiter: str, cells: re.Pattern[str]) -> list[str]:
    if '"' not in record:
        found = record.split(delimiter)
    else:
        found, at, more = [], 0, True
        while more:
            cell = cells.match(record, at)
            if cell is None:
                where = f"file: the row that begins in line {line} has a quote where none may stand"
                raise PayloadError([f"{where}; put the whole cell in quotes, and write a quote in it twice."])
            formula, quoted, plain, end = cell.groups()
            found.append(plain or formula or _unquoted(quoted or ""))
            at, more = cell.end(), bool(end)
    if max(map(len, found)) > sizes.CSV_CELL:
        raise PayloadError([f"file: a cell of the row that begins in line {line} is too long; {_OPEN}"])
    return found


def _unquoted(quoted: str) -> str:
    """A cell without its quotes, and without Excel's trick to keep a zero in front."""
    cell = quoted.replace('""', '"')
    formula = _FORMULA.fullmatch(cell)
    return formula[1] if formula else cell


_FORMULA = re.compile(r'="([^"]*)"')
