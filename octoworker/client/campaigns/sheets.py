"""Spreadsheets: .xlsx and .ods, as rows of words. Owner of python_calamine, which is installed with octoworker[tables].

The reader unpacks one sheet as a whole, so what that takes is bounded before: by the size of its parts once they are
unpacked, and by the cells between its first and its last one. 300,000 rows of two columns take some 50 MB.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from octoworker.client.campaigns.delimited import Rows
from octoworker.errors import PayloadError
from octoworker.sms import sizes
from octoworker.telemetry import escape

if TYPE_CHECKING:
    from python_calamine import CalamineSheet, CalamineWorkbook

ZIP, OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
"""How .xlsx and .ods begin, and how the older .xls does, and one with a password."""

PIECE = 1 << 20

_CELL = re.compile(rb"\br=[\"']([A-Z]{1,3})([0-9]{1,7})[\"']")
_OVERLAP = 32
"""Bytes, more than one such attribute has."""


def is_one(path: Path) -> bool:
    """Whether this file is a spreadsheet, by its first bytes."""
    try:
        with path.open("rb") as file:
            begin = file.read(len(ZIP))
    except OSError as error:
        raise PayloadError([f"file: it cannot be read ({error.strerror})."]) from None
    if begin == OLE:
        raise PayloadError(["file: this is an old .xls or has a password; save it as .xlsx without one, or as CSV."])
    return begin == ZIP


class Sheet:
    """One sheet of a spreadsheet: the one that is named, or the only one that is not empty."""

    def __init__(self, path: Path, name: str | None = None) -> None:
        _measured(path)
        self._sheet = _chosen(_opened(path), name)

    def rows(self) -> Rows:
        """Its rows with their numbers. Numbers and dates are written as the spreadsheet shows them by default."""
        begun = False
        for line, values in enumerate(self._sheet.iter_rows(), 1):
            cells = [_WRITTEN.get(type(value), str)(value) for value in values]
            begun = begun or any(map(str.strip, cells))
            if begun:
                yield line, cells


def _opened(path: Path) -> CalamineWorkbook:
    try:
        from python_calamine import CalamineError, CalamineWorkbook  # noqa: PLC0415 - an extra that few need
    except ImportError:
        raise PayloadError(["file: to read spreadsheets install octoworker[tables], or save it as CSV."]) from None
    try:
        return CalamineWorkbook.from_path(str(path))
    except (CalamineError, OSError, ValueError):
        raise PayloadError(["file: this spreadsheet cannot be read; save it anew as .xlsx, or as CSV."]) from None


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


def _measured(path: Path) -> None:
    """PayloadError when unpacking it would take too much."""
    try:
        with zipfile.ZipFile(path) as book:
            if sum(part.file_size for part in book.infolist()) > sizes.SPREADSHEET:
                raise PayloadError(["file: this spreadsheet is too large; save it as CSV."])
            for part in book.namelist():
                if part.startswith("xl/worksheets/") and part.endswith(".xml") and _cells(book, part) > sizes.CELLS:
                    raise PayloadError(
                        ["file: a sheet is too large; delete the empty rows and columns, or save it as CSV."]
                    )
    except (zipfile.BadZipFile, OSError, NotImplementedError, RuntimeError):
        raise PayloadError(["file: this spreadsheet cannot be read; save it anew as .xlsx, or as CSV."]) from None


def _cells(book: zipfile.ZipFile, part: str) -> int:
    """Cells between the first and the last one of a sheet: a lone one far away makes it as large as a full one."""
    last_row = last_column = 0
    rest = b""
    with book.open(part) as sheet:
        while piece := sheet.read(PIECE):
            for column, row in _CELL.findall(rest + piece):
                last_row, last_column = max(last_row, int(row)), max(last_column, _column(column))
            rest = piece[-_OVERLAP:]
    return last_row * last_column


def _column(letters: bytes) -> int:
    """A is 1, AA is 27."""
    number = 0
    for letter in letters:
        number = number * 26 + letter - ord("A") + 1
    return number
