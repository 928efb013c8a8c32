"""The process that reads a spreadsheet. Owner of python_calamine, which is installed with octoworker[tables].

The library unpacks one sheet as a whole, and a file of some kB can make that any size. So this process may take only so much
memory, and the size of each part is counted while it is unpacked: what the file itself says of it may be a lie. 300,000 rows of
two columns take some 50 MB.
"""

from __future__ import annotations

import json
import re
import resource
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from octoworker.client.campaigns.delimited import Rows
from octoworker.client.campaigns.sheets import REFUSED
from octoworker.errors import PayloadError
from octoworker.sms import sizes
from octoworker.telemetry import escape

if TYPE_CHECKING:
    from python_calamine import CalamineSheet, CalamineWorkbook

MEMORY = 2 * 1024 * 1024 * 1024
"""Bytes of addresses: the largest sheet that is allowed takes a third of it."""

CPU = 600
"""Seconds of work: a sheet of the largest size takes some twenty."""

PIECE = 1 << 20

_CELL = re.compile(rb"\br=[\"']([A-Z]{1,3})([0-9]{1,7})[\"']")
_OVERLAP = 32
"""Bytes, more than one such attribute has."""

DAMAGED = "file: this spreadsheet cannot be read; save it anew as .xlsx, or as CSV."
TOO_LARGE = "file: this spreadsheet is too large; save it as CSV."


def main() -> None:
    """`PATH NAME`: the rows of a sheet on standard output, each a line of JSON, or why not on standard error."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU, CPU))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # it would hold all numbers
    path, name = sys.argv[1:]
    try:
        _write(rows(Path(path), json.loads(name)))
    except PayloadError as refused:
        sys.stderr.buffer.write(refused.problems[0].encode())
        raise SystemExit(REFUSED) from None


def _write(found: Rows) -> None:
    written = 0
    for row in found:
        line = json.dumps(row) + "\n"
        written += len(line)
        if written > sizes.SPREADSHEET:
            raise PayloadError([TOO_LARGE])
        sys.stdout.write(line)


def rows(path: Path, name: str | None = None) -> Rows:
    """The rows of a sheet with their numbers, from the first that is not blank on. PayloadError: it cannot be read."""
    measure(path)
    sheet = _chosen(_opened(path), name)
    begun = False
    for line, values in enumerate(sheet.iter_rows(), 1):
        cells = [_WRITTEN.get(type(value), str)(value) for value in values]
        if max(map(len, cells), default=0) > sizes.CSV_CELL:
            raise PayloadError([f"file: a cell of row {line} is too long; use at most {sizes.CSV_CELL} characters."])
        begun = begun or any(map(str.strip, cells))
        if begun:
            yield line, cells


def _opened(path: Path) -> CalamineWorkbook:
    from python_calamine import CalamineError, CalamineWorkbook  # noqa: PLC0415 - an extra that few need

    try:
        return CalamineWorkbook.from_path(str(path))
    except (CalamineError, OSError, ValueError):
        raise PayloadError([DAMAGED]) from None


def _chosen(book: CalamineWorkbook, name: str | None) -> CalamineSheet:
    from python_calamine import CalamineError, SheetTypeEnum, SheetVisibleEnum  # noqa: PLC0415 - the file is open, so it is there

    if name is not None and name not in book.sheet_names:
        raise PayloadError([f"sheet: there is none of that name; there are {_listed(book.sheet_names)}."])
    seen = (each for each in book.sheets_metadata if each.visible is SheetVisibleEnum.Visible)
    names = [each.name for each in seen if each.typ is SheetTypeEnum.WorkSheet] if name is None else [name]
    try:
        sheets = [book.get_sheet_by_name(each) for each in names]
    except (CalamineError, OSError, ValueError):
        raise PayloadError(["file: a sheet cannot be read; save it anew as .xlsx, or as CSV."]) from None
    full = [sheet for sheet in sheets if sheet.start is not None]
    if len(full) > 1:
        raise PayloadError([f"file: it has several sheets; name one with --sheet ({_listed(s.name for s in full)})."])
    if not full:
        raise PayloadError(["file: it is empty; its first row holds the names of the columns."])
    return full[0]


def _listed(names: Iterable[str]) -> str:
    return ", ".join(escape.terminal(name, longest=40) for name in names)


def _number(value: float) -> str:
    """Without a fraction where it is whole: telephone numbers are floats in a spreadsheet."""
    return str(int(value)) if value.is_integer() and abs(value) < _EXACT else repr(value)


_EXACT = 2.0**53
"""Up to here a float holds every whole number."""


def _moment(value: datetime) -> str:
    return f"{value:%d/%m/%Y}" if value.time() == time() else f"{value:%d/%m/%Y %H:%M}"


_WRITTEN: Mapping[type, Callable[[Any], str]] = {
    bool: lambda value: str(value).lower(),
    float: _number,
    datetime: _moment,
    date: lambda value: f"{value:%d/%m/%Y}",
    time: lambda value: f"{value:%H:%M}",
}
"""How a cell is written that holds no words."""


def measure(path: Path, most: int = sizes.SPREADSHEET) -> None:
    """PayloadError when its parts have more than `most` bytes once they are unpacked, or a sheet too many cells."""
    left = most
    try:
        with zipfile.ZipFile(path) as book:
            for part in book.infolist():
                left -= _measured(_pieces(book, part, left), part.filename)
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, NotImplementedError, RuntimeError):
        raise PayloadError([DAMAGED]) from None


def _pieces(book: zipfile.ZipFile, part: zipfile.ZipInfo, most: int) -> Iterator[bytes]:
    """What a part unpacks to, whatever its header says of that. PayloadError: more than `most` bytes."""
    if part.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise zipfile.BadZipFile
    # zipfile reads no more than is said here, and at the end of that it compares a checksum.
    part.file_size = most + 2 * PIECE
    with book.open(part) as unpacked:
        while piece := unpacked.read(PIECE):
            most -= len(piece)
            if most < 0:
                raise PayloadError([TOO_LARGE])
            yield piece


def _measured(pieces: Iterator[bytes], name: str) -> int:
    """Bytes of a part. Of a sheet its cells are looked at, too: a lone one far away makes it as large as a full one."""
    is_sheet = name.startswith("xl/worksheets/") and name.endswith(".xml")
    size = last_row = last_column = 0
    rest = b""
    for piece in pieces:
        size += len(piece)
        if is_sheet:
            for column, row in _CELL.findall(rest + piece):
                last_row, last_column = max(last_row, int(row)), max(last_column, _column(column))
            rest = piece[-_OVERLAP:]
    if last_row * last_column > sizes.CELLS:
        raise PayloadError(["file: a sheet is too large; delete the empty rows and columns, or save it as CSV."])
    return size


def _column(letters: bytes) -> int:
    """A is 1, AA is 27."""
    number = 0
    for letter in letters:
        number = number * 26 + letter - ord("A") + 1
    return number
