"""The encoding of a file. An encoding that is not certain is asked for, never guessed.

UTF-8 and UTF-16 are recognised with certainty. Among the old encodings cp1252 is what Windows writes in Western Europe; Mac Roman,
the DOS code pages and those of other regions share its bytes. So cp1252 is believed only where nothing contradicts it:
a sign in the middle of a word does, and so does a capital after a small letter.
"""

from __future__ import annotations

import codecs
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from octoworker.errors import PayloadError
from octoworker.sms import sizes

PIECE = 1 << 20
"""Bytes read at once."""

LONGEST_LINE = 4 * sizes.CSV_LINE
"""Bytes: UTF-8 writes a character in four at the most."""

NAMES = ("utf-8", "utf-16", "cp1252", "iso-8859-15", "mac-roman", "cp850", "cp1250", "cp1251")
"""Encodings that people may name. Each can be the right one for a file from Europe."""

ASK = f"name it with --encoding ({', '.join(NAMES[2:])}, ...), or save the file as UTF-8."

_CODECS = {"utf-8": "utf-8-sig"}

_L = r"A-Za-z\xc0-\xd6\xd8-\xf6\xf8-\xff"
_DOUBTFUL = re.compile(
    "|".join(
        (
            r"[\x81\x8d\x8f\x90\x9d\xa4]",  # signs that cp1252 has not, and that of ISO-8859-15 for the euro
            rf"[{_L}][\x80\x82-\x8b\x8e\x91\x93\x95-\x9b\x9e\x9f]",  # a sign after a letter: é in Mac Roman and cp850
            rf"[\x80\x82\x83\x85-\x8b\x8e\x95-\x9b\x9e\x9f][{_L}]",  # the same before one
            rf"[\xa2-\xa8\xac\xaf\xb1-\xb6\xb8\xb9\xbc-\xbe][{_L}]",
            rf"[{_L}]\x94[{_L}]",  # a closing quote inside a word
            r"[\x8c\x9c](?![UuIi])|[A-Za-z]\x8c(?=[a-z])",  # œ stands before u or i
            rf"[{_L}][\xa1-\xa9\xac\xad\xaf\xb1\xb4-\xb6\xb8\xb9\xbc-\xbf]",
            rf"[{_L}][\xaa\xae\xb0\xb2\xb3\xba\xbb][{_L}]|(?![mM])[{_L}][\xb2\xb3]",
            r"[a-z][\xc0-\xd6\xd8-\xde]|[A-Z][\xe0-\xf6\xf8-\xfe][A-Z]",  # capitals and small letters mixed
            r"(?<![A-Za-z])[A-Z]\xd5[A-Z]",  # the apostrophe of Mac Roman
            rf"[{_L}][\xd7\xf7]|[\xd7\xf7][{_L}]",
            r"[\xc0-\xff]{3}",  # words of another alphabet
        )
    ).encode("latin-1")
)
"""What no text of Western Europe in cp1252 holds."""

_ONLY_WITH_PROOF = re.compile(rf"[{_L}][\x92\xa0\x9c][{_L}]|\x9c[{_L}]".encode("latin-1"))
"""An apostrophe, a no-break space and œ inside a word, which are í, á and ú elsewhere."""

_PROOF = re.compile(rb"[a-z][\xdf-\xf6\xf8-\xff](?![A-Z])")
"""A small letter with an accent inside a word of small letters: in the other encodings a capital or a sign."""


@dataclass(frozen=True)
class Letters:
    """What is learned of a file in one pass. `digest`: of its bytes. `encoding`: a name that Python knows."""

    digest: str
    encoding: str


def looked_through(path: Path, wanted: str | None = None) -> Letters:
    """Read a file once. PayloadError when it is no text, when its encoding is not certain, or not the one that is named."""
    with _opened(path) as file:
        digest, begin = hashlib.sha256(), file.read(len(codecs.BOM_UTF16_LE))
        file.seek(0)
        if wanted is None and begin in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            wanted = "utf-16"
        if wanted is None:
            encoding = _Guess().of(_lines(_pieces(file, digest)))
        else:
            encoding = _known(wanted)
            _decode_all(_pieces(file, digest), encoding, wanted)
        return Letters(digest.hexdigest(), encoding)


def digest_of(path: Path) -> str:
    """The digest of a file that is no text."""
    with _opened(path) as file:
        digest = hashlib.sha256()
        for _ in _pieces(file, digest):
            pass
        return digest.hexdigest()


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise PayloadError([f"file: it cannot be read ({error.strerror})."]) from None


def _known(wanted: str) -> str:
    named = {codecs.lookup(name).name: name for name in NAMES}
    try:
        name = named[codecs.lookup(wanted).name]
    except (LookupError, ValueError):
        raise PayloadError([f"encoding: use one of {', '.join(NAMES)}."]) from None
    return _CODECS.get(name, name)


def _pieces(file: BinaryIO, digest: hashlib._Hash) -> Iterator[bytes]:
    while piece := file.read(PIECE):
        digest.update(piece)
        yield piece


def _decode_all(pieces: Iterator[bytes], encoding: str, wanted: str) -> None:
    decoder, line = codecs.getincrementaldecoder(encoding)(), 1
    try:
        for piece in pieces:
            line += decoder.decode(piece).count("\n")
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        raise PayloadError([f"file: from line {line} on it cannot be read as {wanted}; {ASK}"]) from None


def _lines(pieces: Iterator[bytes]) -> Iterator[tuple[int, bytes]]:
    """Each line with its number. Pieces that are plain ASCII are passed over: every encoding here reads them alike."""
    number, rest = 1, b""
    for piece in pieces:
        if b"\0" in piece:
            number += (rest + piece).partition(b"\0")[0].count(b"\n")
            raise PayloadError([f"file: line {number} holds bytes that are no text; give a CSV, .xlsx or .ods file."])
        data = rest + piece
        lines = data.splitlines(keepends=True)
        rest = lines.pop()
        if len(rest) > LONGEST_LINE:
            raise PayloadError([f"file: line {number + len(lines)} is longer than a row may be; is a quote left open?"])
        if not data.isascii():
            yield from enumerate(lines, number)
        number += len(lines)
    yield number, rest


@dataclass
class _Guess:
    """What the lines say about the encoding. Each number is the first line of its kind, 0 for none."""

    in_utf8: int = 0
    in_another: int = 0
    doubtful: int = 0
    to_be_proved: int = 0
    proved: bool = False

    def of(self, lines: Iterator[tuple[int, bytes]]) -> str:
        for number, line in lines:
            if not line.isascii():
                self._look_at(number, line)
        if not self.in_another:
            return "utf-8-sig"
        if self.in_utf8:
            which = f"line {self.in_utf8} is in UTF-8, line {self.in_another} is not"
            raise PayloadError([f"file: its lines are in several encodings ({which}); if it is in one, {ASK}"])
        doubtful = self.doubtful or (0 if self.proved else self.to_be_proved)
        if doubtful:
            raise PayloadError([f"file: line {doubtful} does not say in which encoding it is; {ASK}"])
        return "cp1252"

    def _look_at(self, number: int, line: bytes) -> None:
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError:
            self.in_another = self.in_another or number
            if _DOUBTFUL.search(line):
                self.doubtful = self.doubtful or number
            if _ONLY_WITH_PROOF.search(line):
                self.to_be_proved = self.to_be_proved or number
            self.proved = self.proved or bool(_PROOF.search(line))
            return
        self.in_utf8 = self.in_utf8 or number
        if "\ufffd" in text:
            raise PayloadError(
                [f"file: line {number} was garbled before it was saved; save the file anew where it comes from."]
            )
