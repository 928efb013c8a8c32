"""Spreadsheets: .xlsx and .ods, as rows of words.

1. A process of its own reads the file (`unpack`), with a bound on its memory: whatever a file makes the reader do, it costs that
   process and not this one.
2. Its rows lie in a file without a name, which goes with this process. So they take no memory here, however many there are.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import weakref
from importlib.util import find_spec
from pathlib import Path

from octoworker.client.campaigns.delimited import Rows
from octoworker.errors import PayloadError

ZIP, OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
"""How .xlsx and .ods begin, and how the older .xls does, and one with a password."""

REFUSED = 3
"""Exit status of the reader when it says why it does not read a file."""

_READER = "from octoworker.client.campaigns.unpack import main; main()"


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
        if find_spec("python_calamine") is None:
            raise PayloadError(["file: to read spreadsheets install octoworker[tables], or save it as CSV."])
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the sheet
        weakref.finalize(self, self._file.close)
        command = [sys.executable, "-P", "-c", _READER, str(path), json.dumps(name)]
        # The same modules as here, and none that lies in the present folder.
        environ = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        done = subprocess.run(  # noqa: S603 - our own command
            command, stdin=subprocess.DEVNULL, stdout=self._file, stderr=subprocess.PIPE, env=environ, check=False
        )
        if done.returncode:
            raise PayloadError([_why(done)])

    def rows(self) -> Rows:
        """Its rows with their numbers. Numbers and dates are written as the spreadsheet shows them by default."""
        at = 0
        while True:
            self._file.seek(at)
            written = self._file.readline()
            if not written:
                return
            at += len(written)
            line, cells = json.loads(written)
            yield line, cells


def _why(done: subprocess.CompletedProcess[bytes]) -> str:
    """The reader's own sentence, or what its sudden end means."""
    if done.returncode == REFUSED:
        return done.stderr.decode()
    return "file: this spreadsheet is too large or damaged; delete the empty rows and columns, or save it as CSV."
