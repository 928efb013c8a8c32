"""The rows of a campaign, read once and whole before the first of them is taken.

A mistake in the last row then takes nobody, and the digest of all of them is known when the first is. Large ones lie in
a file of their own, which goes with the process.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, time
from numbers import Number
from typing import Any, Self

from octoworker.client.campaigns.template import Template, plain
from octoworker.errors import PayloadError
from octoworker.sms import sizes
from octoworker.sms.arguments import said_by, says_what_it_is

IN_MEMORY = 4 * 1024 * 1024
"""Bytes of rows that stay in memory."""


class Spool:
    """Rows that were read: their number as written, and the values of the fields. Iterate as often as you like."""

    def __init__(self, rows: Iterable[Mapping[str, Any]], template: Template, recipient: str) -> None:
        """Reads all rows. TypeError names the first row that has the wrong shape."""
        self._file = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY, mode="w+", encoding="utf-8")  # noqa: SIM115 - closed with the spool
        self.rows = 0
        digest, column = hashlib.sha256(), plain(recipient)
        try:
            for number, row in enumerate(rows, 1):
                line = json.dumps(_read(number, row, column, template.fields), ensure_ascii=True)
                digest.update(line.encode() + b"\n")
                self._file.write(line + "\n")
                self.rows = number
        except BaseException:
            self._file.close()
            raise
        self.digest = digest.hexdigest()

    def __iter__(self) -> Iterator[tuple[int, Any, dict[str, str]]]:
        """Row, number as written, values by plain name."""
        self._file.seek(0)
        for number, line in enumerate(self._file, 1):
            written, values = json.loads(line)
            yield number, written, values

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def _read(number: int, row: object, column: str, fields: Iterable[str]) -> tuple[Any, dict[str, str]]:
    if not isinstance(row, Mapping):
        raise TypeError(f"campaign() row {number}: give a mapping of names to values, not {type(row).__name__}.")
    named = {plain(str(key)): value for key, value in row.items()}
    values = {}
    for name in (column, *fields):
        if name not in named:
            raise TypeError(f"campaign() row {number}: it needs the column {name!r}.")
        values[name] = _words(number, name, named[name])
    return values[column], {name: values[name] for name in fields}


def _words(number: int, name: str, value: object) -> str:
    words = (value if type(value) is str else _said(number, name, value)).strip()
    if len(words) > sizes.CSV_CELL:
        raise PayloadError([f"row {number}, {name}: use at most {sizes.CSV_CELL} characters."])
    return words


def _said(number: int, name: str, value: object) -> str:
    if _is_none(value):
        return ""
    where = f"campaign() row {number}: {name!r}"
    if isinstance(value, str | Number | date | time) or says_what_it_is(value):
        return said_by(where, value)
    raise TypeError(f"{where} needs a string, not {type(value).__name__}.")


def _is_none(value: object) -> bool:
    """Nothing, or what a table has in an empty cell, which is not even equal to itself: a NaN, a NaT."""
    try:
        return value is None or bool(value != value)  # noqa: PLR0124 - that is the question
    except Exception:  # noqa: BLE001 - whatever a stranger's class raises
        return False
